"""The demo, tiny: a few people, one epoch."""

import json
import re
from pathlib import Path

import pytest

from rga.commands import reid_demo
from rga.commands.reid_demo import demo, spread

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
    """Reads pictures in the test's own process, and asks for one pass over the people."""
    recipe = reid_demo.reid_demo
    patch.setattr(reid_demo, "reid_demo", lambda attention: reid_demo.replace(recipe(attention), workers=0, passes=1))


def test_the_report_holds_the_metrics(output: Path) -> None:
    html = (output / "report.html").read_text()
    for text in ("histogram", "plain", "RGA-SC", "R1", "mAP", "mINP", "parameters", "MAC", "fingerprint"):
        assert text in html
    log = [json.loads(line) for line in (output / "rga-sc" / "log.jsonl").read_text().splitlines()]
    last = [event for event in log if event["kind"] == "evaluate"][-1]
    row = re.search(r'<tr class="strong"><td>RGA-SC</td><td>([\d.]+)%</td><td>[\d.]+%</td><td>([\d.]+)%</td>', html)
    assert row
    assert [float(row[1]), float(row[2])] == pytest.approx([100 * last["R1_neck"], 100 * last["mAP_neck"]], abs=0.051)


def test_the_report_stands_alone(output: Path) -> None:
    html = (output / "report.html").read_text()
    assert html.count("data:image/") >= 6
    assert not re.search(r"https?:|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))


def test_both_trainings_differ_in_the_attention_alone(output: Path) -> None:
    plain, attended = (json.loads((output / run / "recipe.json").read_text()) for run in ("plain", "rga-sc"))
    assert {name for name in plain if plain[name] != attended[name]} <= {"attention", "initial_gate"}


def test_a_second_demo_keeps_the_people_and_replaces_the_runs(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_process(monkeypatch)
    old = (output / "plain" / "last" / "model.safetensors").stat().st_mtime_ns
    (output / "mine.txt").write_text("kept")
    assert demo(output, **TINY) == 0
    assert "the people are there already" in capsys.readouterr().out
    assert (output / "plain" / "last" / "model.safetensors").stat().st_mtime_ns > old
    assert (output / "mine.txt").read_text() == "kept"


def test_other_peoples_files_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="not a run of an earlier demo"):
        demo(tmp_path, **TINY)
    (tmp_path / "plain").rename(tmp_path / "people")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        demo(tmp_path, **TINY)
    assert (tmp_path / "people" / "thesis.tex").read_text() == "years of work"


def test_spread_is_even() -> None:
    assert spread(3, 10) == [0, 1, 2]
    assert spread(10, 2) == [2, 7]
