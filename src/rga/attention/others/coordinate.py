"""Coordinate attention.

Hou, Zhou, Feng, "Coordinate Attention for Efficient Mobile Network Design", CVPR 2021, arXiv 2103.02907, equations 4-9: the means of the
rows and of the columns go through one 1x1 convolution, BN and h-swish, and then each kind through its own 1x1 convolution and sigmoid. The
convolutions have biases, as in the authors' code. ``timm:coord`` is timm's module, which has other widths and no biases.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, wide_mean

LEAST_WIDTH = 8
"""Channels of the hidden layer at least, as in the authors' code."""


class ProductOfGates(nn.Module):
    """The product of the gates of rows and columns."""

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Logits (B, C, H, 1) and (B, C, 1, W) -> gates (B, C, H, W)."""
        return rows.sigmoid() * columns.sigmoid()


class CoordinateAttention(WideModule):
    """One gate per position and channel, the product of one for its row and one for its column.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the hidden layer, which has 8 at least.
    """

    def __init__(self, channels: int, *, reduction: int = 32) -> None:
        super().__init__()
        self.channels = channels
        width = max(LEAST_WIDTH, channels // reduction)
        self.joint = nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.Hardswish())
        self.rows = nn.Conv2d(width, channels, 1)
        self.columns = nn.Conv2d(width, channels, 1)
        self.gate = ProductOfGates()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        x = check_map(x, self.channels)
        height = x.shape[2]
        strips = torch.cat([wide_mean(x, 3), wide_mean(x, 2)], 2)[..., None]  # (B, C, H + W, 1)
        joint = apply_in_float32(self.joint, strips)  # (B, width, H + W, 1)
        rows = apply_in_float32(self.rows, joint[:, :, :height])  # (B, C, H, 1)
        columns = apply_in_float32(self.columns, joint[:, :, height:]).mT  # (B, C, 1, W)
        gate: Tensor = self.gate(rows, columns)  # (B, C, H, W)
        return x * gate.to(x.dtype)
