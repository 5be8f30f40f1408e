"""Losses that are still on the device, until somebody wants to see them.

To read a number from a GPU is to wait until it has done all that it was told; a training that looks at its loss after every step leaves the
GPU idle while the next step is prepared. So losses stay there for some steps and are read together. On a CPU there is nothing to wait for:
they are read at once, before the step changes the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rga.training.distributed import processes
from rga.training.outcome import DivergedError
from rga.training.run.progress import spell_out

EVERY = 50
"""Steps whose losses are read together at the latest, on a device that computes by itself."""


class StepLosses(NamedTuple):
    """The losses of a step.

    Attributes:
        step: its number.
        values: by name.
        batch: names its images, where that is known.
    """

    step: int
    values: dict[str, float]
    batch: str

    def checked_means(self, epoch: int, earlier: Callable[[], str]) -> dict[str, float]:
        """The means over all processes, which call this after the same steps.

        Args:
            epoch: that is under way, from 0.
            earlier: says where an earlier state is, for the error.

        Raises:
            DivergedError: one is not finite.
        """
        means = dict(zip(self.values, processes.mean(list(self.values.values())), strict=True))
        if not all(map(math.isfinite, means.values())):
            where = "in another process" if all(map(math.isfinite, self.values.values())) else f"batch {self.batch}"
            raise DivergedError(
                f"the loss is not finite at step {self.step} (epoch {epoch + 1}): {spell_out(means)}; {where}. "
                f"Look at these images, or lower the learning rate; {earlier()}"
            )
        return means


class UnreadLosses:
    """The losses of the last steps.

    Args:
        device: that computes them.
    """

    def __init__(self, device: torch.device) -> None:
        self.every = 1 if device.type == "cpu" else EVERY
        self.waiting: list[tuple[int, tuple[str, ...], Tensor, str]] = []

    def __len__(self) -> int:
        """How many steps wait."""
        return len(self.waiting)

    @property
    def are_due(self) -> bool:
        """Whether so many wait that they are to be read."""
        return len(self.waiting) >= self.every

    def add(self, step: int, names: Sequence[str], values: Tensor, batch: str) -> None:
        """Adds the losses of a step, without looking at them.

        Args:
            step: its number.
            names: of its losses.
            values: as many, on the device.
            batch: names its images.
        """
        self.waiting.append((step, tuple(names), values.detach(), batch))

    def read(self) -> list[StepLosses]:
        """Takes all that wait, in their order; waits for the device once."""
        taken, self.waiting = self.waiting, []
        if not taken:
            return []
        numbers = iter(torch.cat([values for _, _, values, _ in taken]).tolist())
        return [StepLosses(step, {name: next(numbers) for name in names}, batch) for step, names, _, batch in taken]
