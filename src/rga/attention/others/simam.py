"""SimAM: one gate per neuron, without parameters.

Yang, Zhang, Li, Xie, "SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks", ICML 2021 (PMLR 139; it is not
on arXiv). Equation 5 gives the least energy of a neuron t in its channel, e = 4 (var + lambda) / ((t - mean)^2 + 2 var + 2 lambda), and
equation 6 the gate, sigmoid(1 / e). We compute 1 / e = (t - mean)^2 / (4 (var + lambda)) + 1/2.

The variance is that of the code in their figure 3, which divides by the number of positions less one; the text divides by their number.
A map of one position has the variance 0 here; there it would be 0 / 0.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from rga.arrays import is_number
from rga.attention.grid import check_map
from rga.attention.precision import WideModule, in_float32
from rga.errors import InputError


class SimAM(WideModule):
    """One gate per position and channel, by how far a value lies from the mean of its channel. Has no parameters.

    Args:
        channels: channels C of the maps.
        regularisation: the paper's lambda, above 0, which is added to the variance.

    Raises:
        InputError: ``regularisation`` is not a finite number above 0.

    Example:
        >>> import torch
        >>> SimAM(3)(torch.ones(1, 3, 2, 2))[0, 0, 0, 0].item() == torch.tensor(0.5).sigmoid().item()
        True
    """

    def __init__(self, channels: int, *, regularisation: float = 1e-4) -> None:
        super().__init__()
        if not is_number(regularisation) or not 0 < regularisation < math.inf:
            raise InputError(f"regularisation must be a finite number above 0, got {regularisation!r}")
        self.channels = channels
        self.regularisation = float(regularisation)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        gate: Tensor = self.gate(inverse_energy(check_map(x, self.channels), self.regularisation))  # (B, C, H, W)
        return x * gate.to(x.dtype)

    def extra_repr(self) -> str:
        """The line that ``print(module)`` shows."""
        return f"channels={self.channels}, regularisation={self.regularisation}"


@in_float32
def inverse_energy(x: Tensor, regularisation: float) -> Tensor:
    """One over the least energy of each neuron of a map (B, C, H, W): a map, 1/2 at least."""
    squares = (x - x.mean((2, 3), keepdim=True)).square()
    variance = squares.sum((2, 3), keepdim=True) / max(1, x.shape[2] * x.shape[3] - 1)  # (B, C, 1, 1)
    return squares / (4 * (variance + regularisation)) + 0.5
