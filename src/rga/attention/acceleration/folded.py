"""What is left of a BN once it is part of the weights before it, for good: in a network for inference alone (``rga.optimise``).

Gain: ``FastLinearNorm`` folds a BN at each call, and for that writes weights as large as those of the layer. With one image at a time
this is as much memory as a map takes.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from rga.errors import InputError


class FoldedNorm(nn.Module):
    """Stands where a BN was that is part of the weights before it now, and does what came with the BN.

    Args:
        *after: what the BN's module did to its output, such as an activation.
    """

    def __init__(self, *after: nn.Module) -> None:
        super().__init__()
        self.after = nn.Sequential(*after)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """A map or rows -> the same shape."""
        out: Tensor = self.after(x)
        return out

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode.

        Raises:
            InputError: training mode is asked for.
        """
        refuse_training(mode)
        return super().train(mode)


class Shift(FoldedNorm):
    """Stands where a BN of RGA was whose scale is part of the linear map before it: adds the rest.

    The linear map stays without bias, so that the fast paths, which read its weight, and those that call it, compute the same.

    Args:
        shift: (F,).
    """

    shift: Tensor

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """Rows (B*M, F) -> the same shape."""
        return x + self.shift


def refuse_training(mode: bool) -> None:
    """Refuses training mode.

    Raises:
        InputError: it is asked for.
    """
    if mode:
        raise InputError(
            "an optimised model cannot be trained: its batch normalisations are part of its weights. Train the model that it was made from"
        )


def fold_norm(norm: nn.modules.batchnorm._BatchNorm) -> tuple[Tensor, Tensor]:
    """The linear map y * scale + shift of a normalisation that goes by its running statistics, (F,) each, in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        scale = norm.weight.double() * scale
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else norm.bias.double() + shift
