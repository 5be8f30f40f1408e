"""Checkpoints that are written beside the training."""

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fork_server import process
from line import CPU, Line, line_recipe, run

from rga.training.run import checkpoint_writer
from rga.training.run.checkpoint import LAST, PREVIOUS, Checkpoint, load_checkpoint, save_checkpoint
from rga.training.run.checkpoint_writer import CheckpointWriter
from rga.training.run.log import RunLog

EVERY_STEP = line_recipe(epochs=2, checkpoint_minutes=0, checkpoint_every=1)


def at_step(step: int) -> Checkpoint:
    weights = {"weight": torch.full((3,), float(step))}
    return Checkpoint(step=step, model=weights, ema={}, optimizer={}, scaler={}, random={}, skipped={}, log=0, steps_per_epoch=5)


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.minutes = 0.0

    def __call__(self) -> float:
        return 60 * self.minutes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(checkpoint_writer, "monotonic", clock)
    return clock


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RunLog]:
    with RunLog(tmp_path) as log:
        yield log


class Gate:
    """Stands in for saving: waits until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.saved: list[int] = []
        patch.setattr(checkpoint_writer, "save_checkpoint", self)

    def __call__(self, folder: Path, checkpoint: Checkpoint) -> None:
        assert self.opened.wait(60)
        save_checkpoint(folder, checkpoint)
        self.saved.append(checkpoint.step)


def test_the_training_goes_on_while_one_is_written(tmp_path: Path, log: RunLog, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    writer = CheckpointWriter(tmp_path, log, minutes=5)
    writer.write(at_step(1))
    assert not (tmp_path / LAST).exists()
    clock.minutes = 60
    assert not writer.due  # one at a time
    gate.opened.set()
    writer.write(at_step(2))  # waits for the first
    writer.wait()
    assert gate.saved == [1, 2]
    assert load_checkpoint(tmp_path / LAST, CPU).step == 2
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 1


def test_they_are_due_by_time(tmp_path: Path, log: RunLog, clock: Clock) -> None:
    writer, never = CheckpointWriter(tmp_path, log, minutes=5), CheckpointWriter(tmp_path, log, minutes=0)
    clock.minutes = 4.9
    assert not writer.due
    clock.minutes = 5
    assert writer.due
    writer.write(at_step(1))
    writer.wait()
    clock.minutes = 9.9
    assert not writer.due
    clock.minutes = 10
    assert writer.due
    assert not never.due


@pytest.mark.parametrize(("minutes", "expected"), [(5.0, [11, 22, 30]), (2.0, [5, 10, 15, 20, 25, 30, 30]), (0.0, [30])])
def test_a_training_saves_by_time_and_at_the_end_and_not_by_epoch(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, minutes: float, expected: list[int]
) -> None:
    steps: list[int] = []

    def save(folder: Path, checkpoint: Checkpoint) -> None:
        steps.append(checkpoint.step)
        save_checkpoint(folder, checkpoint)

    class Slow(Line):
        def describe(self, batch: Any) -> str:
            return "a batch"

        def losses(self, batch: Any, device: torch.device) -> dict[str, torch.Tensor]:
            clock.minutes += 0.5
            for thread in threading.enumerate():
                if thread.name == "checkpoint":
                    thread.join()  # so that the test does not depend on how fast the disk is
            return super().losses(batch, device)

    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", save)
    run(Slow(), tmp_path, line_recipe(epochs=6, evaluate_every=1, checkpoint_minutes=minutes))  # a quarter of an hour
    assert steps == expected  # of 30 steps in six epochs; the last one is taken after the evaluation


def fail(_folder: Path, checkpoint: Checkpoint) -> None:
    raise OSError(errno.ENOSPC, f"No space left on device for step {checkpoint.step}")


def test_one_that_cannot_be_written_stops_the_training_and_the_one_before_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(folder: Path, checkpoint: Checkpoint) -> None:
        (fail if checkpoint.step > 3 else save_checkpoint)(folder, checkpoint)

    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", save)
    task = Line()
    with pytest.raises(OSError, match="No space left on device for step 4"):
        run(task, tmp_path, EVERY_STEP)
    assert task.step <= 5
    assert load_checkpoint(tmp_path / LAST, CPU).step == 3
    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", save_checkpoint)
    whole, resumed = Line(), Line()
    run(whole, tmp_path / "whole", EVERY_STEP)
    run(resumed, tmp_path, EVERY_STEP, resume=True)
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_last_one_that_cannot_be_written_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", fail)
    with pytest.raises(OSError, match="No space left on device for step 10"):
        run(Line(), tmp_path, line_recipe(epochs=2))


def test_whatever_ends_a_training_nothing_is_written_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Line):
        def losses(self, batch: Any, device: torch.device) -> dict[str, torch.Tensor]:
            if self.step == 3:
                gate.opened.set()
                raise RuntimeError("a bug")
            return super().losses(batch, device)

    gate = Gate(monkeypatch)
    with pytest.raises(RuntimeError, match="a bug"):
        run(Broken(), tmp_path, line_recipe(epochs=2, checkpoint_minutes=0, checkpoint_every=3))
    assert gate.saved == [3]
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint"]


def killed_in(folder: Path, moment: str, count: int) -> None:
    """Trains in a process that is killed while a checkpoint is written beside the training: at the n-th call of a function there."""
    owner: Any = {"flush": "rga.storage.files", "keep_previous": "rga.training.run.checkpoint", "digest": "rga.training.run.checkpoint"}[
        moment
    ]
    module = __import__(owner, fromlist=["x"])
    real: Callable[..., Any] = getattr(module, moment)

    def dying(*arguments: Any) -> Any:
        nonlocal count
        count -= 1
        if not count:
            assert threading.current_thread() is not threading.main_thread()
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(module, moment, dying)
    run(Line(), folder, EVERY_STEP)


@pytest.mark.parametrize(("moment", "count"), [("digest", 4), ("keep_previous", 4), ("flush", 7), ("flush", 8)])
def test_killed_while_one_is_written_a_whole_one_is_there_and_the_training_goes_on_the_same_way(
    tmp_path: Path, moment: str, count: int
) -> None:
    dying = process(killed_in, tmp_path / "run", moment, count)
    dying.start()
    dying.join()
    assert dying.exitcode == -signal.SIGKILL
    assert load_checkpoint(tmp_path / "run" / LAST, CPU).step in (3, 4)
    whole, resumed = Line(), Line()
    run(whole, tmp_path / "whole", EVERY_STEP)
    run(resumed, tmp_path / "run", EVERY_STEP, resume=True)
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
