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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn
from torch.optim import Optimizer

from rga.engine import processes
from rga.engine.checkpoint import LAST, Checkpoint, save_checkpoint
from rga.engine.devices import Precision, autocast
from rga.engine.files import write_folder
from rga.engine.random_state import random_state, seed_all, set_random_state
from rga.engine.run_log import RunLog
from rga.engine.schedules import Schedule, set_learning_rate
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
    accumulate: int = 1
    max_steps: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        epoch: epochs that are over.
        step: steps that are over.
        metrics: of the last evaluation; empty if there was none.
        best: the best value of the watched metric; None if there was no evaluation.
        skipped: samples that could not be read and were replaced.
        signal: the signal that stopped it; 0 if it came to its end.
    """

    epoch: int
    step: int
    metrics: Mapping[str, float]
    best: float | None
    skipped: int = 0
    signal: int = 0

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped it."""
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        """As shells have it: 0 at the end, 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal if self.signal else 0


class DivergedError(ValueError):
    """The loss, or the weights, are no longer numbers."""


@dataclass
class Position:
    """Where a training is.

    Attributes:
        epoch: epochs that are over.
        batch: batches of the next epoch that are over.
        step: steps that are over.
        sums: the parts of the loss, summed over these batches.
        best: the best value of the watched metric by the model that reached it.
        metrics: of the last evaluation.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def fit(
    task: Task,
    optimizer: Optimizer,
    schedule: Schedule,
    folder: Path,
    log: RunLog,
    options: LoopOptions,
    *,
    device: torch.device,
    start: Checkpoint | None = None,
) -> Outcome:
    """Trains a task's model.

    Writes ``last.pt`` after each epoch, every ``checkpoint_every`` steps and when it is stopped, the best model to ``best/`` and the last
    to ``last/``. Ctrl-C and SIGTERM are answered after the step that they came in; a second one ends it at once.

    Args:
        task: what to train.
        optimizer: of the task's model, which is on ``device`` already.
        schedule: learning rate by epoch.
        folder: of the run; exists.
        log: of the run.
        options: how long and how.
        device: to compute on.
        start: where to go on.

    Raises:
        DivergedError: the loss became NaN or infinite; the batch is named, and the last checkpoint stays.
        OSError: a file could not be read or written, or a worker died. All steps until then are in the last checkpoint, unless it is that
            which could not be written.
        ValueError: a sample cannot be read; likewise.
    """
    training = Training(task, optimizer, schedule, folder, log, options, device=device)
    if start is not None:
        training.restore(start)
    at = training.at
    with training.signals, training.progress:
        try:
            while at.epoch < options.epochs and at.step < training.total:
                training.run_epoch()
                training.end_epoch()
        except StoppedError:
            training.say(f"stopped in epoch {at.epoch + 1}: go on with --resume; the state of step {at.step} is in {folder / LAST}")
            return training.outcome(training.signals.number)
    write_folder(folder / "last", lambda temporary: task.save_model(temporary, at.metrics))
    return training.outcome()


class Training:
    """A training under way; see ``fit``."""

    def __init__(
        self, task: Task, optimizer: Optimizer, schedule: Schedule, folder: Path, log: RunLog, options: LoopOptions, *, device: torch.device
    ) -> None:
        self.task = task
        self.optimizer = optimizer
        self.schedule = schedule
        self.folder = folder
        self.log = log
        self.options = options
        self.device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16")
        self.at = Position()
        all_steps = options.epochs * task.steps_per_epoch
        self.total = min(all_steps, options.max_steps or all_steps)
        self.signals = StopSignals()
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
            at.batch, at.step = at.batch + 1, at.step + 1
            at.sums = {name: at.sums.get(name, 0.0) + value for name, value in values.items()}
            if options.log_every and at.step % options.log_every == 0:
                self.log.write("step", at.step, {"epoch": at.epoch + 1, "lr": rate, **values})
            seen += sum(map(task.images, parts))
            speed = seen / (time.perf_counter() - started)
            shown = f"epoch {at.epoch + 1}, loss {sum(values.values()):.3f}, {speed:.0f} images/s"
            self.progress.update(self.bar, completed=at.step, description=shown)
            if self.signals.number:
                self.save()
                raise StoppedError
            if options.checkpoint_every and at.step % options.checkpoint_every == 0:
                self.save()
        means = {name: value / at.batch for name, value in at.sums.items()}
        speeds = {"images_per_second": round(speed, 2)} if seen else {}
        self.ended = {"epoch": at.epoch + 1, "lr": self.schedule(at.epoch), **means, **speeds}

    def fetch(self, batches: Iterator[Any]) -> list[Any]:
        """The next batch, in its parts. If it cannot be had, what was reached is saved.

        Raises:
            StoppedError: a signal came.
        """
        known = len(self.task.skipped)
        try:
            parts = [next(batches) for _ in range(self.options.accumulate)]
        except (OSError, ValueError):
            self.save()
            if self.signals.number:  # Ctrl-C reaches the workers, too
                raise StoppedError from None
            raise
        except StopIteration:
            raise RuntimeError(f"an epoch ended after {self.at.batch} of {self.task.steps_per_epoch} batches") from None
        for message in list(self.task.skipped)[known:]:
            self.log.write("skipped", self.at.step, {"message": message})
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
        if not all(map(math.isfinite, values.values())):
            raise DivergedError(
                f"the loss is not finite at step {at.step} (epoch {at.epoch + 1}): {spell_out(values)}; "
                f"batch {'; '.join(map(task.describe, parts))}. "
                f"Look at these images, or lower the learning rate; an earlier state is in {self.folder / LAST}"
            )
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
            with self.signals.answered_at_once():
                at.metrics = {name: float(value) for name, value in task.evaluate().items()}
            self.say(f"epoch {at.epoch + 1}: {spell_out(at.metrics)}")
        self.log.write("train", at.step, self.ended)
        if due:
            self.log.write("evaluate", at.step, {"epoch": at.epoch + 1, **at.metrics})
            reached = at.metrics.get(task.watched)
            if reached is not None and reached > at.best.get("raw", -math.inf):
                at.best["raw"] = reached
                write_folder(self.folder / "best", lambda temporary: task.save_model(temporary, at.metrics))
        if at.batch == task.steps_per_epoch:
            at.epoch, at.batch, at.sums = at.epoch + 1, 0, {}
        self.save()

    def save(self) -> None:
        """Writes a checkpoint.

        Raises:
            DivergedError: the weights are not finite.
            OSError: it cannot be written.
        """
        at, state = self.at, self.task.model.state_dict()
        if not all(value.isfinite().all() for value in state.values() if value.is_floating_point()):
            raise DivergedError(
                f"the weights are not finite after step {at.step}: lower the learning rate; {self.folder / LAST} was not touched"
            )
        save_checkpoint(
            self.folder,
            Checkpoint(
                **vars(at),
                model=state,
                optimizer=self.optimizer.state_dict(),
                scaler=self.scaler.state_dict(),
                random=random_state(),
                skipped=dict(self.task.skipped),
                log=self.log.length(),
            ),
        )

    def restore(self, start: Checkpoint) -> None:
        """Puts everything to where a checkpoint was taken.

        Raises:
            ValueError: it is of another model or optimiser.
        """
        try:
            self.task.model.load_state_dict(start.model)
            self.optimizer.load_state_dict(start.optimizer)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"the checkpoint does not fit: {error}\ngo on with the recipe and the data that the run was started with"
            ) from error
        for name in vars(self.at):
            setattr(self.at, name, getattr(start, name))
        self.scaler.load_state_dict(start.scaler)
        self.task.skipped.update(start.skipped)
        set_random_state(start.random)
        self.progress.update(self.bar, completed=self.at.step)

    def outcome(self, number: int = 0) -> Outcome:
        """What it came to until now, and the signal that stopped it."""
        at = self.at
        return Outcome(at.epoch, at.step, at.metrics, at.best.get("raw"), sum(self.task.skipped.values()), number)

    def say(self, message: str) -> None:
        """Prints a line above the progress bar."""
        self.progress.console.print(message)


def descend(model: nn.Module, optimizer: Optimizer, scaler: torch.amp.GradScaler, clip: float) -> None:
    """One step of the optimiser down the gradients, whose norm together is at most ``clip`` unless that is 0."""
    if clip:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()


def progress_bar() -> Progress:
    """A bar with the steps that are over, and the time that is left."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )


def spell_out(values: Mapping[str, float]) -> str:
    """Names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
