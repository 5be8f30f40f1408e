"""The demo, tiny: a few people, one epoch."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.in_this_process import interrupted, trained_here
from rga.demos.demonstration import MARKER, as_rich, provide
from rga.demos.reid import demo_reid
from rga.errors import RgaError
from rga.recipes import recipe_from_file
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import demo
from rga.reports.examples import spread
from rga.reports.report import Table
from rga.study.generated import GeneratedData
from rga.study.trainings.job import Job
from rga.study.trainings.side_by_side import Ended, State, Together
from rga.synthetic.people.people import GENERATOR, PeopleOptions, make_people
from rga.training.run.lock import locked

TINY = {"identities": 8, "images_per_camera": 2, "distractors": 4, "epochs": 1}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder, made once."""
    folder = tmp_path_factory.mktemp("demo") / "output"
    with pytest.MonkeyPatch.context() as patch:
        in_process(patch)
        assert demo_reid(folder, **TINY) == 0
    return folder


def in_process(patch: pytest.MonkeyPatch) -> None:
    """Takes a tiny backbone, reads images in the test's own process, and asks for one pass over the people."""

    def tiny(attention: str = "rga-sc") -> ReidRecipe:
        return demo(attention).override(backbone="test_resnet", num_workers=0, passes_per_epoch=1)

    patch.setattr("rga.demos.reid.demo", tiny)
    patch.setattr("rga.demos.demonstration.run_jobs", trained_here)


def test_the_report_holds_the_metrics(output: Path) -> None:
    html = (output / "report.html").read_text()
    for text in ("histogram", "plain", "RGA-SC", "R1", "mAP", "mINP", "parameters", "MAC", "fingerprint"):
        assert text in html
    log = [json.loads(line) for line in (output / "rga-sc" / "log.jsonl").read_text().splitlines()]
    last = [event for event in log if event["kind"] == "evaluate"][-1]
    row = re.search(r'<tr class="strong"><th scope="row">RGA-SC</th><td>([\d.]+)%</td><td>([\d.]+)%</td>', html)
    assert row
    feature = demo().model.feature
    assert [float(row[1]), float(row[2])] == pytest.approx([100 * last[f"mAP_{feature}"], 100 * last[f"R1_{feature}"]], abs=0.051)


def test_the_table_fits_into_a_terminal() -> None:
    heads = ("", "mAP", "R1", "R5", "R10", "mINP", "parameters", "MAC", "training")
    rows = (
        ("histogram", "1.5%", "1.0%", "3.0%", "5.6%", "0.8%", "-", "-", "-"),
        ("RGA-SC", *["99.9%"] * 5, "25.15 M", "4.05 G", "600 min"),
    )
    console = Console(width=80, file=io.StringIO())
    console.print(as_rich(Table(heads, rows), "People that were not trained on"))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split() for line in lines if "%" in line] == [" ".join(row).split() for row in rows]
    assert [line.split() for line in lines if "mINP" in line] == [list(heads[1:])]


def test_the_report_stands_alone(output: Path) -> None:
    html = (output / "report.html").read_text()
    assert html.count("data:image/") >= 6
    assert not re.search(r"https?:|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))


def test_both_trainings_differ_in_the_attention_alone(output: Path) -> None:
    plain, attended = (recipe_from_file(output / run / "recipe.json").fields() for run in ("plain", "rga-sc"))
    assert {name for name in plain if plain[name] != attended[name]} == {"attention"}


def test_a_second_demo_keeps_the_people_and_replaces_the_runs(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(jobs: Sequence[Job], at_once: int, **_: object) -> Together:
        assert [[path.name for path in job.folder.iterdir()] for job in jobs] == [[MARKER], [MARKER]]
        return interrupted(jobs, at_once)

    monkeypatch.setattr("rga.demos.demonstration.run_jobs", stopped)
    again = tmp_path / "again"
    shutil.copytree(output, again)
    (again / "mine.txt").write_text("kept")
    assert demo_reid(again, **TINY) == 130
    assert "the people are there already" in capsys.readouterr().out
    assert sorted(path.name for path in again.iterdir() if not path.name.startswith(".lock")) == ["mine.txt", "people", "plain", "rga-sc"]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def a_file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("years of work")


def thesis(output: Path, run: Path) -> None:
    a_file(output / "plain" / "thesis.tex")


def a_run(output: Path, run: Path) -> None:
    shutil.copytree(run / "rga-sc", output / "rga-sc")
    (output / "rga-sc" / MARKER).unlink()


def a_run_like_any_other(output: Path, run: Path) -> None:
    shutil.copytree(run / "plain", output / "plain", ignore=shutil.ignore_patterns(MARKER))


def own_people(output: Path, run: Path) -> None:
    make_people(output / "people", PeopleOptions(identities=4, cameras=2, images_per_camera=2, distractors=0, junk=0))


def other_files_for_people(output: Path, run: Path) -> None:
    a_file(output / "people" / "thesis.tex")


def a_report(output: Path, run: Path) -> None:
    output.mkdir()
    (output / "report.html").write_text("<title>Report to the board</title>")


def a_folder_named_like_the_report(output: Path, run: Path) -> None:
    a_file(output / "report.html" / "thesis.tex")


def a_file_named_like_a_run(output: Path, run: Path) -> None:
    a_file(output / "plain")


@pytest.mark.parametrize(
    "there",
    [
        thesis,
        a_run,
        a_run_like_any_other,
        own_people,
        other_files_for_people,
        a_report,
        a_folder_named_like_the_report,
        a_file_named_like_a_run,
    ],
)
def test_what_no_demo_made_is_never_removed(
    output: Path, tmp_path: Path, there: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object, **__: object) -> None:
        raise AssertionError("it went on")

    monkeypatch.setattr("rga.demos.demonstration.run_jobs", too_late)
    mine = tmp_path / "mine"
    there(mine, output)
    before = contents(mine)
    with pytest.raises(FileExistsError, match=r"name another folder with --output, or move it away"):
        demo_reid(mine, **TINY)
    assert contents(mine) == before
    again = Path(shutil.copytree(output, tmp_path / "again"))  # of an earlier demo nothing is removed either, if one thing is not its own
    for name in ("people", "plain", "rga-sc", "report.html"):
        if (mine / name).exists():
            shutil.rmtree(again / name) if (again / name).is_dir() else (again / name).unlink()
            (mine / name).rename(again / name)
    before = contents(again)
    with pytest.raises(FileExistsError, match=r"name another folder with --output, or move it away"):
        demo_reid(again, **TINY)
    assert contents(again) == before


def test_people_of_somebody_are_taken_if_they_are_the_same_and_never_replaced(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rga.demos.demonstration.run_jobs", interrupted)
    mine = tmp_path / "mine"
    shutil.copytree(output / "people", mine / "people")
    (mine / "people" / MARKER).unlink()
    before = contents(mine / "people")
    assert demo_reid(mine, **TINY) == 130
    with pytest.raises(FileExistsError, match="people was not made by rga demo"):
        demo_reid(mine, **{**TINY, "identities": 10})
    assert contents(mine / "people") == before


@pytest.mark.parametrize("options", [{"identities": 3}, {"epochs": -1}, {"seed": -1}])
def test_what_cannot_work_is_told_before_anything_is_removed(output: Path, tmp_path: Path, options: dict[str, int]) -> None:
    again = Path(shutil.copytree(output, tmp_path / "again"))
    before = contents(again)
    with pytest.raises(ValueError, match=next(iter(options))):
        demo_reid(again, **{**TINY, **options})
    assert contents(again) == before


def test_a_report_that_cannot_be_drawn_is_told_before_anything_is_removed(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    again = Path(shutil.copytree(output, tmp_path / "again"))
    before = contents(again)
    with pytest.raises(ModuleNotFoundError):
        demo_reid(again, **TINY)
    assert contents(again) == before


def test_a_demo_removes_nothing_of_one_that_is_at_work(output: Path, tmp_path: Path) -> None:
    busy = Path(shutil.copytree(output, tmp_path / "busy"))
    before = contents(busy)
    with locked(busy), pytest.raises(ValueError, match=r"busy is being trained in by .*choose another folder with --output"):
        demo_reid(busy, **TINY)
    assert {name: held for name, held in contents(busy).items() if ".lock" not in str(name)} == {
        name: held for name, held in before.items() if ".lock" not in str(name)
    }


def test_people_of_other_options_are_replaced(tmp_path: Path) -> None:
    options = PeopleOptions(identities=2, cameras=2, images_per_camera=2, distractors=0, junk=0)
    data = GeneratedData("people", "people", "market1501", GENERATOR, options)
    root = provide(data, tmp_path / "people", Console())
    first = (root / "people.json").stat().st_mtime_ns
    assert (provide(data, root, Console()) / "people.json").stat().st_mtime_ns == first
    provide(replace(data, options=replace(options, seed=1)), root, Console())
    assert json.loads((root / "people.json").read_text())["options"]["seed"] == 1


def test_a_training_that_fails_is_named(output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(jobs: Sequence[Job], at_once: int, **_: object) -> Together:
        return Together((Ended(jobs[1], State.FAILED, 1.0, "exit code 2: no space"),), ())

    monkeypatch.setattr("rga.demos.demonstration.run_jobs", failed)
    again = Path(shutil.copytree(output, tmp_path / "again"))
    with pytest.raises(RgaError, match=r"the training RGA-SC failed: exit code 2: no space; see .*output\.txt"):
        demo_reid(again, **TINY)


def test_spread_is_even() -> None:
    assert spread(3, 10) == [0, 1, 2]
    assert spread(10, 2) == [2, 7]
