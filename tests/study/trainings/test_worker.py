"""A training's process: it waits for one that still holds the run, and continues what that one leaves."""

import json
import subprocess
from pathlib import Path

import pytest

from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import tiny
from rga.study.trainings import worker
from rga.study.trainings.job import COMMAND, RESULT, Job
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.outcome import Outcome
from rga.training.run.checkpoint import LAST
from rga.training.run.lock import BusyError

DONE = Outcome(1, 2, {}, None)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was called; no training takes place."""
    made: list[str] = []

    def resume(_folder: Path, **_changes: object) -> Outcome:
        made.append("resume")
        return DONE

    monkeypatch.setattr(worker, "recipe_from_file", lambda _path: tiny())
    monkeypatch.setattr(worker, "resume", resume)
    return made


def test_a_run_that_another_process_has_left_with_a_checkpoint_is_continued(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun_elsewhere(_recipe: ReidRecipe, *, output: Path) -> Outcome:
        calls.append("train")
        (output / LAST).touch()
        raise ExistingFileError("holds a run already")

    monkeypatch.setattr(worker, "train", begun_elsewhere)
    assert worker.patiently(tiny(), tmp_path) is DONE
    assert calls == ["train", "resume"]


def test_it_waits_for_a_process_that_holds_the_run_and_not_for_ever(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_recipe: ReidRecipe, *, output: Path) -> Outcome:
        calls.append("train")
        if calls.count("train") == 2:
            (output / LAST).touch()
        raise BusyError("held")

    monkeypatch.setattr(worker, "train", busy)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    assert worker.patiently(tiny(), tmp_path) is DONE
    assert calls == ["train", "train", "resume"]
    (tmp_path / LAST).unlink()
    monkeypatch.setattr(worker, "PATIENCE", -1.0)
    with pytest.raises(BusyError):
        worker.patiently(tiny(), tmp_path)


def test_what_is_no_run_is_refused_at_once(tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def foreign(_recipe: ReidRecipe, *, output: Path) -> Outcome:
        raise ExistingFileError("log.jsonl is there already, and not of a run")

    monkeypatch.setattr(worker, "train", foreign)
    with pytest.raises(ExistingFileError):
        worker.patiently(tiny(), tmp_path)


def test_a_run_of_another_recipe_is_refused(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / LAST).touch()
    with pytest.raises(InputError, match="holds a run with another recipe: move it away"):
        worker.patiently(tiny().override(lr=0.5), tmp_path)
    assert calls == []


@pytest.mark.slow
def test_a_training_whose_images_other_processes_read_ends(tmp_path: Path) -> None:
    """They are forked while a thread waits for the end of standard input, which stays open as long as the parent lives."""
    people = make_people(tmp_path / "people", PeopleOptions(identities=6, images_per_camera=2, distractors=0, junk=0, height=32, width=16))
    small = {"image_size": (32, 16), "ids_per_batch": 2, "max_steps": 1, "num_workers": 2, "threads": 1, "device": "cpu"}
    job = Job("run", tiny().override(data=DataSpec("market1501", people), **small), tmp_path / "run")
    job.folder.mkdir()
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(job.to_line(1).encode())
        process.stdin.flush()
        try:
            assert process.wait(timeout=240) == 0, process.stdout.read().decode()
        finally:
            process.kill()
    assert json.loads((job.folder / RESULT).read_text())["steps"] == 1
