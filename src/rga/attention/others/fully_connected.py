"""Attention by fully connected layers over all nodes: the paper's FC-S and FC-C, global but without relations.

Zhang et al., arXiv 1904.02998, section 4.3, compare with them and give no layer list. Ours is the one whose size agrees with their
table (ResNet-50 with a 751-way classifier: FC-S 26.9 M, FC-C 26.4 M parameters): every node is summarised by one number, and two
layers over all nodes, N -> N/8 -> N, give the gates. FC-S summarises a position as RGA-S does in its unary item (1x1 convolution to
C/8, BN, ReLU, mean), FC-C a channel by its average, as squeeze-and-excitation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.arrangements import ParallelAttention
from rga.attention.grid import (
    Fit,
    Grid,
    GridAttention,
    check_grid,
    check_map,
    move_input_weights,
    move_output_weights,
    replace_parameter,
    resize,
)
from rga.attention.precision import WideModule, apply_in_float32, wide_mean


def two_layers(nodes: int, hidden: int) -> nn.Sequential:
    """Two fully connected layers over all nodes: (B, M) -> (B, M)."""
    return nn.Sequential(nn.Linear(nodes, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, nodes))


class FullyConnectedSpatialAttention(GridAttention):
    """FC-S: one gate per position, by fully connected layers over all positions.

    Args:
        channels: channels C of the maps.
        grid: (H, W) of the maps.
        reduction: of the channels in the summary and of the positions in the hidden layer.
        fit: ``"exact"`` refuses maps on another grid, ``"pool"`` serves them.
    """

    def __init__(self, channels: int, grid: Grid, *, reduction: int = 8, fit: Fit = "exact") -> None:
        super().__init__(channels, grid, fit)
        positions = self.grid[0] * self.grid[1]
        width = max(1, channels // reduction)
        self.summary = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.layers = two_layers(positions, max(1, positions // reduction))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return x * self.gate_map(x)

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, 1, H, W) in its dtype."""
        summary = apply_in_float32(self.summary, self.on_grid(x)).mean(1).flatten(1)  # (B, C, h, w) -> (B, N)
        logits = apply_in_float32(self.layers, summary).unflatten(1, self.grid).unsqueeze(1)  # (B, N) -> (B, 1, h, w)
        return resize(self.gate(logits), (x.shape[2], x.shape[3])).to(x.dtype)

    @torch.no_grad()
    def resample_(self, grid: Grid) -> None:
        """Moves the inputs of the first layer and the outputs of the second to another grid."""
        new = check_grid(grid)
        first, second = self.layers[0], self.layers[3]
        replace_parameter(first, "weight", move_input_weights(first.get_parameter("weight"), self.grid, new))
        for name in ("weight", "bias"):
            replace_parameter(second, name, move_output_weights(second.get_parameter(name), self.grid, new))
        self.grid = new


class FullyConnectedChannelAttention(WideModule):
    """FC-C: one gate per channel, by fully connected layers over all channels.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the hidden layer.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.channels = channels
        self.layers = two_layers(channels, max(1, channels // reduction))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return x * self.gate_map(x)

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, C, 1, 1) in its dtype."""
        logits = apply_in_float32(self.layers, wide_mean(check_map(x, self.channels), (2, 3)))  # (B, C)
        gate: Tensor = self.gate(logits[..., None, None])  # (B, C, 1, 1)
        return gate.to(x.dtype)


def fully_connected_parallel(channels: int, grid: Grid, *, reduction: int = 8, fit: Fit = "exact") -> ParallelAttention:
    """FC-S//C: both attentions of the same map, which is multiplied by both gates."""
    spatial = FullyConnectedSpatialAttention(channels, grid, reduction=reduction, fit=fit)
    return ParallelAttention(spatial, FullyConnectedChannelAttention(channels, reduction=reduction))
