"""The gradients of a batch, which may come in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rga.training.devices import autocast
from rga.training.distributed import processes
from rga.training.recipe import AmpDtype
from rga.training.trainable import Trainable


def add_gradients(
    training: Trainable, parts: Sequence[Any], scaler: torch.amp.GradScaler, device: torch.device, dtype: AmpDtype
) -> tuple[list[str], Tensor]:
    """Adds the gradients of the mean loss over the parts of a batch to those of the model; several processes average them.

    Args:
        training: whose losses.
        parts: of the batch; all of one size.
        scaler: of the gradients in half precision.
        device: to compute on.
        dtype: of the forward pass.

    Returns:
        The names of the losses, and as many means over the parts, on the device: nothing is waited for.
    """
    names: list[str] = []
    means: list[Tensor] = []
    for number, part in enumerate(parts, start=1):
        with processes.averaging(training.network, number == len(parts)):
            with autocast(device, dtype):
                losses = training.losses(part, device)
            stacked = torch.stack(list(losses.values())) / len(parts)
            scaler.scale(stacked.sum()).backward()
        names = list(losses)
        means.append(stacked.detach())
    return names, torch.stack(means).sum(0)
