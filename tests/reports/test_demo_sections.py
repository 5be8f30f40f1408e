"""The sections of the demos' reports, one by one; the whole reports are tested with their commands."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.reid.datasets.samples import Sample
from rga.reports.examples import spread
from rga.reports.rank_list import Found, RankList
from rga.reports.report import Command, Figure, Paragraph, Section, Table, render_report
from rga.reports.sections.demo import colours, next_steps, settings, training
from rga.reports.sections.run import predictions
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel

ATTACK = "<script>alert(1)</script>"


def image(path: Path) -> Path:
    Image.new("RGB", (8, 16), (90, 90, 200)).save(path)
    return path


def found_at(rank: int | None, folder: Path) -> RankList:
    """A query whose first match is at a rank."""
    query = Sample(image(folder / "query.png"), 7, 1)
    other = Found(Sample(image(folder / "other.png"), 8, 2), 0.5, right=rank == 1)
    return RankList(query, (other,), rank, 0 if rank is None else 1)


def test_settings_tell_what_was_generated_and_how_long_it_took() -> None:
    facts, times = settings.section("people", {"identities": 8, "test": ""}, {"training": 12.6}).parts
    assert isinstance(facts, Table)
    assert isinstance(times, Table)
    assert facts.rows == (("generated people", "identities 8, test ''"),)
    assert times.rows == (("training", "13"),)


def test_a_training_without_an_epoch_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    run: Any = SimpleNamespace(name="plain", folder=tmp_path)
    (words,) = training.section([run], "It was trained.").parts
    assert isinstance(words, Paragraph)
    assert str(words.text).startswith("It was trained. The two trainings see the same images")


def test_next_steps_keep_their_order() -> None:
    section = next_steps.section({"First:": "rga one", "Second:": "rga two"})
    assert section == Section("Next steps", (Command("First:", "rga one"), Command("Second:", "rga two")))


def test_values_from_outside_are_escaped(tmp_path: Path) -> None:
    sections = [
        settings.section("people", {"data": ATTACK, ATTACK: 1}, {ATTACK: 1.0}),
        next_steps.section({ATTACK: f"rga evaluate '{ATTACK}'"}),
        colours.section([found_at(2, tmp_path)]),
    ]
    page = render_report("title", "", sections)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == page.count("alert(1)") >= 5


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
    model = SegmentationModel.__new__(SegmentationModel)
    object.__setattr__(model, "segment", segment)
    run: Any = SimpleNamespace(name="plain", model=model, data=data)
    (figure,) = predictions.section([run]).parts
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
