"""The sections of the demos' reports, one by one; the whole reports are tested with their commands."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.attachment.costs import Cost
from rga.reid.datasets.samples import Sample
from rga.reports.demo_runs import method_columns, spread
from rga.reports.rank_list import LEGEND, Found, RankList
from rga.reports.report import Command, Figure, Paragraph, Section, Table, render_report
from rga.reports.sections.demo import next_steps, predictions, rank_lists, results, settings, training
from rga.segmentation.datasets.classes import numbered

ATTACK = "<script>alert(1)</script>"


def image(path: Path) -> Path:
    Image.new("RGB", (8, 16), (90, 90, 200)).save(path)
    return path


def found_at(rank: int | None, folder: Path) -> RankList:
    """A query whose first match is at a rank."""
    query = Sample(image(folder / "query.png"), 7, 1)
    other = Found(Sample(image(folder / "other.png"), 8, 2), 0.5, right=rank == 1)
    return RankList(query, (other,), rank, 0 if rank is None else 1)


def test_the_last_method_of_the_results_stands_out() -> None:
    detail = Paragraph("more")
    section = results.section(("", "R1"), [("plain", "1 %"), ("RGA-SC", "2 %")], "caption", detail)
    table, after = section.parts
    assert isinstance(table, Table)
    assert (table.strong, after) == (1, detail)


def test_costs() -> None:
    assert method_columns("plain", [0.5], Cost(parameters=1_234_567, macs=9_600_000), 3.6) == ("plain", "50.0%", "1.23 M", "10 M", "4 s")
    assert method_columns("histogram", [1], None, 0) == ("histogram", "100.0%", "-", "-", "-")


def test_settings_show_only_differences_from_the_default() -> None:
    section = settings.section(
        {"epochs": 3, "seed": 0, "data": "there", "test": ""},
        {"epochs": 60, "seed": 0, "data": "here", "test": "other"},
        "people",
        {"identities": 8},
        {"training": 12.6},
    )
    facts, times = section.parts
    assert isinstance(facts, Table)
    assert isinstance(times, Table)
    assert facts.rows[0][1] == "epochs 3, test ''"
    assert facts.rows[1] == ("generated people", "identities 8")
    assert times.rows == (("training", "13"),)


def test_rank_lists_show_the_worst_misses_if_there_are_any(tmp_path: Path) -> None:
    lists = [found_at(rank, tmp_path) for rank in (1, 4, None, 9, 2)]
    section = rank_lists.section("title", lists, "the network", 2, worst=2)
    chosen, worst = section.parts
    assert isinstance(chosen, Figure)
    assert isinstance(worst, Figure)
    assert chosen.caption == LEGEND
    assert worst.caption == "The worst queries. Their first matches are at rank 9, 4."
    assert len(rank_lists.section("title", lists, "the network", 2).parts) == 1
    assert len(rank_lists.section("title", lists[:1], "the network", 2, worst=2).parts) == 1


def test_training_names_the_metric_and_the_samples() -> None:
    curves = Figure.of(Image.new("RGB", (4, 4)), "any").data
    figure, words = training.section(curves, "mIoU", "crops", "It was trained.").parts
    assert isinstance(figure, Figure)
    assert isinstance(words, Paragraph)
    assert "mIoU" in figure.description
    assert "same crops" in str(figure.caption)
    assert str(words.text).startswith("It was trained. The two trainings differ only in the attention.")


def test_next_steps_keep_their_order() -> None:
    section = next_steps.section({"First:": "rga one", "Second:": "rga two"})
    assert section == Section("Next steps", (Command("First:", "rga one"), Command("Second:", "rga two")))


def test_values_from_outside_are_escaped(tmp_path: Path) -> None:
    sections = [
        results.section(("class", ATTACK), [(ATTACK, "1 %")], ATTACK),
        settings.section({ATTACK: ATTACK}, {ATTACK: ""}, "people", {"data": ATTACK}, {ATTACK: 1.0}),
        next_steps.section({ATTACK: f"rga evaluate '{ATTACK}'"}),
        rank_lists.section(ATTACK, [found_at(2, tmp_path)], ATTACK, 1, caption=ATTACK, worst=1),
    ]
    page = render_report("title", "", sections)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == page.count("alert(1)") > 12


@pytest.mark.parametrize(("count", "chosen", "indices"), [(3, 5, [0, 1, 2]), (10, 2, [2, 7]), (0, 4, [])])
def test_examples_are_spread_evenly(count: int, chosen: int, indices: list[int]) -> None:
    assert spread(count, chosen) == indices


def test_predictions_of_large_images_of_several_sizes_lie_beside_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is drawn whole, small enough to be read in a page."""
    classes = numbered(("road", "sky"), ((200, 0, 0), (0, 0, 200)))
    shown = [Image.new("RGB", size, (0, 255, 0)) for size in ((1600, 400), (400, 800), (40, 30))]
    monkeypatch.setattr(predictions, "read_sample", lambda image, _classes: (image, np.zeros((image.height, image.width), np.uint8)))

    def segment(images: list[Image.Image]) -> list[Any]:
        return [SimpleNamespace(labels=np.zeros((image.height, image.width), np.uint8)) for image in images]

    data: Any = SimpleNamespace(val=shown, classes=classes)
    model: Any = SimpleNamespace(segment=segment)
    (figure,) = predictions.section(data, {"plain": model}).parts
    assert isinstance(figure, Figure)
    with Image.open(io.BytesIO(figure.data)) as drawn:
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
    assert figure.size[0] == 3 * predictions.WIDTH + 2 * 4
    green = (pixels[..., 1] > 200) & (pixels[..., 0] < 60)
    column = green[:, : predictions.WIDTH]
    starts = np.flatnonzero(np.diff(column.any(1).astype(int)) == 1)
    assert len(starts) == 3  # three images, apart from one another
    assert not green[:, predictions.WIDTH + 4 :].any()
    assert column.sum(1).max() >= predictions.WIDTH - 4  # the widest one fills its cell
