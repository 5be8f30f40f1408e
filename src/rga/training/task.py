"""What a training is about: what any task offers to the loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Task(Protocol):
    """A model, its batches, its loss and its evaluation.

    A task that draws its batches with ``loader.SampleLoader`` has ``batches``, ``skipped`` and ``steps_per_epoch`` from it.
    """

    steps_per_epoch: int
    """Batches in an epoch."""
    watched: str
    """The metric of ``evaluate`` by which the best model is chosen; larger is better."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def skipped(self) -> dict[str, int]:
        """What could not be read and was replaced, and how often; put back to what it was when a training goes on."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterable[Any]:
        """The batches of an epoch, on the CPU, without the first ``start``.

        They follow from the epoch alone, whatever was drawn before. With ``gradient_accumulation`` each comes in as many parts.
        """
        ...

    def losses(self, batch: Any, device: torch.device) -> Mapping[str, Tensor]:
        """The parts of the loss of one batch, each a scalar; their sum is trained on.

        It is called under autocast, which is for the forward pass; losses leave it (``rga.attention.precision.in_float32``).
        """
        ...

    def describe(self, batch: Any) -> str:
        """Names a batch, for errors."""
        ...

    def images(self, batch: Any) -> int:
        """How many images a batch holds."""
        ...

    def evaluate(self) -> Mapping[str, float]:
        """Metrics of the model as it is."""
        ...

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for users, with what it reached."""
        ...
