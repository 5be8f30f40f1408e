"""``rga reproduce``: what is missing is run, what is finished is recorded, what fails is not counted."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rga.cli.main import main
from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError
from rga.study import settings
from rga.study.evidence import Evidence
from rga.study.reproduce import Study, provided, reproduce
from rga.study.tables import Block
from rga.study.trainings.side_by_side import State, Together
from rga.study.trial import deciding_fields
from rga.synthetic.people.people import PeopleOptions
from rga.terminal import PlainConsole
from rga.training.run.lock import BusyError, locked

PROGRAM = """
import json, pathlib, sys
job = json.loads(sys.stdin.readline())
folder, fields, known = pathlib.Path(job["folder"]), job["recipe"]["fields"], pathlib.Path({known!r})
attention = fields["model"]["attention"]
if attention in (known / "broken.txt").read_text().split():
    print("rga: error: it broke")
    sys.exit(2)
for name in ("last.pt", "previous.pt", "log.jsonl"):
    (folder / name).touch()
for name in ("best", "last"):
    (folder / name).mkdir()
result = json.loads((known / "result.json").read_text())
result["seed"] = fields["seed"]
result["recipe"] |= {{}} if attention == "rga-sc" else {{"attention": attention}}
result["machine"] = dict(threads=fields["machine"]["threads"], device=fields["machine"]["device"], at_once=job["at_once"])
result["machine"]["tf32"] = fields["machine"]["tf32"]
(folder / "result.json").write_text(json.dumps(result))
"""
RESULT = {
    "task": "reid",
    "data": {"name": "market1501", "fingerprint": "f", "samples": 1},
    "metrics": {"mAP_pooled": 0.5},
    "curve": [],
    "parameters": 1,
    "macs": 2,
    "steps": 3,
    "step_seconds": 0.1,
    "hours": 0.2,
    "weights": "w",
    "finished": "now",
    "conditions": {},
}

SMALL = {"image_size": (32, 16), "epochs": 6, "ids_per_batch": 4, "passes_per_epoch": 2, "evaluate_every": 1}


FEW = replace(settings.PEOPLE, options=PeopleOptions(identities=12, images_per_camera=2, distractors=4, junk=2))


@pytest.fixture(scope="module")
def few_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their folder, made once."""
    root = tmp_path_factory.mktemp("few") / "people"
    FEW.provide(root, PlainConsole(quiet=True))
    return root


@pytest.fixture
def small_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting on few people, in the place of the one on many."""
    small = replace(settings.SETTINGS["people"], generated=FEW, changes=SMALL)
    monkeypatch.setitem(settings.SETTINGS, "people", small)


@pytest.fixture
def broken(tmp_path: Path, few_people: Path, small_people: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trainings that last no time; those of the attentions in this file fail."""
    path = tmp_path / "broken.txt"
    path.touch()
    shutil.copytree(few_people, tmp_path / "runs" / "data" / "people")
    (tmp_path / "result.json").write_text(json.dumps({**RESULT, "recipe": people_fields()}))
    monkeypatch.setattr("rga.study.trainings.job.COMMAND", (sys.executable, "-c", PROGRAM.format(known=str(tmp_path))))
    return path


def people_fields() -> dict[str, object]:
    setting = settings.SETTINGS["people"]
    return deciding_fields(setting.recipe(setting.base().data))


def study(tmp_path: Path, **changes: object) -> Study:
    given = Study((Block("people", ("plain", "rga-sc"), 2),), tmp_path / "runs", tmp_path / "evidence")
    return replace(given, **changes)  # type: ignore[arg-type]


def run(of: Study, **options: float) -> Together:
    return reproduce(of, console=PlainConsole(quiet=True), **options)  # type: ignore[arg-type]


def recorded(folder: Path) -> list[tuple[str, int]]:
    return [(run.variant, run.seed) for run in Evidence(folder).runs("people")]


def test_each_run_is_recorded_once_and_what_only_a_training_needs_is_removed(tmp_path: Path, broken: Path) -> None:
    assert len(run(study(tmp_path), at_once=2).of(State.FINISHED)) == 4
    assert recorded(tmp_path / "evidence") == [("plain", 0), ("plain", 1), ("rga-sc", 0), ("rga-sc", 1)]
    assert run(study(tmp_path)).ended == ()
    first = tmp_path / "runs" / "people" / "rga-sc" / "seed-0"
    assert sorted(path.name for path in first.iterdir()) == ["last", "log.jsonl", "output.txt", "result.json"]
    line = Evidence(tmp_path / "evidence").runs("people")[0]
    assert (line.machine["threads"], line.machine["at_once"]) == (1, 2)
    assert len(run(study(tmp_path, seeds=3, variants=("rga-sc",))).ended) == 1
    assert ("rga-sc", 2) in recorded(tmp_path / "evidence")


def test_what_is_recorded_elsewhere_is_not_run_again(tmp_path: Path, broken: Path) -> None:
    run(study(tmp_path))
    assert run(study(tmp_path, output=tmp_path / "another machine")).ended == ()
    assert not (tmp_path / "another machine").exists()


def test_what_was_finished_and_not_recorded_is_recorded_and_not_run_again(tmp_path: Path, broken: Path) -> None:
    run(study(tmp_path))
    (tmp_path / "evidence" / "people.jsonl").unlink()
    broken.write_text("rga-sc none")
    assert run(study(tmp_path)).ended == ()
    assert len(recorded(tmp_path / "evidence")) == 4


def test_what_was_finished_by_another_recipe_is_neither_recorded_nor_replaced(
    tmp_path: Path, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study(tmp_path))
    changed = replace(settings.SETTINGS["people"], changes={**SMALL, "lr": 0.5})
    monkeypatch.setitem(settings.SETTINGS, "people", changed)
    with pytest.raises(InputError, match=r"seed-0 holds a run with another recipe \(lr\): move it away, and it is trained anew"):
        run(study(tmp_path))
    assert len(recorded(tmp_path / "evidence")) == 4


def test_a_training_that_fails_is_told_not_counted_and_tried_again(tmp_path: Path, broken: Path) -> None:
    broken.write_text("rga-sc")
    together = run(study(tmp_path))
    assert together.exit_code == 1
    assert {ended.reason for ended in together.of(State.FAILED)} == {"exit code 2: rga: error: it broke"}
    assert recorded(tmp_path / "evidence") == [("plain", 0), ("plain", 1)]
    broken.write_text("")
    assert len(run(study(tmp_path)).of(State.FINISHED)) == 2


def test_two_calls_on_one_folder_exclude_each_other(tmp_path: Path, broken: Path) -> None:
    with locked(tmp_path / "runs"), pytest.raises(BusyError, match=r"another folder with --output"):
        run(study(tmp_path))
    assert recorded(tmp_path / "evidence") == []


def test_devices_are_used_in_turn(tmp_path: Path, broken: Path) -> None:
    run(study(tmp_path, device="cpu,auto", seeds=1))
    assert {line.machine["device"] for line in Evidence(tmp_path / "evidence").runs("people")} == {"cpu", "auto"}


def test_a_gpu_multiplies_in_tf32_what_was_asked_for(tmp_path: Path, broken: Path) -> None:
    run(study(tmp_path, tf32="none", seeds=1))
    assert {line.machine["tf32"] for line in Evidence(tmp_path / "evidence").runs("people")} == {"none"}


def test_data_are_made_once_and_nobody_elses_are_taken(tmp_path: Path, broken: Path) -> None:
    mine = tmp_path / "runs" / "data" / "people" / "thesis.tex"
    shutil.rmtree(mine.parent)
    mine.parent.mkdir()
    mine.touch()
    with pytest.raises(ExistingFileError, match=r"does not hold the people that are needed: move it away"):
        run(study(tmp_path))
    mine.unlink()
    run(study(tmp_path, seeds=1))
    before = (mine.parent / "people.json").stat().st_mtime_ns
    run(study(tmp_path, seeds=2))
    assert (mine.parent / "people.json").stat().st_mtime_ns == before


def test_settings_whose_data_are_not_named_are_left_out_and_said(tmp_path: Path, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = (Block("cuhk03-part", ("plain",), 1), Block("people", ("plain",), 1))
    reproduce(study(tmp_path, blocks=blocks), console=PlainConsole())
    assert "left out, because their data are not named: CUHK03, a part of it (--data cuhk03-labeled:DIR)" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"name the data: CUHK03, a part of it \(--data cuhk03-labeled:DIR\)"):
        run(study(tmp_path, blocks=blocks[:1]))
    named = DataSpec.parse(f"cuhk03-labeled:{tmp_path}?allow_subset=true")
    parts = [settings.SETTINGS["cuhk03-part"]]
    assert provided(study(tmp_path, data=(named,)), parts, PlainConsole(quiet=True)) == {"cuhk03-part": named}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablatoin"], "did you mean ablation?"),
        (["gates", "--scale", "full"], "the table gates has no full scale"),
        (["gates", "--seeds", "-1"], "seeds must be at least 0"),
        (["gates", "--threads", "-1"], "threads must be at least 0"),
        (["gates", "--device", "cpu,gpu"], "unknown device 'gpu'"),
        (["gates", "--device", "cuda:99"], "device 'cuda:99' is not available here"),
        (["datasets", "--scale", "full", "--data", "msmt17:x"], "no folder x"),
        (["gates", "--minutes", "-1"], "minutes must be at least 0"),
        (["gates", "--at-once", "-1"], "at-once must be at least 0"),
        (["gates", "--variants", "se"], "no variant 'se' is compared there"),
        (["gates", "--variants", "sse"], "no variant 'sse' is compared there: did you mean se?"),
        (["gates", "--data", "camvid:x"], "these tables do not use camvid:x: their data are generated: leave --data out"),
        (["datasets", "--scale", "full", "--data", "camvid:x"], "do not use camvid:x: they take cuhk03-labeled, cuhk03-detected"),
        (["datasets", "--scale", "full", "--data", "msmt17:x", "--data", "msmt17:y"], "msmt17:x and msmt17:y are read alike: name one"),
        (["datasets", "--scale", "full"], "name the data: CUHK03-NP (labelled) (--data cuhk03-labeled:DIR)"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_without_a_table_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    assert "ablation" in capsys.readouterr().out


CALL = """
from dataclasses import replace
from pathlib import Path
from rga.study import settings
from rga.study.reproduce import Study, reproduce
from rga.study.tables import Block
from rga.synthetic.people.people import PeopleOptions
from rga.terminal import PlainConsole
data = replace(settings.PEOPLE, options=PeopleOptions(identities=12, images_per_camera=2, distractors=4, junk=2))
settings.SETTINGS["people"] = replace(settings.SETTINGS["people"], generated=data, changes={small!r})
reproduce(Study((Block("people", ("plain", "rga-sc"), 1),), Path("runs"), Path("evidence")), at_once=2, console=PlainConsole())
"""


@pytest.mark.slow
def test_what_was_killed_continues_and_ends_as_if_nothing_had_happened(tmp_path: Path, small_people: None) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    program = [sys.executable, "-c", CALL.format(small=SMALL)]
    subprocess.run(program, cwd=whole, check=True)
    killed = subprocess.Popen(program, cwd=cut)
    logs = [cut / "runs" / "people" / variant / "seed-0" / "log.jsonl" for variant in ("plain", "rga-sc")]
    wait(lambda: all(log.is_file() and '"epoch": 2' in log.read_text() for log in logs))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = subprocess.run(program, cwd=cut, capture_output=True, text=True, check=True)
    assert "2 runs, of which 0 are recorded" in again.stdout
    first, second = (lines(folder / "evidence" / "people.jsonl") for folder in (whole, cut))
    for one, other in zip(first, second, strict=True):
        assert one["curve"] == other["curve"]
        assert (one["metrics"], one["weights"], one["steps"]) == (other["metrics"], other["weights"], other["steps"])
        assert one["conditions"]["all"]["mAP"] == pytest.approx(one["metrics"]["mAP_pooled"], abs=1e-5)
    assert any("continu" in path.read_text() or path.read_text().count("fingerprint") > 1 for path in cut.rglob("output.txt"))


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        yield json.loads(line)
