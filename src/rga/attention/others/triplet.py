"""Triplet attention: gates over each pair of the axes channel, height and width.

Misra, Nalamada, Arasanipalai, Hou, "Rotate to Attend: Convolutional Triplet Attention Module", WACV 2021, arXiv 2010.03045, section 3.2.
Each of three branches pools the map over one axis (Z-pool: maximum and mean), convolves the two pooled planes to one, and applies BN and
the sigmoid. The paper multiplies the map by the gates of each branch and averages the three products; we multiply it by the average of the
gates, which is the same. BN has the momentum of their code, 0.01.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, wide_mean, widened
from rga.errors import InputError


def z_pool(x: Tensor, axis: int) -> Tensor:
    """Maximum and mean over one axis of a map: (B, C, H, W) -> (B, 2, the two other axes), in float32 at least."""
    return torch.stack([widened(x.amax(axis)), wide_mean(x, axis)], 1)


def plane_logits(kernel_size: int) -> nn.Sequential:
    """The layers of a branch: (B, 2, M, N) -> (B, 1, M, N)."""
    convolution = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(1, momentum=0.01))


class MeanOfGates(nn.Module):
    """The mean of the sigmoids of three kinds of logits."""

    def forward(self, over_height: Tensor, over_width: Tensor, over_channels: Tensor) -> Tensor:
        """Logits (B, C, 1, W), (B, C, H, 1) and (B, 1, H, W) -> gates (B, C, H, W)."""
        return (over_height.sigmoid() + over_width.sigmoid() + over_channels.sigmoid()) / 3


class TripletAttention(WideModule):
    """One gate per position and channel, the mean of three gates that each belong to two of the axes.

    Args:
        channels: channels C of the maps.
        kernel_size: of the convolutions, an odd number.

    Raises:
        InputError: ``kernel_size`` is even.
    """

    def __init__(self, channels: int, *, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise InputError(f"kernel_size must be odd, so that the gates keep the size of the map; got {kernel_size}")
        self.channels = channels
        self.channel_width = plane_logits(kernel_size)
        self.height_channel = plane_logits(kernel_size)
        self.height_width = plane_logits(kernel_size)
        self.gate = MeanOfGates()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        x = check_map(x, self.channels)
        channel_width = apply_in_float32(self.channel_width, z_pool(x, 2))  # (B, 1, C, W)
        height_channel = apply_in_float32(self.height_channel, z_pool(x, 3).mT)  # (B, 1, H, C), as their code turns it
        height_width = apply_in_float32(self.height_width, z_pool(x, 1))  # (B, 1, H, W)
        gate: Tensor = self.gate(channel_width.transpose(1, 2), height_channel.transpose(1, 3), height_width)  # (B, C, H, W)
        return x * gate.to(x.dtype)
