"""The training loop, for any task.

A task says how its model, its batches, its loss and its evaluation are made; the loop says when. What it does, in this order: a batch, the
loss, the gradients, a step; now and then a checkpoint, and after each epoch; now and then an evaluation, whose best is kept.

What a step does follows from the weights, the optimiser's state and the numbers of epoch and batch alone: a training that was killed and
goes on from its last checkpoint does the steps that it would have done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn
from torch.optim import Optimizer

from rga.engine import processes
from rga.engine.checkpoint import LAST, Checkpoint
from rga.engine.devices import Precision, autocast
from rga.engine.files import write_folder
from rga.engine.outcome import DivergedError, Outcome
from rga.engine.random_state import seed_all
from rga.engine.run_log import RunLog
from rga.engine.saved_model import CONFIG
from rga.engine.schedules import Schedule, set_learning_rate
from rga.engine.state import AVERAGED, RAW, TrainingState
from rga.engine.stop import StoppedError, StopSignals
from rga.engine.task import Task


@dataclass(frozen=True)
class LoopOptions:
    """How long and how a training runs.

    Attributes:
        epochs: how many.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated. 0 evaluates at the end alone.
        checkpoint_every: steps between checkpoints, besides those after each epoch; 0 for none.
        log_every: steps between lines of the log with the loss of one step; 0 for none.
        precision: of the forward pass.
        clip_gradients: largest norm of all gradients together; 0 leaves them as they are.
        averaging: decay of the running average of the weights, which is evaluated beside them; 0 for none.
        accumulate: parts that a batch comes in; their gradients are averaged.
        max_steps: stop after so many steps; 0 runs all epochs. For trials.
        seed: of what the model draws.
    """

    epochs: int
    evaluate_every: int = 0
    checkpoint_every: int = 0
    log_every: int = 0
    precision: Precision = "float32"
    clip_gradients: float = 0.0
    averaging: float = 0.0
    accumulate: int = 1
    max_steps: int = 0
    seed: int = 0


def fit(
    task: Task,
    optimizer: Optimizer,
    schedule: Schedule,
    folder: Path,
    log: RunLog | None,
    options: LoopOptions,
    *,
    device: torch.device,
    start: Checkpoint | None = None,
) -> Outcome:
    """Trains a task's model, in one process or in several.

    Writes ``last.pt`` after each epoch, every ``checkpoint_every`` steps and when it is stopped, the best model to ``best/`` and the last
    to ``last/``, those with averaged weights to ``best-averaged/`` and ``last-averaged/``. Ctrl-C and SIGTERM are answered after the step
    that they came in; a second one ends it at once. Of several processes the first writes.

    Args:
        task: what to train.
        optimizer: of the task's model, which is on ``device`` already.
        schedule: learning rate by epoch.
        folder: of the run; exists.
        log: of the run; of several processes the first has one.
        options: how long and how.
        device: to compute on.
        start: where to go on.

    Raises:
        DivergedError: the loss became NaN or infinite; the batch is named, and the last checkpoint stays.
        OSError: a file could not be read or written, a worker died, or another process failed. All steps until then are in the last
            checkpoint, unless it is that which could not be written.
        ValueError: a sample cannot be read; likewise.
    """
    training = Training(task, optimizer, schedule, folder, log, options, device=device)
    at = training.at
    if start is not None:
        training.state.restore(start)
        training.progress.update(training.bar, completed=at.step)
    with training.signals, training.progress:
        try:
            while at.epoch < options.epochs and at.step < training.total:
                training.run_epoch()
                training.end_epoch()
        except StoppedError:
            training.say(f"stopped in epoch {at.epoch + 1}: go on with --resume; the state of step {at.step} is in {folder / LAST}")
            return training.outcome(training.stopped)
    training.save_models("last")
    return training.outcome()


class Training:
    """A training under way; see ``fit``."""

    def __init__(
        self,
        task: Task,
        optimizer: Optimizer,
        schedule: Schedule,
        folder: Path,
        log: RunLog | None,
        options: LoopOptions,
        *,
        device: torch.device,
    ) -> None:
        self.task = task
        self.optimizer = optimizer
        self.schedule = schedule
        self.folder = folder
        self.log = log
        self.options = options
        self.device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16")
        self.state = TrainingState(task, optimizer, self.scaler, options.averaging)
        self.at = self.state.at
        all_steps = options.epochs * task.steps_per_epoch
        self.total = min(all_steps, options.max_steps or all_steps)
        self.signals = StopSignals()
        self.stopped = 0
        """The signal that a process got and all answer."""
        self.progress = progress_bar()
        self.bar = self.progress.add_task("training", total=self.total)

    def run_epoch(self) -> None:
        """Trains on what is left of an epoch.

        Raises:
            StoppedError: a signal came; the state is saved.
        """
        task, at, options = self.task, self.at, self.options
        task.model.train()
        batches = iter(task.batches(at.epoch, at.batch))
        started, seen = time.perf_counter(), 0
        while at.batch < task.steps_per_epoch and at.step < self.total:
            parts = self.fetch(batches)
            rate = self.schedule(at.epoch + at.batch / task.steps_per_epoch)
            values = self.step(parts, rate)
            self.state.step_is_over()
            at.sums = {name: at.sums.get(name, 0.0) + value for name, value in values.items()}
            if options.log_every and at.step % options.log_every == 0:
                self.note("step", {"epoch": at.epoch + 1, "lr": rate, **values})
            seen += processes.count() * sum(map(task.images, parts))
            speed = seen / (time.perf_counter() - started)
            shown = f"epoch {at.epoch + 1}, loss {sum(values.values()):.3f}, {speed:.0f} images/s"
            self.progress.update(self.bar, completed=at.step, description=shown)
            if options.checkpoint_every and at.step % options.checkpoint_every == 0:
                self.save()
        means = {name: value / at.batch for name, value in at.sums.items()}
        speeds = {"images_per_second": round(speed, 2)} if seen else {}
        self.ended = {"epoch": at.epoch + 1, "lr": self.schedule(at.epoch), **means, **speeds}

    def fetch(self, batches: Iterator[Any]) -> list[Any]:
        """The next batch, in its parts. If a process cannot have its share, what was reached is saved, and all stop.

        Raises:
            StoppedError: a signal came to one of the processes; the state is saved.
        """
        before, failure, named = dict(self.task.skipped), None, self.state.named
        parts: list[Any] = []
        try:
            parts = [next(batches) for _ in range(self.options.accumulate)]
        except (OSError, ValueError) as error:
            failure = error
        except StopIteration:
            raise RuntimeError(f"an epoch ended after {self.at.batch} of {self.task.steps_per_epoch} batches") from None
        new = [message for message in self.task.skipped if message not in named]
        self.stopped, failed, more = processes.largest(self.signals.number, failure is not None, len(new))
        if self.stopped or failed:
            self.task.skipped.clear()  # this batch is not trained on, and will be drawn again
            self.task.skipped.update(before)
            self.save()
        if self.stopped:  # first: Ctrl-C reaches the workers, too, and they fail
            raise StoppedError
        if failed:
            raise failure or processes.PeerError("another process of this training failed: it says why; go on with --resume")
        for message in dict.fromkeys(message for each in processes.gather(new) for message in each) if more else ():
            named.add(message)
            self.note("skipped", {"message": message})
            self.say(f"skipped: {message}")
        return parts

    def step(self, parts: Sequence[Any], rate: float) -> dict[str, float]:
        """One step down the gradients of a batch; the parts of its loss.

        Raises:
            DivergedError: the loss is not finite.
        """
        task, at = self.task, self.at
        set_learning_rate(self.optimizer, rate)
        seed_all(self.options.seed, at.step, processes.rank())
        self.optimizer.zero_grad(set_to_none=True)
        values: dict[str, float] = {}
        for part in parts:
            with autocast(self.device, self.options.precision):
                losses = task.losses(part, self.device)
            stacked = torch.stack(list(losses.values())) / len(parts)
            self.scaler.scale(stacked.sum()).backward()
            values = {name: values.get(name, 0.0) + value for name, value in zip(losses, stacked.tolist(), strict=True)}
        here = all(map(math.isfinite, values.values()))
        values = dict(zip(values, processes.mean(list(values.values())), strict=True))
        if not all(map(math.isfinite, values.values())):
            batch = "in another process" if here else f"batch {'; '.join(map(task.describe, parts))}"
            raise DivergedError(
                f"the loss is not finite at step {at.step} (epoch {at.epoch + 1}): {spell_out(values)}; {batch}. "
                f"Look at these images, or lower the learning rate; an earlier state is in {self.folder / LAST}"
            )
        processes.average_gradients(task.model)
        descend(task.model, self.optimizer, self.scaler, self.options.clip_gradients)
        return values

    def end_epoch(self) -> None:
        """After an epoch, or where the steps end: an evaluation if it is due, and a checkpoint.

        Raises:
            StoppedError: a signal came; the state is saved.
        """
        task, at, every = self.task, self.at, self.options.evaluate_every
        due = at.step == self.total or (every and (at.epoch + 1) % every == 0)
        if due:
            self.save()  # an evaluation may take long: it can be stopped, and is done again
            at.metrics = self.evaluate()
        self.note("train", self.ended)
        for name, metrics in at.metrics.items() if due else ():
            self.note("evaluate" if name == RAW else f"evaluate_{name}", {"epoch": at.epoch + 1, **metrics})
            reached = metrics.get(task.watched)
            if reached is not None and reached > at.best.get(name, -math.inf):
                at.best[name] = reached
                self.save_models("best", name)
        if at.batch == task.steps_per_epoch:
            at.epoch, at.batch, at.sums = at.epoch + 1, 0, {}
        self.save()

    def evaluate(self) -> dict[str, dict[str, float]]:
        """The metrics of the weights as they are, and of the averaged ones.

        Raises:
            StoppedError: a signal came; one process alone answers it at once.
        """
        all_metrics = {}
        for name in self.state.kinds:
            try:
                with nullcontext() if processes.together() else self.signals.answered_at_once(), self.state.weights(name):
                    processes.copy_from_first(self.task.model, buffers_alone=True)  # each has statistics of its own part
                    own = {metric: float(value) for metric, value in self.task.evaluate().items()}
            except StoppedError:
                self.stopped = self.signals.number
                raise
            all_metrics[name] = processes.from_first(own)
            self.say(f"epoch {self.at.epoch + 1}{', averaged' if name == AVERAGED else ''}: {spell_out(all_metrics[name])}")
        return all_metrics

    def save_models(self, folder: str, *names: str) -> None:
        """Writes the models for users, with what they reached: those of all weights, or of the named ones."""
        if not processes.first():
            return
        for name in names or self.state.kinds:
            with self.state.weights(name):
                metrics = self.at.metrics.get(name, {})
                where = self.folder / (folder if name == RAW else f"{folder}-{name}")
                write_folder(where, partial(self.task.save_model, metrics=metrics), last=CONFIG)

    def save(self) -> None:
        """Writes a checkpoint."""
        self.state.save(self.folder, self.log)

    def outcome(self, number: int = 0) -> Outcome:
        """What it came to until now, and the signal that stopped it."""
        at = self.at
        skipped = sum(self.state.skipped().values())
        return Outcome(at.epoch, at.step, at.metrics.get(RAW, {}), at.best.get(RAW), at.metrics.get(AVERAGED, {}), skipped, number)

    def note(self, kind: str, values: Mapping[str, float | int | str]) -> None:
        """Writes an event to the log."""
        if self.log is not None:
            self.log.write(kind, self.at.step, values)

    def say(self, message: str) -> None:
        """Prints a line above the progress bar."""
        if processes.first():
            self.progress.console.print(message, markup=False)


def descend(model: nn.Module, optimizer: Optimizer, scaler: torch.amp.GradScaler, clip: float) -> None:
    """One step of the optimiser down the gradients, whose norm together is at most ``clip`` unless that is 0."""
    if clip:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()


def progress_bar() -> Progress:
    """A bar with the steps that are over, and the time that is left; of several processes the first shows it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, disable=not processes.first())


def spell_out(values: Mapping[str, float]) -> str:
    """Names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
