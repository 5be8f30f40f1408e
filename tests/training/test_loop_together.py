"""The training loop in several processes: what happens to one happens to all."""

import math
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from line import CPU, Line, line_recipe, run
from torch import Tensor

from rga.training.distributed import processes
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import read_log

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]
OPTIONS = line_recipe(epochs=4, evaluate_every=2, log_every=1, ema_decay=0.5)


class Half(Line):
    """Each process has half of every batch; nothing is drawn in it that differs."""

    def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        self.step += 1
        x = torch.stack(list(processes.share(list(batch[1]))))
        if self.poison and self.step == self.poison[0]:
            if isinstance(self.poison[1], signal.Signals):
                signal.raise_signal(self.poison[1])
            elif isinstance(self.poison[1], float):
                x = x * self.poison[1]
        return {"square": (self.network(x) - 3 * x).square().mean()}


def train(folder: Path, poison: tuple[int, Any] | None = None, poisoned: int = 1) -> dict[str, Any]:
    """A training of one of several processes, of which one meets something."""
    task = Half()
    if processes.rank() == poisoned:
        task.poison = poison
    error = ""
    try:
        outcome = run(task, folder, OPTIONS)
    except (OSError, ValueError) as raised:
        error = f"{type(raised).__name__}: {raised}"
        return {"error": error}
    weights = [float(parameter) for parameter in task.model.parameters()]
    return {"weights": weights, "step": outcome.step, "code": outcome.exit_code, "metrics": outcome.metrics, "ema": outcome.ema}


def test_two_are_as_one_and_the_first_writes(tmp_path: Path, in_processes: InProcesses) -> None:
    alone = train(tmp_path / "one")
    answers = in_processes(2, partial(train, tmp_path / "two"))
    assert answers[0] == answers[1]
    assert answers[0]["weights"] == pytest.approx(alone["weights"], rel=1e-5)
    assert answers[0]["ema"] == pytest.approx(alone["ema"], rel=1e-4)
    ours, theirs = (read_log(tmp_path / name, "step") for name in ("two", "one"))
    assert [event["square"] for event in ours] == pytest.approx([event["square"] for event in theirs], rel=1e-5)
    names = [{path.name for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert names[1] == {*names[0], "previous.pt"}  # several save before they evaluate: none could afterwards if another failed


@pytest.mark.parametrize("poisoned", [0, 1])
def test_a_signal_to_one_stops_both_at_one_step(tmp_path: Path, in_processes: InProcesses, poisoned: int) -> None:
    answers = in_processes(2, partial(train, tmp_path / "run", (7, signal.SIGTERM), poisoned))
    assert [(answer["step"], answer["code"]) for answer in answers] == [(7, 143)] * 2
    assert load_checkpoint(tmp_path / "run" / LAST, CPU).step == 7
    task = Half()
    assert run(task, tmp_path / "run", OPTIONS, resume=True).step == 20
    assert [float(p) for p in task.model.parameters()] == pytest.approx(train(tmp_path / "one")["weights"], rel=1e-5)


def test_a_loss_that_is_no_number_in_one_stops_both(tmp_path: Path, in_processes: InProcesses) -> None:
    first, second = in_processes(2, partial(train, tmp_path / "run", (8, math.nan)))
    assert "DivergedError: the loss is not finite at step 7 (epoch 2): square nan; in another process" in first["error"]
    assert "DivergedError: the loss is not finite at step 7 (epoch 2): square nan; batch batch 1/2" in second["error"]


def test_data_that_fail_in_one_stop_both_and_what_was_reached_is_saved(tmp_path: Path, in_processes: InProcesses) -> None:
    first, second = in_processes(2, partial(train, tmp_path / "run", (9, FileNotFoundError("a.jpg is gone"))))
    assert first["error"].startswith("PeerError: another process of this training failed")
    assert second["error"] == "FileNotFoundError: a.jpg is gone"
    assert load_checkpoint(tmp_path / "run" / LAST, CPU).step == 8


class Skipping(Half):
    """One process cannot read an image, the other another one."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
        for batch in super().batches(epoch, start):
            if batch[0] == f"batch 0/{1 + processes.rank()}":
                self.skipped[f"{processes.rank()}.jpg"] = 2 + processes.rank()
            yield batch


class Doubled(Half):
    """Each process finds the same image damaged, one after the other."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
        for batch in super().batches(epoch, start):
            if batch[0] == f"batch {epoch}/{1 + processes.rank()}":
                self.skipped["a.jpg"] = self.skipped.get("a.jpg", 0) + 1
            yield batch


def skip_the_same(folder: Path, stop: int, resume: bool) -> int:
    return run(Doubled(), folder, OPTIONS.override(max_steps=stop), resume=resume).skipped


def test_an_image_is_named_once_whoever_finds_it_damaged_and_however_often_it_goes_on(tmp_path: Path, in_processes: InProcesses) -> None:
    assert in_processes(2, partial(skip_the_same, tmp_path / "run", 5, resume=False)) == [2, 2]
    assert in_processes(2, partial(skip_the_same, tmp_path / "run", 10, resume=True)) == [4, 4]
    assert [event["message"] for event in read_log(tmp_path / "run", "skipped")] == ["a.jpg"]


def skip(folder: Path) -> int:
    return run(Skipping(), folder, OPTIONS).skipped


def test_what_was_skipped_by_any_is_logged_and_counted_once(tmp_path: Path, in_processes: InProcesses) -> None:
    assert in_processes(2, partial(skip, tmp_path / "run")) == [5, 5]
    assert [(event["step"], event["message"]) for event in read_log(tmp_path / "run", "skipped")] == [(1, "0.jpg"), (2, "1.jpg")]
    assert load_checkpoint(tmp_path / "run" / LAST, CPU).skipped == {"0.jpg": 2, "1.jpg": 3}
