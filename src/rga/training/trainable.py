"""What the loop trains: the contract between the loop and a task's training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Trainable(Protocol):
    """A model, its batches, its losses and its evaluation.

    A training that draws its batches with ``loader.SampleLoader`` has ``batches``, ``skipped`` and ``steps_per_epoch`` from it.
    """

    steps_per_epoch: int
    """Batches in an epoch."""
    watched: str
    """The metric of ``evaluate`` that chooses the best model; larger is better."""

    network: nn.Module
    """What ``losses`` calls: the model; where there are several processes the loop wraps it, so that their gradients are averaged."""

    criterion: nn.Module
    """What ``losses`` has weights in that learn and are no part of the model, such as centres; without weights where there are none."""
    criterion_lr: float
    """The learning rate of these weights, whatever the schedule."""

    @property
    def model(self) -> nn.Module:
        """The model that is trained."""
        ...

    def begin_epoch(self, epoch: int) -> bool:
        """Freezes what does not learn in an epoch and lets learn what does; the model is in training mode.

        Returns:
            Whether other weights learn from now on than before.
        """
        ...

    @property
    def skipped(self) -> dict[str, int]:
        """Images that could not be read and were replaced, and how often; restored when a training continues."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterable[Any]:
        """The batches of an epoch, on the CPU, without the first ``start``.

        They follow from the epoch alone, whatever was drawn before. With gradient accumulation each comes in as many parts.
        """
        ...

    def losses(self, batch: Any, device: torch.device) -> Mapping[str, Tensor]:
        """The parts of the loss of one batch, each a scalar; their sum is minimised.

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

    def test_saved(self, folder: Path) -> Mapping[str, float]:
        """Metrics of a saved model on the test split that chose nothing; nothing where there is none. They are kept with the model."""
        ...

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for users, with its metrics."""
        ...
