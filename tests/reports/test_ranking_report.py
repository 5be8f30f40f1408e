"""The report of a ranking and its figures, of a small generated case."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.ranking.examination import Examination, examine
from rga.ranking.open_set.open_set import OpenSetResult
from rga.reid import evaluate_open_set, rerank, row_distances
from rga.reid.datasets.samples import Sample
from rga.reports import ranking_curves, sections
from rga.reports.evaluation_report import SECTIONS, ranking_sections
from rga.reports.findings import Findings
from rga.reports.rank_list import rank_lists, rank_lists_by
from rga.reports.ranking_curves import draw_cmc, draw_open_set, draw_pair_distances, draw_precision_recall, draw_verification
from rga.reports.reid_runs import findings_of
from rga.reports.report import Section, render_report


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Features of a few people under three cameras, their samples, and the evaluation of both."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("images")
    sides: dict[str, Any] = {}
    for side, size in (("query", 24), ("gallery", 60)):
        ids, cameras = 1 + np.arange(size) % 6, generator.integers(1, 4, size)
        sides[side] = generator.normal(size=(size, 8)) + 1.5 * np.eye(8)[ids]
        sides[f"{side}_labels"] = ids, cameras
        sides[f"{side}_samples"] = []
        for number, (identity, camera) in enumerate(zip(ids, cameras, strict=True)):
            path = folder / f"{side}_{number}.png"
            Image.new("RGB", (8, 16), (40 * int(identity), 90, 120)).save(path)
            sides[f"{side}_samples"].append(Sample(path, int(identity), int(camera)))
    labels = [*sides["query_labels"], *sides["gallery_labels"]]
    sides["distances"] = row_distances(sides["query"], sides["gallery"])
    sides["examined"] = examine(sides["distances"], *labels, metric="cosine")
    sides["open_set"] = evaluate_open_set(sides["distances"], *labels, unknown={1, 2, 3})
    return sides


def size_of(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert len(np.unique(np.asarray(image.convert("L")))) > 20  # something is drawn
        return image.size


def test_figures(made: dict[str, Any]) -> None:
    examined: Examination = made["examined"]
    opened: OpenSetResult = made["open_set"]
    for png in (
        draw_cmc({"neck": examined.result, "pooled": examined.result}),
        draw_precision_recall({"neck": examined.details, "pooled": examined.details}),
        draw_pair_distances(examined.pairs, threshold=0.4),
        draw_pair_distances(examined.pairs),
        draw_open_set({"neck": opened}),
        draw_verification({"neck": examined.pairs}),
    ):
        width, height = size_of(png)
        assert width > height > 200
    assert draw_pair_distances(examined.pairs, threshold=0.4) != draw_pair_distances(examined.pairs)


@pytest.mark.parametrize("name", ["draw_cmc", "draw_precision_recall", "draw_open_set", "draw_verification"])
def test_nothing_to_draw(name: str) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        getattr(ranking_curves, name)({})


def findings(made: dict[str, Any], **changes: Any) -> Findings:
    examined = made["examined"]
    worst = examined.details.queries[examined.details.worst(4)].tolist()
    parts: dict[str, Any] = {
        "examined": {"pooled": examined, "neck": examined},
        "open_set": {"neck": made["open_set"]},
        "shown": "neck",
        "threshold": 0.4,
        "worst": rank_lists_by(made["distances"], made["query_samples"], made["gallery_samples"], worst, top=5),
        "names": [made["query_samples"][index].path.name for index in worst],
    }
    return Findings(**{**parts, **changes})


def test_the_report_shows_everything(made: dict[str, Any]) -> None:
    page = render_report("title", "", ranking_sections(findings(made)))
    examined: Examination = made["examined"]
    assert re.findall("<h2[^>]*>(.*?)</h2>", page) == [
        "Metrics",
        "Ranks",
        "Pairs: same identity or not",
        "Open set: is this identity in the gallery?",
        "From camera to camera",
        "Worst queries",
    ]
    assert page.count("<img") == 6
    assert f"{examined.result.mAP:.2%}" in page
    assert f"{examined.pairs.d_prime:.2f}" in page
    assert f"{made['open_set'].identification_rate_at(0.1):.2%}" in page
    assert examined.cameras is not None
    assert f"{examined.cameras.mAP[0, 1]:.1%}" in page
    lowest = int(examined.details.average_precision.argmin())
    assert f"query_{examined.details.queries[lowest]}.png" in page
    assert f"{examined.details.average_precision[lowest]:.2%}" in page


def test_sections_without_data_are_left_out(made: dict[str, Any]) -> None:
    ids, gallery_ids = made["query_labels"][0], made["gallery_labels"][0]
    without = examine(made["distances"], ids, None, gallery_ids, None, metric="cosine")
    page = render_report("title", "", ranking_sections(findings(made, examined={"neck": without}, open_set={}, threshold=None)))
    assert "camera to camera" not in page
    assert "Open set" not in page
    assert page.count("<img") == 5


def test_rank_lists_by_distances_are_those_of_the_features(made: dict[str, Any]) -> None:
    expected = rank_lists(made["query_samples"], made["query"], made["gallery_samples"], made["gallery"], top=5)
    found = rank_lists_by(made["distances"], made["query_samples"], made["gallery_samples"], [3, 0], top=5)
    for ranked, other in zip(found, (expected[3], expected[0]), strict=True):
        assert [each.sample for each in ranked.found] == [each.sample for each in other.found]
        assert (ranked.query, ranked.first_right, ranked.matches) == (other.query, other.first_right, other.matches)
        np.testing.assert_allclose([each.similarity for each in ranked.found], [each.similarity for each in other.found], atol=1e-9)


def test_rank_lists_of_a_re_ranking(made: dict[str, Any], tmp_path: Path) -> None:
    reranked = rerank(made["query"], made["gallery"], 5, 3)
    (ranked,) = rank_lists_by(reranked, made["query_samples"], made["gallery_samples"], [0], top=60)
    row = np.asarray(reranked)[0]
    own = [sample.identity == ranked.query.identity and sample.camera == ranked.query.camera for sample in made["gallery_samples"]]
    assert [each.similarity for each in ranked.found] == pytest.approx(sorted(1 - row[~np.array(own)], reverse=True))


def test_names_of_files_and_features_are_escaped(made: dict[str, Any]) -> None:
    attack = "<script>alert(1)</script>"
    changes = {
        "examined": {attack: made["examined"]},
        "open_set": {attack: made["open_set"]},
        "shown": attack,
        "names": 4 * [f"{attack}.png"],
    }
    page = render_report(attack, attack, ranking_sections(findings(made, **changes)), attack)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;.png") == 4


def test_runs_come_first_so_that_they_have_their_colours(made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.reports.reid_runs.examination_of", lambda _run: made["examined"])
    runs: list[Any] = [SimpleNamespace(name=name) for name in ("plain", "RGA-SC")]
    found = findings_of(runs, {"histogram": made["examined"]})
    assert (list(found.examined), found.shown, found.by_shown) == (["plain", "RGA-SC", "histogram"], "RGA-SC", "by RGA-SC")


def section_files() -> list[str]:
    """The modules of all sections."""
    found = pkgutil.walk_packages(sections.__path__, f"{sections.__name__}.")
    return [module.name for module in found if not module.ispkg]


@pytest.mark.parametrize("name", section_files())
def test_each_file_of_a_section_has_one_function_that_returns_it(name: str) -> None:
    module = importlib.import_module(name)
    assert inspect.get_annotations(module.section, eval_str=True)["return"] in (Section, Section | None)


def test_the_report_lists_every_section_on_a_ranking() -> None:
    listed = {make.__module__ for make in SECTIONS}
    assert listed == {name for name in section_files() if ".ranking." in name}
