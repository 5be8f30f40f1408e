"""The report of a ranking, and its images, of a made case."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.ranking.examination import Examination, examine
from rga.ranking.open_set.open_set import OpenSetResult
from rga.reid import evaluate_open_set, rerank, row_distances
from rga.reid.datasets.samples import Sample
from rga.reports import ranking_curves
from rga.reports.rank_list import rank_lists, rank_lists_by
from rga.reports.ranking_curves import draw_open_set, draw_pair_distances, draw_precision_recall, draw_verification
from rga.reports.ranking_report import Findings, ranking_sections
from rga.reports.report import render_report


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Features of a few people under three cameras, samples of theirs, and what is found of them."""
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


def test_images(made: dict[str, Any]) -> None:
    examined: Examination = made["examined"]
    opened: OpenSetResult = made["open_set"]
    for png in (
        draw_precision_recall({"neck": examined.details, "pooled": examined.details}),
        draw_pair_distances(examined.pairs, threshold=0.4),
        draw_pair_distances(examined.pairs),
        draw_open_set({"neck": opened}),
        draw_verification({"neck": examined.pairs}),
    ):
        width, height = size_of(png)
        assert width > height > 200
    assert draw_pair_distances(examined.pairs, threshold=0.4) != draw_pair_distances(examined.pairs)


@pytest.mark.parametrize("name", ["draw_precision_recall", "draw_open_set", "draw_verification"])
def test_nothing_to_draw(name: str) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        getattr(ranking_curves, name)({})


def findings(made: dict[str, Any], **changes: Any) -> Findings:
    examined = made["examined"]
    places = examined.details.queries[examined.details.worst(4)].tolist()
    parts: dict[str, Any] = {
        "examined": {"pooled": examined, "neck": examined},
        "open_set": {"neck": made["open_set"]},
        "shown": "neck",
        "threshold": 0.4,
        "worst": rank_lists_by(made["distances"], made["query_samples"], made["gallery_samples"], places, top=5),
        "names": [made["query_samples"][place].path.name for place in places],
    }
    return Findings(**{**parts, **changes})


def test_the_report_tells_it_all(made: dict[str, Any]) -> None:
    page = render_report("title", "", ranking_sections(findings(made)))
    examined: Examination = made["examined"]
    assert re.findall("<h2>(.*?)</h2>", page) == [
        "Figures",
        "Ranks",
        "Pairs: the same person or not",
        "Is this person in the gallery at all?",
        "From camera to camera",
        "Worst queries",
    ]
    assert page.count("<img") == 6
    assert f"{examined.result.mAP:.2%}" in page
    assert f"{examined.pairs.d_prime:.2f}" in page
    assert f"{made['open_set'].identification_rate_at(0.1):.2%}" in page
    assert examined.cameras is not None
    assert f"{examined.cameras.mAP[0, 1]:.1%}" in page
    worst = int(examined.details.average_precision.argmin())
    assert f"query_{examined.details.queries[worst]}.png" in page
    assert f"{examined.details.average_precision[worst]:.2%}" in page


def test_what_is_not_known_is_left_out(made: dict[str, Any]) -> None:
    ids, gallery_ids = made["query_labels"][0], made["gallery_labels"][0]
    without = examine(made["distances"], ids, None, gallery_ids, None, metric="cosine")
    page = render_report("title", "", ranking_sections(findings(made, examined={"neck": without}, open_set={}, threshold=None)))
    assert "camera to camera" not in page
    assert "in the gallery at all" not in page
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
