"""All that changes in a training: the weights, their average, the optimiser, the scaler of gradients, and where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim import Optimizer

from rga.errors import InputError
from rga.training.distributed import processes
from rga.training.ema import EmaWeights
from rga.training.input.random_state import random_state, set_random_state
from rga.training.optimization import load_optimizer
from rga.training.outcome import DivergedError
from rga.training.run.checkpoint import Checkpoint, Position, snapshot
from rga.training.trainable import Trainable

RAW, EMA = "raw", "ema"
"""The weights that are evaluated: as the last step left them, and their exponential moving average."""


ADVICE = "go on with the recipe and the data that the run was started with"


class TrainingState:
    """What a checkpoint holds, while it changes.

    Args:
        training: its model is on its device already; of several processes all get the first one's weights.
        optimizer: of the model.
        scaler: of gradients in half precision.
        ema_decay: decay of the running average of the weights; 0 for none.
    """

    def __init__(self, training: Trainable, optimizer: Optimizer, scaler: torch.amp.GradScaler, ema_decay: float) -> None:
        processes.copy_from_first(training.model)
        self.training = training
        self.optimizer = optimizer
        self.scaler = scaler
        self.ema = EmaWeights(training.model, ema_decay) if ema_decay else None
        self.at = Position()
        self.named: set[str] = set()
        """What was skipped and is in the log; the same in all processes."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of weights that there are."""
        return (RAW, EMA) if self.ema else (RAW,)

    @contextmanager
    def weights(self, kind: str) -> Iterator[None]:
        """Within the block the model has weights of a kind."""
        if kind == RAW or self.ema is None:
            yield
            return
        with self.ema.swapped_into(self.training.model):
            yield

    def step_is_over(self) -> None:
        """Counts a step, and takes its weights into the average."""
        self.at.batch, self.at.step = self.at.batch + 1, self.at.step + 1
        if self.ema:
            self.ema.update(self.training.model, self.at.step)

    def skipped(self) -> dict[str, int]:
        """What could not be read and was replaced, in all processes, and how often."""
        return dict(sum(map(Counter, processes.gather(self.training.skipped)), Counter[str]()))

    def check_finite(self) -> None:
        """Refuses NaN or infinite weights.

        Raises:
            DivergedError: the weights are not finite.
        """
        values = (*self.training.model.state_dict().values(), *self.training.criterion.state_dict().values())
        if not all(value.isfinite().all() for value in values if value.is_floating_point()):
            raise DivergedError(f"the weights are not finite after step {self.at.step}: lower the learning rate")

    def checkpoint(self, log: int) -> Checkpoint:
        """A copy of everything, on the CPU; all processes call it.

        Args:
            log: length of the run's log in bytes.

        Raises:
            DivergedError: the weights are not finite.
        """
        self.check_finite()
        return Checkpoint(
            **snapshot(vars(self.at)),
            model=snapshot(self.training.model.state_dict()),
            ema=snapshot(self.ema.state_dict()) if self.ema else {},
            optimizer=snapshot(self.optimizer.state_dict()),
            scaler=snapshot(self.scaler.state_dict()),
            random=snapshot(random_state()),
            skipped=self.skipped(),
            log=log,
            criterion=snapshot(self.training.criterion.state_dict()),
            steps_per_epoch=self.training.steps_per_epoch,
            processes=processes.count(),
        )

    def restore(self, start: Checkpoint) -> None:
        """Puts everything to where a checkpoint was taken.

        Raises:
            InputError: it is of another model or optimiser.
        """
        check_fits(self.training.model, start)
        try:
            self.training.model.load_state_dict(start.model)
            self.training.criterion.load_state_dict(start.criterion)
            load_optimizer(self.optimizer, start.optimizer)
            if self.ema:
                self.ema.load_state_dict(start.ema or start.model)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"the checkpoint does not fit: {error}; {ADVICE}") from error
        if start.scaler:
            self.scaler.load_state_dict(start.scaler)
        for name in vars(self.at):
            setattr(self.at, name, getattr(start, name))
        self.named.update(start.skipped)
        if processes.first():  # it holds what all of them skipped
            self.training.skipped.update(start.skipped)
        set_random_state(start.random)


def check_position(start: Checkpoint, steps_per_epoch: int, total: int) -> None:
    """Refuses a checkpoint whose position in a training means nothing, or is behind its end.

    Args:
        start: the checkpoint.
        steps_per_epoch: of the training.
        total: steps of the training.

    Raises:
        InputError: an epoch has another number of steps than it had, or the training fewer than are over.
    """
    if start.steps_per_epoch != steps_per_epoch:
        raise InputError(
            f"the checkpoint does not fit: an epoch has {steps_per_epoch} steps, and had {start.steps_per_epoch} when it was saved "
            f"({start.where}): {ADVICE}, or start a new run with another --output"
        )
    if start.step > total:
        raise InputError(
            f"{start.step} steps are over ({start.where}), more than the {total} that the training shall have: raise --epochs or "
            "--max-steps, or leave them out"
        )


def check_fits(model: nn.Module, start: Checkpoint) -> None:
    """Raises an InputError if a checkpoint is of another model."""
    own = {name: value.shape for name, value in model.state_dict().items()}
    given = {name: value.shape for name, value in start.model.items()}
    wrong = [name for name in {**own, **given} if own.get(name) != given.get(name)]
    if wrong:
        some = ", ".join(wrong[:3])
        raise InputError(f"the checkpoint does not fit: {len(wrong)} weights are missing, too many or of another shape ({some}); {ADVICE}")
