"""Efficient multi-scale attention (EMA).

Ouyang, He, Zhang, Luo, Guo, Zhan, Huang, "Efficient Multi-Scale Attention Module with Cross-Spatial Learning", ICASSP 2023,
arXiv 2305.13563, section 3. What the text leaves open (biases, the order of GN and gates) follows the authors' code.
The channels are cut into groups that share all weights. One branch gates the group by its means over rows and columns, as coordinate
attention does, and normalises it; another is a 3x3 convolution. Each branch is pooled to a softmax over the channels, which weighs the
channels of the other branch; the sigmoid of both sums is one gate per position of the group.

As published, GN has one channel per group, so the mean of the first branch is GN's bias: its softmax does not depend on the map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32


def divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is not above ``most``.

    Example:
        >>> divisor(64, 32), divisor(48, 32), divisor(7, 4)
        (32, 24, 1)
    """
    return next(size for size in range(min(number, most), 0, -1) if number % size == 0)


class CrossSpatialLogits(nn.Module):
    """The logits of the positions of a group, from both branches.

    Args:
        width: channels of a group.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.strips = nn.Conv2d(width, width, 1)
        self.norm = nn.GroupNorm(width, width)
        self.local = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Groups (B * G, D, H, W) -> (B * G, 1, H, W)."""
        strips = torch.cat([x.mean(3, keepdim=True), x.mean(2, keepdim=True).mT], 2)  # (B * G, D, H + W, 1)
        rows, columns = self.strips(strips).split([x.shape[2], x.shape[3]], 2)
        gated = x * rows.sigmoid() * columns.mT.sigmoid()
        # called as a function, since the module refuses a single position of a single image
        first = torch.group_norm(gated, self.norm.num_groups, self.norm.weight, self.norm.bias, self.norm.eps)
        second = self.local(x)
        by_first, by_second = (branch.mean((2, 3), keepdim=True).softmax(1) for branch in (first, second))  # (B * G, D, 1, 1)
        logits: Tensor = (by_first * second + by_second * first).sum(1, keepdim=True)
        return logits


class GroupGates(nn.Module):
    """The sigmoid of the logits of the groups, for all channels of a map."""

    def forward(self, logits: Tensor, groups: Tensor, x: Tensor) -> Tensor:
        """Logits (B * G, 1, H, W), groups (B * G, D, H, W), map (B, C, H, W) -> gates (B, C, H, W)."""
        return logits.sigmoid().expand_as(groups).reshape_as(x)


class EfficientMultiScaleAttention(WideModule):
    """One gate per position and group of channels, from two branches that weigh each other's channels.

    Args:
        channels: channels C of the maps.
        groups: the paper's G, 32 there (8 in later code); if it does not divide the channels, the largest divisor below it is taken.
    """

    def __init__(self, channels: int, *, groups: int = 32) -> None:
        super().__init__()
        self.channels = channels
        self.groups = divisor(channels, groups)
        self.logits = CrossSpatialLogits(channels // self.groups)
        self.gate = GroupGates()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        x = check_map(x, self.channels)
        groups = x.unflatten(1, (self.groups, self.channels // self.groups)).flatten(0, 1)  # (B, C, H, W) -> (B * G, C / G, H, W)
        gate: Tensor = self.gate(apply_in_float32(self.logits, groups), groups, x)  # (B, C, H, W)
        return x * gate.to(x.dtype)
