"""The training loop, for any training.

A training says how its model, batches, losses and evaluation are made; the loop says when. What it does, in this order: a batch, the
loss, the gradients, a step; every few minutes a checkpoint, and at the end; now and then an evaluation, whose best is kept.

What a step does follows from the weights, the optimiser's state and the numbers of epoch and batch alone: a training that was killed and
goes on from its last checkpoint does the steps that it would have done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from rga.storage.files import write_folder
from rga.storage.saved_model import CONFIG
from rga.training.choice import test_best
from rga.training.criterion import CriterionSteps
from rga.training.distributed import processes
from rga.training.gradients import add_gradients
from rga.training.input.random_state import seed_all
from rga.training.optimization import descend
from rga.training.outcome import Outcome
from rga.training.recipe import Recipe
from rga.training.run.checkpoint import LAST, Checkpoint
from rga.training.run.checkpoint_writer import CheckpointWriter, written_before_errors
from rga.training.run.estimate import Estimate
from rga.training.run.log import RunLog
from rga.training.run.progress import progress_bar, spell_out
from rga.training.run.stop import StoppedError, StopSignals
from rga.training.schedules import Schedule, set_learning_rate
from rga.training.state import EMA, RAW, TrainingState, check_position
from rga.training.trainable import Trainable
from rga.training.unread import UnreadLosses


def fit(
    training: Trainable,
    optimizer: Optimizer,
    schedule: Schedule,
    folder: Path,
    log: RunLog | None,
    recipe: Recipe,
    *,
    device: torch.device,
    start: Checkpoint | None = None,
) -> Outcome:
    """Trains a model, in one process or in several.

    Writes ``last.pt`` every ``checkpoint_minutes`` and every ``checkpoint_every`` steps, beside the steps that follow; at the end and when
    it is stopped it waits until that is written. Writes the best model to ``best/`` and the last to ``last/``, those with averaged weights
    (EMA) to ``best-ema/`` and ``last-ema/``. Ctrl-C and SIGTERM are answered after the step that they came in; a second one ends it at
    once. Of several processes the first writes.

    Args:
        training: what to train.
        optimizer: of its model, which is on ``device`` already.
        schedule: learning rate by epoch.
        folder: of the run; exists.
        log: of the run; of several processes the first has one.
        recipe: how long and how: its groups optimization, loop and machine, and its seed.
        device: to compute on.
        start: where to go on.

    Raises:
        DivergedError: the loss became NaN or infinite; the batch is named, and the last checkpoint stays.
        OSError: a file could not be read or written, a worker died, or another process failed. All steps until then are in the last
            checkpoint, unless it is that which could not be written.
        ValueError: a sample cannot be read; likewise. Or ``start`` does not fit, or is beyond the end of the training.
    """
    loop = Loop(training, optimizer, schedule, folder, log, recipe, device=device)
    at = loop.at
    if start is not None:
        loop.restore(start)
    with loop.signals, loop.progress, written_before_errors(loop.writer, loop.say):
        try:
            while not loop.over:
                loop.run_epoch()
                loop.end_epoch()
            loop.save(wait=True)
        except StoppedError:
            loop.save_models("last", at.metrics if at.evaluated == at.step else {}, loop.state.kinds)
            where = f"the state of step {at.step} is in {folder / LAST}, and the model so far in {folder / 'last'}"
            loop.say(f"stopped in epoch {at.epoch + 1}: continue with rga resume {folder}; {where}")
            return loop.outcome(loop.stopped)
    loop.save_models("last", at.metrics, loop.state.kinds)
    return loop.outcome(test=loop.test())


class Loop:
    """A training under way; see ``fit``."""

    def __init__(
        self,
        training: Trainable,
        optimizer: Optimizer,
        schedule: Schedule,
        folder: Path,
        log: RunLog | None,
        recipe: Recipe,
        *,
        device: torch.device,
    ) -> None:
        self.training = training
        self.optimizer = optimizer
        self.schedule = schedule
        self.folder = folder
        self.log = log
        self.recipe = recipe
        self.device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.machine.amp_dtype == "float16")
        training.network = processes.wrapped(training.model)
        self.criterion = CriterionSteps(training.criterion.to(device), training.criterion_lr)
        self.state = TrainingState(training, optimizer, self.scaler, recipe.optimization.ema_decay)
        self.at = self.state.at
        self.total = recipe.steps(training.steps_per_epoch)
        self.writer = None if log is None else CheckpointWriter(folder, log, recipe.loop.checkpoint_minutes)
        """Of several processes the first has one."""
        self.signals = StopSignals()
        self.unread = UnreadLosses(device)
        self.latest: dict[str, float] = {}
        """The losses that were read last."""
        self.stopped = 0
        """The signal that a process got and all answer."""
        self.saved: tuple[int, ...] = ()
        """Where the last checkpoint was taken."""
        self.progress = progress_bar()
        self.bar = self.progress.add_task("training", total=self.total, left="")
        self.estimate = Estimate(partial(recipe.left, training.steps_per_epoch))

    def restore(self, start: Checkpoint) -> None:
        """Goes to where a checkpoint was taken.

        Raises:
            ValueError: it does not fit, or is beyond the end of the training.
        """
        check_position(start, self.training.steps_per_epoch, self.total)
        self.state.restore(start)
        self.saved = self.position
        self.progress.update(self.bar, completed=self.at.step)

    @property
    def over(self) -> bool:
        """Whether all steps are over, and the evaluation that comes after the last."""
        return self.at.step >= self.total and self.at.evaluated == self.at.step

    def run_epoch(self) -> None:
        """Trains on what is left of an epoch.

        Raises:
            StoppedError: a signal came; the state is saved.
        """
        training, at, options = self.training, self.at, self.recipe.loop
        training.model.train()
        if training.begin_epoch(at.epoch):
            training.network = processes.wrapped(training.model)  # whose gradients are averaged is found anew
        batches = iter(training.batches(at.epoch, at.batch))
        started, seen = time.perf_counter(), 0
        while at.batch < training.steps_per_epoch and at.step < self.total:
            self.estimate.begin()
            parts, due = self.fetch(batches)
            lr = self.schedule(at.epoch + at.batch / training.steps_per_epoch)
            self.step(parts, lr)
            self.state.step_is_over()
            if options.log_every and at.step % options.log_every == 0:
                self.read_losses()
                self.note("step", {"epoch": at.epoch + 1, "lr": lr, **self.latest})
            seen += processes.count() * sum(map(training.images, parts))
            speed = seen / (time.perf_counter() - started)
            loss = f"loss {sum(self.latest.values()):.3f}, " if self.latest else ""
            shown = f"epoch {at.epoch + 1}, {loss}{speed:.0f} images/s"
            self.progress.update(self.bar, completed=at.step, description=shown)
            self.estimate.step_is_over()
            self.show_what_is_left()
            if due or (options.checkpoint_every and at.step % options.checkpoint_every == 0):
                self.save()
        self.read_losses()
        means = {name: value / at.batch for name, value in at.sums.items()}
        speeds = {"images_per_second": round(speed, 2)} if seen else {}
        self.ended = {"epoch": at.epoch + 1, "lr": self.schedule(at.epoch), **means, **speeds}

    def fetch(self, batches: Iterator[Any]) -> tuple[list[Any], bool]:
        """The next batch, in its parts, and whether it is time for a checkpoint after it: of which all processes know at the same step.

        If a process cannot have its share of the batch, what was reached is saved, and all stop; likewise, without saving, if the last
        checkpoint could not be written.

        Raises:
            StoppedError: a signal came to one of the processes; the state is saved.
        """
        before, failure, named = dict(self.training.skipped), None, self.state.named
        parts: list[Any] = []
        try:
            parts = [next(batches) for _ in range(self.recipe.optimization.gradient_accumulation)]
        except (OSError, ValueError) as error:
            failure = error
        except StopIteration:
            raise RuntimeError(f"an epoch ended after {self.at.batch} of {self.training.steps_per_epoch} batches") from None
        new = [message for message in self.training.skipped if message not in named]
        unwritten = self.writer is not None and self.writer.error is not None
        time_to_save = self.writer is not None and self.writer.due
        self.stopped, failed, lost, due, more = processes.largest(
            self.signals.number, failure is not None, unwritten, time_to_save, len(new)
        )
        if self.stopped or failed:
            self.training.skipped.clear()  # this batch is not trained on, and will be drawn again
            self.training.skipped.update(before)
            self.save(wait=True)
        if self.stopped:  # first: Ctrl-C reaches the workers, too, and they fail
            raise StoppedError
        if lost and self.writer is not None:
            self.writer.wait()  # raises
        if failed or lost:
            raise failure or processes.PeerError("another process of this training failed: it says why; continue with rga resume")
        for message in dict.fromkeys(message for each in processes.gather(new) for message in each) if more else ():
            named.add(message)
            self.note("skipped", {"message": message})
            self.say(f"skipped: {message}")
        return parts, bool(due)

    def step(self, parts: Sequence[Any], lr: float) -> None:
        """One step down the gradients of a batch. Its losses are read when they are due: on a CPU before the weights change.

        Raises:
            DivergedError: a loss that was read is not finite.
        """
        training, at = self.training, self.at
        set_learning_rate(self.optimizer, lr)
        seed_all(self.recipe.seed, at.step, processes.rank())
        self.optimizer.zero_grad(set_to_none=True)
        self.criterion.zero_grad()
        names, values = add_gradients(training, parts, self.scaler, self.device, self.recipe.machine.amp_dtype)
        self.unread.add(at.step, names, values, "; ".join(map(training.describe, parts)))
        if self.unread.are_due:
            self.read_losses()
        descend(training.model, self.optimizer, self.criterion, self.scaler, self.recipe.optimization.gradient_clip_norm)

    def read_losses(self) -> None:
        """Reads the losses of the steps since they were read last, which all belong to the epoch that is under way.

        All processes call it after the same steps.

        Raises:
            DivergedError: one is not finite.
        """
        at = self.at
        for losses in self.unread.read():
            self.latest = losses.checked_means(at.epoch, self.earlier)
            at.sums = {name: at.sums.get(name, 0.0) + value for name, value in self.latest.items()}

    def end_epoch(self) -> None:
        """After an epoch, or where the steps end: an evaluation if it is due.

        Raises:
            StoppedError: a signal came; the state is saved.
        """
        at = self.at
        whole = at.batch == self.training.steps_per_epoch
        if at.step == self.total or (whole and self.recipe.loop.evaluates_after(at.epoch + 1)):
            self.estimate.begin()
            self.evaluate_and_keep()
            self.estimate.evaluation_is_over()
            self.show_what_is_left()
        if at.sums:  # where the training was shortened to what is over, there were no steps
            self.note("train", self.ended)
        for name, metrics in at.metrics.items() if at.evaluated == at.step else ():
            self.note("evaluate" if name == RAW else f"evaluate_{name}", {"epoch": self.epoch, **metrics})
        if whole:
            at.epoch, at.batch, at.sums = at.epoch + 1, 0, {}

    def evaluate_and_keep(self) -> None:
        """Evaluates, and writes the models that are as good as all before: with few images ties are frequent, and the later learnt more.

        Whatever goes wrong, the state before it is saved first.

        Raises:
            StoppedError: a signal came; the state is saved.
        """
        at = self.at
        self.state.check_finite()
        if processes.together():  # they cannot save together when one of them is in trouble
            self.save()
        try:
            metrics = self.evaluate()
            reached = {name: values[self.training.watched] for name, values in metrics.items() if self.training.watched in values}
            better = {name: value for name, value in reached.items() if value >= at.best.get(name, -math.inf)}
            self.save_models("best", metrics, better)
        except (Exception, StoppedError):
            if not processes.together():
                self.save(wait=True)
            raise
        at.metrics, at.best, at.evaluated = metrics, {**at.best, **better}, at.step

    def evaluate(self) -> dict[str, dict[str, float]]:
        """The metrics of the weights as they are, and of the averaged ones.

        Raises:
            StoppedError: a signal came; one process alone answers it at once.
        """
        all_metrics = {}
        for name in self.state.kinds:
            try:
                with self.state.weights(name), nullcontext() if processes.together() else self.signals.answered_at_once():
                    processes.copy_from_first(self.training.model, buffers_alone=True)  # each has statistics of its own part
                    own = {metric: float(value) for metric, value in self.training.evaluate().items()}
            except StoppedError:
                self.stopped = self.signals.number
                raise
            all_metrics[name] = processes.from_first(own)
            self.say(f"epoch {self.epoch}{', EMA' if name == EMA else ''}: {spell_out(all_metrics[name])}")
        return all_metrics

    def test(self) -> Mapping[str, float]:
        """The metrics of the best model on the test split, noted and said; likewise of that with averaged weights."""
        found = test_best(self.training, self.folder, self.state.kinds)
        for name, figures in found.items():
            self.note("test" if name == RAW else f"test_{name}", {"epoch": self.epoch, **figures})
            self.say(f"best model{', EMA' if name == EMA else ''}, on test: {spell_out(figures)}")
        return found.get(RAW, {})

    def save_models(self, folder: str, metrics: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> None:
        """Writes the models for users, with what they reached: those of the named weights."""
        if not processes.first():
            return
        for name in names:
            with self.state.weights(name):
                where = self.folder / (folder if name == RAW else f"{folder}-{name}")
                write_folder(where, partial(self.training.save_model, metrics=metrics.get(name, {})), last=CONFIG)

    def save(self, wait: bool = False) -> None:
        """Takes a checkpoint, if there is none of this state, which is written beside what follows; all processes call it.

        Args:
            wait: until it is written.

        Raises:
            DivergedError: the weights are not finite.
            OSError: it, or the one before it, could not be written.
        """
        if self.saved != self.position:
            self.read_losses()
            checkpoint = self.state.checkpoint(0 if self.log is None else self.log.length())
            self.saved = self.position
            if self.writer is not None:
                self.writer.write(checkpoint)
        if wait and self.writer is not None:
            self.writer.wait()

    @property
    def position(self) -> tuple[int, ...]:
        """What tells one state of the training from another."""
        return self.at.epoch, self.at.batch, self.at.step, self.at.evaluated

    @property
    def epoch(self) -> int:
        """The number of the epoch that is under way, from 1; between two epochs that of the last."""
        return self.at.epoch + (self.at.batch > 0)

    def earlier(self) -> str:
        """Whether there is an earlier state, and where: the end of an error."""
        if self.writer is not None:
            self.writer.join()
        return f"an earlier state is in {self.folder / LAST}" if (self.folder / LAST).exists() else "there is no earlier state"

    def outcome(self, number: int = 0, test: Mapping[str, float] | None = None) -> Outcome:
        """The result so far, the signal that stopped it, and what the best model reached on the test split."""
        at = self.at
        skipped = sum(self.state.skipped().values())
        return Outcome(at.epoch, at.step, at.metrics.get(RAW, {}), at.best.get(RAW), at.metrics.get(EMA, {}), skipped, number, test or {})

    def note(self, kind: str, values: Mapping[str, float | int | str]) -> None:
        """Writes an event to the log; if that fails, the state is saved, unless other processes would have to save with this one."""
        if self.log is None:
            return
        try:
            self.log.write(kind, self.at.step, values)
        except OSError:
            if not processes.together():
                self.save(wait=True)
            raise

    def show_what_is_left(self) -> None:
        """Shows the time that is left, and prints it as soon as it can be told."""
        self.progress.update(self.bar, left=self.estimate.shown(self.at.step))
        if message := self.estimate.to_say(self.at.step):
            self.say(message)

    def say(self, message: str) -> None:
        """Prints a line above the progress bar."""
        if processes.first():
            self.progress.console.print(message, markup=False, soft_wrap=True)
