"""The demo of segmentation, tiny: a few scenes, one epoch."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.in_this_process import interrupted, trained_here
from rga.demos.demonstration import MARKER, provide
from rga.demos.segmentation import demo_segmentation
from rga.recipes import recipe_from_file
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.recipes import demo
from rga.study.generated import GeneratedData
from rga.study.trainings.job import Job
from rga.study.trainings.side_by_side import Together
from rga.synthetic.streets.streets import GENERATOR, StreetOptions

TINY = {"train_images": 4, "test_images": 3, "epochs": 1}


@pytest.fixture(scope="module")
def streets_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder, made once, with small crops and reading in the test's own process."""
    folder = tmp_path_factory.mktemp("demo") / "output"

    def tiny(attention: str = "rga-sc") -> SegmentationRecipe:
        return demo(attention).override(num_workers=0, crop_size=(48, 64), batch_size=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rga.demos.segmentation.demo", tiny)
        patch.setattr("rga.demos.demonstration.run_jobs", trained_here)
        assert demo_segmentation(folder, **TINY) == 0
    return folder


@pytest.mark.slow
def test_the_report_holds_the_metrics(streets_demo: Path) -> None:
    html = (streets_demo / "report.html").read_text()
    for text in ("plain", "RGA-SC", "mIoU", "pixel accuracy", "sidewalk", "parameters", "MAC", "fingerprint", "rga segment"):
        assert text in html
    log = [json.loads(line) for line in (streets_demo / "rga-sc" / "log.jsonl").read_text().splitlines()]
    last = [event for event in log if event["kind"] == "evaluate"][-1]
    row = re.search(r'<tr class="strong"><th scope="row">RGA-SC</th><td>([\d.]+)%</td><td>([\d.]+)%</td>', html)
    assert row
    assert [float(row[1]), float(row[2])] == pytest.approx([100 * last["mIoU"], 100 * last["pixel_accuracy"]], abs=0.051)


def test_the_report_stands_alone(streets_demo: Path) -> None:
    html = (streets_demo / "report.html").read_text()
    assert html.count("data:image/") == 4
    assert not re.search(r"https?:|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))


def test_both_trainings_differ_in_the_attention_alone(streets_demo: Path) -> None:
    plain, attended = (recipe_from_file(streets_demo / run / "recipe.json").fields() for run in ("plain", "rga-sc"))
    assert {name for name in plain if plain[name] != attended[name]} == {"attention"}


def test_a_second_demo_keeps_the_street_scenes_and_replaces_the_runs(
    streets_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(jobs: Sequence[Job], at_once: int, **_: object) -> Together:
        assert [[path.name for path in job.folder.iterdir()] for job in jobs] == [[MARKER], [MARKER]]
        return interrupted(jobs, at_once)

    monkeypatch.setattr("rga.demos.demonstration.run_jobs", stopped)
    again = tmp_path / "again"
    shutil.copytree(streets_demo, again)
    (again / "mine.txt").write_text("kept")
    assert demo_segmentation(again, **TINY) == 130
    assert "the streets are there already" in capsys.readouterr().out
    assert sorted(path.name for path in again.iterdir() if not path.name.startswith(".lock")) == ["mine.txt", "plain", "rga-sc", "streets"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["streets", "plain", "rga-sc", "report.html"])
def test_what_no_demo_made_is_never_removed(streets_demo: Path, tmp_path: Path, name: str) -> None:
    again = Path(shutil.copytree(streets_demo, tmp_path / "again"))
    if name == "report.html":
        (again / name).write_text("<title>Report to the board</title>")
    else:
        (again / name / MARKER).unlink()
    before = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="name another folder with --output"):
        demo_segmentation(again, **{**TINY, "test_images": 2})
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_other_peoples_files_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "streets").mkdir()
    (tmp_path / "streets" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        demo_segmentation(tmp_path, **TINY)
    assert (tmp_path / "streets" / "thesis.tex").read_text() == "years of work"


def test_options_that_cannot_be_are_refused_before_anything_is_removed(tmp_path: Path) -> None:
    wrong: dict[str, int]
    for wrong, message in (
        ({"train_images": 1}, "a batch of 4 images and tests on 1 at least, got 1 and 3"),
        ({"test_images": 0}, "got 4 and 0"),
        ({"epochs": -1}, "epochs must be at least 1, or 0 for the recipe's, got -1"),
    ):
        (tmp_path / "report.html").write_text("an earlier one")
        with pytest.raises(ValueError, match=message):
            demo_segmentation(tmp_path, **{**TINY, **wrong})
        assert (tmp_path / "report.html").read_text() == "an earlier one"


def test_street_scenes_of_other_options_are_replaced(tmp_path: Path) -> None:
    options = StreetOptions(train=1, val=1, test=0, height=32, width=64)
    data = GeneratedData("streets", "streets", "streets", GENERATOR, options)
    root = provide(data, tmp_path / "streets", Console())
    first = (root / "streets.json").stat().st_mtime_ns
    assert (provide(data, root, Console()) / "streets.json").stat().st_mtime_ns == first
    provide(replace(data, options=replace(options, seed=1)), root, Console())
    assert json.loads((root / "streets.json").read_text())["options"]["seed"] == 1
