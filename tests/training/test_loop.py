"""The training loop, on a task that is known in full."""

import errno
import io
import json
import math
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from line import CPU, Line, line_recipe, run
from torch import Tensor

from rga.training.outcome import DivergedError
from rga.training.run import stop
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import RunLog, read_log
from rga.training.run.stop import StopSignals


def assert_same(ours: Line, theirs: Line) -> None:
    for a, b in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        assert torch.equal(a, b)


def without_times(folder: Path) -> list[dict[str, object]]:
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in event.items() if name not in ("time", "images_per_second")} for event in events]


def test_it_learns_logs_and_keeps_the_best(tmp_path: Path) -> None:
    task = Line()
    outcome = run(task, tmp_path, line_recipe(epochs=12, evaluate_every=4))
    assert (outcome.epoch, outcome.step, outcome.interrupted) == (12, 60, False)
    assert len(task.evaluations) == 4
    assert outcome.best == max(task.evaluations) > -0.3
    assert outcome.metrics == {"goodness": task.evaluations[-1]}
    assert json.loads((tmp_path / "best" / "metrics.json").read_text()) == {"goodness": outcome.best}
    assert (tmp_path / "last" / "metrics.json").is_file()
    trained = read_log(tmp_path, "train")
    assert [event["epoch"] for event in trained] == list(range(1, 13))
    assert trained[-1]["square"] < trained[0]["square"] / 10
    assert all(event["images_per_second"] > 0 for event in trained)
    assert [event["epoch"] for event in read_log(tmp_path, "evaluate")] == [1, 4, 8, 12]  # after the first, too


@pytest.fixture
def whole(tmp_path: Path) -> Line:
    """A training without interruption, in the folder ``whole``."""
    task = Line()
    run(task, tmp_path / "whole", line_recipe(epochs=6, evaluate_every=2, log_every=1))
    return task


@pytest.mark.parametrize("steps", [3, 5, 10, 12, 30])
def test_resume_goes_on_as_if_nothing_had_happened(tmp_path: Path, whole: Line, steps: int) -> None:
    run(Line(), tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1, max_steps=steps))
    resumed = Line()
    outcome = run(resumed, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1), resume=True)
    assert (outcome.step, outcome.epoch) == (30, 6)
    assert outcome.metrics == {"goodness": whole.evaluations[-1]}
    assert outcome.best == max(whole.evaluations)
    assert_same(resumed, whole)
    assert [event for event in without_times(tmp_path / "parts") if event["kind"] == "step"] == [
        event for event in without_times(tmp_path / "whole") if event["kind"] == "step"
    ]


def test_what_was_logged_after_the_checkpoint_is_logged_once(tmp_path: Path, whole: Line) -> None:
    task = Line()
    task.poison = (14, math.nan)  # the last checkpoint is of step 12, in the middle of an epoch
    with pytest.raises(DivergedError):
        run(task, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1, checkpoint_every=4))
    with (tmp_path / "parts" / "log.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')  # killed while it wrote
    resumed = Line()
    run(resumed, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1, checkpoint_every=4), resume=True)
    assert len(resumed.drawn) == 30 - 12
    assert_same(resumed, whole)
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_are_answered_after_the_step_and_resume_goes_on(tmp_path: Path, whole: Line, number: signal.Signals, code: int) -> None:
    task = Line()
    task.poison = (13, number)
    before = signal.getsignal(number)
    outcome = run(task, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1))
    assert signal.getsignal(number) is before
    assert (outcome.interrupted, outcome.exit_code, outcome.epoch, outcome.step) == (True, code, 2, 13)
    checkpoint = load_checkpoint(tmp_path / "parts" / LAST, CPU)
    assert (checkpoint.epoch, checkpoint.batch, checkpoint.step) == (2, 3, 13)
    resumed = Line()
    run(resumed, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1), resume=True)
    assert_same(resumed, whole)
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")


def test_a_training_that_is_stopped_leaves_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = Line()
    task.poison = (7, signal.SIGINT)
    run(task, tmp_path, line_recipe(epochs=100, evaluate_every=10))
    assert json.loads((tmp_path / "best" / "metrics.json").read_text()) == {"goodness": task.evaluations[0]}  # of the first epoch
    assert json.loads((tmp_path / "last" / "metrics.json").read_text()) == {}  # newer than what was measured
    assert f"and the model so far in {tmp_path / 'last'}" in capsys.readouterr().out.replace("\n", " ")


def test_of_models_that_are_as_good_the_later_is_kept(tmp_path: Path) -> None:
    class Even(Line):
        saved: ClassVar[list[tuple[str, float]]] = []

        def evaluate(self) -> dict[str, float]:
            return {"goodness": 0.5}

        def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
            super().save_model(folder, metrics)
            self.saved.append((folder.name, self.model.state_dict()["weight"].item()))

    task = Even()
    run(task, tmp_path, line_recipe(epochs=3, evaluate_every=1))
    assert len(task.saved) == 4  # best three times, and last
    assert task.saved[2][1] == task.saved[3][1] != task.saved[0][1]


def test_a_signal_in_an_evaluation_is_answered_at_once_and_the_evaluation_is_done_again(tmp_path: Path, whole: Line) -> None:
    class Slow(Line):
        def evaluate(self) -> dict[str, float]:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("it went on")

    options = line_recipe(epochs=6, evaluate_every=2, log_every=1)
    outcome = run(Slow(), tmp_path / "parts", options)
    assert (outcome.exit_code, outcome.step, outcome.metrics) == (143, 5, {})
    resumed = Line()
    run(resumed, tmp_path / "parts", options, resume=True)
    assert resumed.evaluations == whole.evaluations
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")


def test_a_signal_in_a_decoder_that_takes_every_exception_for_damage_is_a_signal(tmp_path: Path) -> None:
    class Decoding(Line):
        def evaluate(self) -> dict[str, float]:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except Exception as error:
                raise ValueError("the image is damaged") from error
            raise AssertionError("it went on")

    assert run(Decoding(), tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2)).exit_code == 143
    assert load_checkpoint(tmp_path / "parts" / LAST, CPU).step == 5


def test_workers_that_inherit_the_handlers_leave_signals_to_the_training() -> None:
    signals = StopSignals()
    signals.process += 1
    with signals:
        signal.raise_signal(signal.SIGTERM)
    assert not signals.number


@pytest.mark.parametrize("kind", ["step", "train", "evaluate"])
def test_a_log_that_cannot_be_written_leaves_the_state_of_the_last_step(
    tmp_path: Path, whole: Line, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RunLog.write

    class Half(io.FileIO):
        def write(self, data: Any) -> int:
            if bytes(data).startswith(b'"'):  # the rest of a line
                raise OSError(errno.EIO, "Input/output error")
            return super().write(bytes(data)[:1])

    def fail(self: RunLog, name: str, step: int, values: Mapping[str, float | int | str]) -> None:
        if name == kind and step >= 10:
            self.file.close()
            self.file = Half(self.path, "ab")
        write(self, name, step, values)

    options = line_recipe(epochs=6, evaluate_every=2, log_every=1)
    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "write", fail)
        with pytest.raises(OSError, match=r"log\.jsonl could not be written"):
            run(Line(), tmp_path / "parts", options)
    assert (tmp_path / "parts" / "log.jsonl").read_bytes().endswith(b"}\n")
    assert load_checkpoint(tmp_path / "parts" / LAST, CPU).step == 10
    resumed = Line()
    run(resumed, tmp_path / "parts", options, resume=True)
    assert_same(resumed, whole)
    assert [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()][-1] == 30


class Unlucky(Line):
    """The n-th evaluation goes wrong."""

    def __init__(self, number: int, trouble: Exception | signal.Signals) -> None:
        super().__init__()
        self.number = number
        self.trouble = trouble

    def evaluate(self) -> dict[str, float]:
        if len(self.evaluations) + 1 == self.number:
            if isinstance(self.trouble, Exception):
                raise self.trouble
            os.kill(os.getpid(), self.trouble)
            raise AssertionError("it went on")
        return super().evaluate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "trouble", [OSError("test.jpg is gone"), ValueError("test.jpg is damaged"), RuntimeError("no memory"), signal.SIGTERM]
)
@pytest.mark.parametrize("ema_decay", [0.0, 0.8])
def test_an_evaluation_that_went_wrong_is_done_again_be_it_the_last(
    tmp_path: Path, number: int, trouble: Exception | signal.Signals, ema_decay: float
) -> None:
    options = line_recipe(epochs=6, evaluate_every=2, log_every=1, ema_decay=ema_decay)
    whole, unlucky, resumed = Line(), Unlucky(number, trouble), Line()
    run(whole, tmp_path / "whole", options)
    if isinstance(trouble, Exception):
        with pytest.raises(type(trouble), match=str(trouble)):
            run(unlucky, tmp_path / "parts", options)
    else:
        assert run(unlucky, tmp_path / "parts", options).exit_code == 143
    outcome = run(resumed, tmp_path / "parts", options, resume=True)
    assert outcome.step == 30
    assert_same(resumed, whole)
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")
    for name in ("best", "last"):
        ours, theirs = ((tmp_path / run / name / "metrics.json").read_text() for run in ("parts", "whole"))
        assert ours == theirs
    again = Line()
    assert run(again, tmp_path / "parts", options, resume=True).metrics == outcome.metrics
    assert (again.evaluations, again.step) == ([], 0)  # all is done


def test_a_best_model_that_cannot_be_written_is_written_on_resume(tmp_path: Path, whole: Line) -> None:
    class Full(Line):
        def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
            raise OSError("no space left")

    options = line_recipe(epochs=6, evaluate_every=2, log_every=1)
    with pytest.raises(OSError, match="no space left"):
        run(Full(), tmp_path / "parts", options)
    assert load_checkpoint(tmp_path / "parts" / LAST, CPU).step == 5
    run(Line(), tmp_path / "parts", options, resume=True)
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")
    assert (tmp_path / "parts" / "best" / "metrics.json").read_text() == (tmp_path / "whole" / "best" / "metrics.json").read_text()


@pytest.mark.parametrize("steps", [3, 4, 6, 50])
@pytest.mark.parametrize("stop", [10, 12])
def test_epochs_of_another_length_are_refused(tmp_path: Path, steps: int, stop: int) -> None:
    run(Line(), tmp_path, line_recipe(epochs=6, max_steps=stop))
    other = Line()
    other.steps_per_epoch = steps
    message = rf"an epoch has {steps} steps, and had 5 when it was saved .*or start a new run with another --output"
    with pytest.raises(ValueError, match=message):
        run(other, tmp_path, line_recipe(epochs=6), resume=True)
    assert load_checkpoint(tmp_path / LAST, CPU).step == stop


def test_a_training_may_be_lengthened_or_shortened_to_what_is_over(tmp_path: Path) -> None:
    run(Line(), tmp_path, line_recipe(epochs=3))
    with pytest.raises(ValueError, match=r"15 steps are over \(epoch 4, step 15\), more than the 10 that the training shall have"):
        run(Line(), tmp_path, line_recipe(epochs=2), resume=True)
    assert run(Line(), tmp_path, line_recipe(epochs=5), resume=True).step == 25
    assert [event["epoch"] for event in read_log(tmp_path, "evaluate")] == [3, 5]
    task = Line()
    task.poison = (23, signal.SIGTERM)  # between two evaluations
    run(task, tmp_path / "short", line_recipe(epochs=9, checkpoint_every=20))
    shutil.copyfile(tmp_path / "short" / "previous.pt", tmp_path / "short" / LAST)  # that of step 20, the end of an epoch
    outcome = run(Line(), tmp_path / "short", line_recipe(epochs=4), resume=True)
    assert (outcome.step, outcome.epoch, list(outcome.metrics)) == (20, 4, ["goodness"])
    assert [event["epoch"] for event in read_log(tmp_path / "short", "train")] == [1, 2, 3, 4]


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM)])
def test_a_second_signal_ends_it_at_once(
    tmp_path: Path, whole: Line, first: signal.Signals, second: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(stop, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Twice(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            if self.step == 7:
                signal.raise_signal(first)
                now[0] += 1.2 * stop.ECHO
                signal.raise_signal(second)
                raise AssertionError("it went on")
            return super().losses(batch, device)

    options = line_recipe(epochs=6, evaluate_every=2, log_every=1, checkpoint_every=5)
    with pytest.raises(KeyboardInterrupt):
        run(Twice(), tmp_path / "parts", options)
    assert load_checkpoint(tmp_path / "parts" / LAST, CPU).step == 5  # the last one stands
    resumed = Line()
    run(resumed, tmp_path / "parts", options, resume=True)
    assert_same(resumed, whole)


def test_what_comes_twice_at_once_is_one_signal(tmp_path: Path) -> None:
    class Echoed(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            if self.step == 1:
                os.kill(os.getpid(), signal.SIGTERM)  # of the whole group of processes
                os.kill(os.getpid(), signal.SIGTERM)  # and passed on by torchrun
            return super().losses(batch, device)

    assert run(Echoed(), tmp_path, line_recipe(epochs=1)).exit_code == 143
    assert load_checkpoint(tmp_path / LAST, CPU).step == 2


def test_data_that_fail_leave_the_state_of_the_last_step(tmp_path: Path, whole: Line) -> None:
    task = Line()
    task.poison = (18, FileNotFoundError("image.jpg is gone"))
    with pytest.raises(FileNotFoundError, match=r"image\.jpg is gone"):
        run(task, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1))
    assert load_checkpoint(tmp_path / "parts" / LAST, CPU).step == 17
    resumed = Line()
    run(resumed, tmp_path / "parts", line_recipe(epochs=6, evaluate_every=2, log_every=1), resume=True)
    assert_same(resumed, whole)
    assert without_times(tmp_path / "parts") == without_times(tmp_path / "whole")


def test_what_was_skipped_is_logged_counted_and_remembered(tmp_path: Path) -> None:
    class Skipping(Line):
        def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
            for batch in super().batches(epoch, start):
                if batch[0] == "batch 0/2":
                    self.skipped["a.jpg"] = self.skipped.get("a.jpg", 0) + 2
                yield batch

    assert run(Skipping(), tmp_path, line_recipe(epochs=1)).skipped == 2
    assert [(event["step"], event["message"]) for event in read_log(tmp_path, "skipped")] == [(2, "a.jpg")]
    resumed = Skipping()
    assert run(resumed, tmp_path, line_recipe(epochs=2), resume=True).skipped == 2
