"""RGA-S and RGA-C with ``fit="spectral"``: maps of any size, by weights in the cosine basis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rga.attention.acceleration.half_products import in_float32_or_half
from rga.attention.grid import Grid
from rga.attention.modules import ChannelRelationAttention, RelationAttention, SpatialRelationAttention
from rga.attention.relation import RelationGate
from rga.attention.spectral.basis import CosineBasis, Frequencies
from rga.attention.spectral.gates import SpectralChannelGate

LARGEST = 64 * 32
"""Positions that hidden widths follow, at most: those of the paper's first stage at 256x128."""


class SpectralAttention(RelationAttention):
    """What spectral RGA-S and RGA-C have in common: a basis, and weights that serve any grid.

    Args:
        channels: channels C of the maps.
        grid: (H, W) of the maps in training.
        gate: with weights for R frequencies: over nodes of C features for RGA-S, over C nodes of R frequencies for RGA-C.
        frequencies: (down, across), R in all.
    """

    fits = ("spectral",)

    def __init__(self, channels: int, grid: Grid, gate: RelationGate, frequencies: Frequencies) -> None:
        super().__init__(channels, grid, gate, "spectral")
        self.basis = CosineBasis(self.grid, frequencies)

    def resample_(self, grid: Grid) -> None:
        """Does nothing: the weights serve any grid."""


class SpectralSpatialAttention(SpectralAttention, SpatialRelationAttention):
    """RGA-S for maps of any size."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, 1, H, W) in its dtype."""
        return gates_of_positions(self.gate, self.on_grid(x), self.basis).to(x.dtype)


class SpectralChannelAttention(SpectralAttention, ChannelRelationAttention):
    """RGA-C for maps of any size."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, C, 1, 1) in its dtype."""
        assert isinstance(self.gate, SpectralChannelGate)
        return gates_of_channels(self.gate, self.on_grid(x), self.basis).to(x.dtype)


@in_float32_or_half
def gates_of_positions(gate: RelationGate, x: Tensor, basis: CosineBasis) -> Tensor:
    """The gates (B, 1, H, W) of RGA-S for a map (B, C, H, W)."""
    grid = (x.shape[2], x.shape[3])
    gates: Tensor = gate(x.flatten(2).mT, *basis.for_map(x))  # (B, N, C) -> (B, N)
    by_position: Tensor = gates.unflatten(1, grid).unsqueeze(1)
    return by_position


@in_float32_or_half
def gates_of_channels(gate: SpectralChannelGate, x: Tensor, basis: CosineBasis) -> Tensor:
    """The gates (B, C, 1, 1) of RGA-C for a map (B, C, H, W)."""
    grid = (x.shape[2], x.shape[3])
    nodes, seen = x.flatten(2), gate.seen_of(x, *basis.for_map(x))
    if gate.embedding == "none" and not basis.is_trained(grid):
        nodes = nodes * math.sqrt(basis.ratio(grid))  # the affinity is then a sum over positions, times N0 / N
    gates: Tensor = gate(nodes, *seen)  # (B, C, N) -> (B, C)
    return gates[..., None, None]


@torch.no_grad()
def start_as_projected(attention: SpectralAttention) -> None:
    """Gives fresh amplitudes the size of a projection of fresh weights of the positions, which are the smaller the more there are."""
    for linear in attention.over_positions():
        linear.weight.mul_(math.sqrt(math.prod(attention.basis.frequencies) / math.prod(attention.grid)))
