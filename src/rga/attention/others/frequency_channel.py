"""Multi-spectral channel attention of FcaNet.

Qin, Zhang, Wu, Li, "FcaNet: Frequency Channel Attention Networks", ICCV 2021, arXiv 2012.11879, section 3: squeeze-and-excitation in which
each group of channels is summarised by its coefficient at one frequency of the two-dimensional DCT, instead of by its mean.

As in the authors' code, the frequencies are the 16 best of a 7x7 grid; on a grid of 7h x 7w positions they are multiplied by h and w. The
cosines have the norm 1. Their code pools a map of another size (adaptive average pooling) to the grid of its stage at 224x224, which
is 56, 28, 14 or 7. Here the stage is not known, so both sides of a map are pooled to the largest multiple of 7 in them, 7 at least: the
same for images of 224x224. The weights belong to no grid.

Deviation: their code refuses channels that 16 does not divide; here the first frequencies are taken, as many as divide the channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.grid import check_map
from rga.attention.others.multi_scale import divisor
from rga.attention.precision import WideModule, apply_in_float32, in_float32

BASE = 7
"""Sides of the grid on which the frequencies were chosen."""

DOWN = (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2)
ACROSS = (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2)
"""The 16 best frequencies ("top16" in the authors' code), best first, in half periods per grid of 7x7."""


class FrequencyChannelAttention(WideModule):
    """One gate per channel, from one DCT coefficient of each channel.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the hidden layer.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.channels = channels
        self.frequencies = divisor(channels, len(DOWN))
        width = max(1, channels // reduction)
        self.layers = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.ReLU(), nn.Conv2d(width, channels, 1, bias=False))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        summary = coefficients(check_map(x, self.channels), self.frequencies)[..., None, None]  # (B, C, 1, 1)
        gate: Tensor = self.gate(apply_in_float32(self.layers, summary))  # (B, C, 1, 1)
        return x * gate.to(x.dtype)


@in_float32
def coefficients(x: Tensor, frequencies: int) -> Tensor:
    """The DCT coefficients of a map (B, C, H, W), whose channels have the first frequencies in equal groups: (B, C)."""
    height, width = (BASE * max(1, side // BASE) for side in x.shape[2:])
    pooled = x if x.shape[2:] == (height, width) else F.adaptive_avg_pool2d(x, (height, width))
    rows, columns = cosines(height, x), cosines(width, x)
    waves = torch.stack([torch.outer(rows[u], columns[v]).flatten() for u, v in zip(DOWN[:frequencies], ACROSS, strict=False)])  # (F, h w)
    groups = pooled.flatten(2).unflatten(1, (frequencies, x.shape[1] // frequencies))  # (B, C, h, w) -> (B, F, C / F, h w)
    return torch.matmul(groups, waves[..., None]).flatten(1)  # (B, F, C / F, 1) -> (B, C)


def cosines(size: int, like: Tensor) -> Tensor:
    """The cosines of the 7x7 grid's frequencies on ``size`` positions, a multiple of 7, each of the norm 1: (7, size)."""
    wide = torch.float32 if like.device.type == "mps" else torch.float64
    frequencies = torch.arange(BASE, dtype=wide, device=like.device)[:, None] * (size // BASE)
    positions = torch.arange(size, dtype=wide, device=like.device) + 0.5
    norms = ((1 + frequencies.sign()) / size).sqrt()  # (7, 1)
    return (torch.cos(math.pi / size * frequencies * positions) * norms).to(like.dtype)
