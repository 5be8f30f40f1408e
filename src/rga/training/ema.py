"""The weights of a training averaged over its steps (exponentially, as in Polyak & Juditsky 1992), by timm's ``ModelEmaV3``.

The decay starts low and grows to its value over the first steps, so that the weights that a training starts from are soon forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from timm.utils import ModelEmaV3
from torch import nn


class EmaWeights:
    """The running average of a model's weights and statistics.

    Args:
        model: that is trained; on its device.
        decay: how much of the average stays at each step, in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.average = ModelEmaV3(model, decay=decay, use_warmup=True)

    def update(self, model: nn.Module, step: int) -> None:
        """Takes the weights after a step in; the first step is 1."""
        self.average.update(model, step=step)

    def state_dict(self) -> dict[str, Any]:
        """The averages by the names of the model's weights."""
        state: dict[str, Any] = self.average.module.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts the averages back."""
        self.average.module.load_state_dict(state)

    @contextmanager
    def swapped_into(self, model: nn.Module) -> Iterator[None]:
        """Within the block the model has the averages for its weights."""
        own = {name: value.clone() for name, value in model.state_dict().items()}
        try:
            copy_values(self.state_dict(), model.state_dict())
            yield
        finally:
            copy_values(own, model.state_dict())


@torch.no_grad()
def copy_values(source: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor]) -> None:
    """Copies values by name, in place."""
    for name, value in target.items():
        value.copy_(source[name])
