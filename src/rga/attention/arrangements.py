"""The paper's arrangements of RGA-S and RGA-C (arXiv 1904.02998, table 3): one alone, one after the other, side by side."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn

from rga.attention.grid import Fit, Grid, check_grid
from rga.attention.parallel import GateMap, ParallelAttention
from rga.attention.products import gated
from rga.attention.relation import ChannelRelationAttention, EmbeddingKind, RelationGate, SpatialRelationAttention
from rga.attention.tracing import is_traced
from rga.errors import InputError


class SequentialRelationAttention(nn.Sequential):
    """Relation-aware attentions in a row: RGA-SC and RGA-CS, or one alone.

    The map between two attentions is nobody else's: at inference it is overwritten.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        if not (torch.is_grad_enabled() or is_traced(x)):
            return self.overwriting(x)
        gates: list[Tensor] = []
        for attention in cast("list[GateMap]", list(self)):
            gates.append(attention.gate_map(gated(x, *gates)))
        return gated(x, *gates)

    def overwriting(self, x: Tensor) -> Tensor:
        """``forward`` at inference: one new map, multiplied by each gate in its place."""
        first, *others = cast("list[GateMap]", list(self))
        out = x * first.gate_map(x)
        for attention in others:
            out.mul_(attention.gate_map(out))
        return out


Arrangement = Literal["s", "c", "sc", "cs", "parallel"]
"""RGA-S, RGA-C, RGA-SC (S, then C on its output), RGA-CS, RGA-S//C."""

SEQUENCES: dict[Arrangement, tuple[str, ...]] = {
    "s": ("spatial",),
    "c": ("channel",),
    "sc": ("spatial", "channel"),
    "cs": ("channel", "spatial"),
}


def relation_attention(
    arrangement: Arrangement,
    channels: int,
    grid: Grid,
    *,
    reduction: int = 8,
    hidden_reduction: int = 8,
    embedding: EmbeddingKind = "asymmetric",
    relation: bool = True,
    original: bool = True,
    initial_gate: float | None = None,
    fit: Fit = "exact",
    dense: bool = False,
    width_grid: Grid | None = None,
) -> nn.Module:
    """Builds relation-aware global attention for maps of ``channels`` channels on ``grid``.

    Args:
        arrangement: which attentions, in which order.
        channels: channels C of the maps.
        grid: (H, W) of the maps.
        reduction: the paper's s1, of the widths of theta, phi, psi and varphi.
        hidden_reduction: the paper's s2, of the width between W1 and W2.
        embedding: ``"asymmetric"`` (theta and phi apart), ``"symmetric"`` (theta = phi) or ``"none"``.
        relation: use the relation vectors; False is the paper's "w/o Rel.".
        original: use the nodes' own features; False is the paper's "w/o Ori.".
        initial_gate: where all gates start, say 0.95 in a trained network; None starts them near .5 as the reference does.
        fit: ``"exact"`` refuses maps on another grid, ``"pool"`` serves them.
        dense: build the affinity, for comparison.
        width_grid: the grid from which hidden widths follow; set it to the original grid to build a module that was moved by ``resample``.

    Returns:
        A module, maps (B, C, H, W) -> maps of the same shape, with children ``spatial`` and/or ``channel``.

    Raises:
        InputError: an option is out of its range.

    Example:
        >>> attention = relation_attention("sc", 64, (16, 8))
        >>> attention(torch.rand(2, 64, 16, 8)).shape
        torch.Size([2, 64, 16, 8])
    """
    grid = check_grid(grid)
    if reduction < 1 or hidden_reduction < 1:
        raise InputError(f"reductions must be at least 1, got reduction={reduction}, hidden_reduction={hidden_reduction}")
    positions = grid[0] * grid[1]
    width_positions = math.prod(check_grid(width_grid)) if width_grid is not None else positions

    def gate(nodes: int, features: int, sized_by_nodes: int, sized_by_features: int) -> RelationGate:
        relation_width = max(1, sized_by_nodes // reduction)
        joined = int(original) + (relation_width if relation else 0)
        return RelationGate(
            nodes,
            features,
            embedding_width=max(1, sized_by_features // reduction),
            relation_width=relation_width,
            hidden_width=max(1, joined // hidden_reduction),
            embedding=embedding,
            relation=relation,
            original=original,
            initial_gate=initial_gate,
            dense=dense,
        )

    def spatial() -> SpatialRelationAttention:
        return SpatialRelationAttention(channels, grid, gate(positions, channels, width_positions, channels), fit)

    def channel() -> ChannelRelationAttention:
        return ChannelRelationAttention(channels, grid, gate(channels, positions, channels, width_positions), fit)

    if arrangement == "parallel":
        return ParallelAttention(spatial(), channel())
    build: dict[str, Callable[[], nn.Module]] = {"spatial": spatial, "channel": channel}
    return SequentialRelationAttention(OrderedDict((role, build[role]()) for role in SEQUENCES[arrangement]))
