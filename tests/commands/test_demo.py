"""The demo, tiny: a few people, one epoch."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from rga.commands.demo import GENERATED, demo
from rga.commands.demonstration import spread
from rga.data.people import PeopleOptions
from rga.engine.outcome import Outcome
from rga.recipes.reid import reid_demo
from rga.reid.recipe import ReidRecipe

TINY = {"identities": 8, "images_per_camera": 2, "distractors": 4, "epochs": 1}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder, made once."""
    folder = tmp_path_factory.mktemp("demo") / "output"
    with pytest.MonkeyPatch.context() as patch:
        in_process(patch)
        assert demo(folder, **TINY) == 0
    return folder


def in_process(patch: pytest.MonkeyPatch) -> None:
    """Takes a tiny trunk, reads pictures in the test's own process, and asks for one pass over the people."""

    def tiny(attention: str) -> ReidRecipe:
        return replace(reid_demo(attention), trunk="test_resnet", workers=0, passes=1)

    patch.setattr("rga.commands.demo.reid_demo", tiny)


def test_the_report_holds_the_metrics(output: Path) -> None:
    html = (output / "report.html").read_text()
    for text in ("histogram", "plain", "RGA-SC", "R1", "mAP", "mINP", "parameters", "MAC", "fingerprint"):
        assert text in html
    log = [json.loads(line) for line in (output / "rga-sc" / "log.jsonl").read_text().splitlines()]
    last = [event for event in log if event["kind"] == "evaluate"][-1]
    row = re.search(r'<tr class="strong"><td>RGA-SC</td><td>([\d.]+)%</td><td>[\d.]+%</td><td>([\d.]+)%</td>', html)
    assert row
    feature = reid_demo().feature
    assert [float(row[1]), float(row[2])] == pytest.approx([100 * last[f"R1_{feature}"], 100 * last[f"mAP_{feature}"]], abs=0.051)


def test_the_report_stands_alone(output: Path) -> None:
    html = (output / "report.html").read_text()
    assert html.count("data:image/") >= 6
    assert not re.search(r"https?:|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))


def test_both_trainings_differ_in_the_attention_alone(output: Path) -> None:
    plain, attended = (json.loads((output / run / "recipe.json").read_text()) for run in ("plain", "rga-sc"))
    assert {name for name in plain if plain[name] != attended[name]} <= {"attention", "initial_gate"}


def test_a_second_demo_keeps_the_people_and_replaces_the_runs(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(recipe: ReidRecipe, out: Path) -> Outcome:
        assert not out.exists()
        return Outcome(0, 0, {}, None, signal=2)

    monkeypatch.setattr("rga.commands.demonstration.train", stopped)
    again = tmp_path / "again"
    shutil.copytree(output, again)
    (again / "mine.txt").write_text("kept")
    assert demo(again, **TINY) == 130
    assert "the people are there already" in capsys.readouterr().out
    assert sorted(path.name for path in again.iterdir()) == ["mine.txt", "people"]


def test_other_peoples_files_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="not a run of an earlier demo"):
        demo(tmp_path, **TINY)
    (tmp_path / "plain").rename(tmp_path / "people")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        demo(tmp_path, **TINY)
    assert (tmp_path / "people" / "thesis.tex").read_text() == "years of work"


def test_people_of_other_options_are_replaced(tmp_path: Path) -> None:
    options = PeopleOptions(identities=2, cameras=2, images_per_camera=2, distractors=0, junk=0)
    root = GENERATED.provide(tmp_path / "people", options, Console())
    first = (root / "people.json").stat().st_mtime_ns
    assert (GENERATED.provide(root, options, Console()) / "people.json").stat().st_mtime_ns == first
    GENERATED.provide(root, replace(options, seed=1), Console())
    assert json.loads((root / "people.json").read_text())["options"]["seed"] == 1


def test_spread_is_even() -> None:
    assert spread(3, 10) == [0, 1, 2]
    assert spread(10, 2) == [2, 7]
