"""The paper's arrangements of RGA-S and RGA-C (arXiv 1904.02998, table 3): one alone, one after the other, side by side.

S, then C on its output, are two modules in an ``nn.Sequential``, which knows that nobody else reads the map between them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from rga.arrays import check_count, is_number
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.acceleration.half_products import GatePrecision, check_gate_precision
from rga.attention.acceleration.multiply import gated
from rga.attention.acceleration.plain import is_seen_by_nobody, is_unwatched
from rga.attention.grid import Fit, Grid, check_grid
from rga.attention.modules import ChannelRelationAttention, RelationAttention, SpatialRelationAttention
from rga.attention.relation import GATE_NORM_MOMENTUM, EmbeddingKind, GateNorm, LinearBias, LinearNorm, RelationGate
from rga.attention.space_time import SpaceTimeChannelAttention, SpaceTimeSpatialAttention
from rga.attention.spectral.basis import Frequencies, check_frequencies
from rga.attention.spectral.gates import SpectralChannelGate, SpectralSpatialGate
from rga.attention.spectral.modules import (
    LARGEST,
    SpectralAttention,
    SpectralChannelAttention,
    SpectralSpatialAttention,
    start_as_projected,
)
from rga.attention.tracing import infers_eagerly
from rga.errors import InputError


class GateMap(Protocol):
    """An attention that returns its gates apart from their use."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W), of a shape that broadcasts to it."""
        ...


class ParallelAttention(nn.Module):
    """A spatial and a channel attention of the same map, which is multiplied by both gates.

    The paper's S//C does not say how its two branches are joined. This is our choice.

    Args:
        spatial: computes one gate per position.
        channel: computes one gate per channel.
    """

    def __init__(self, spatial: GateMap, channel: GateMap) -> None:
        super().__init__()
        self.spatial = spatial
        self.channel = channel

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return gated(x, self.spatial.gate_map(x), self.channel.gate_map(x))


class AttentionSequence(nn.Sequential):
    """Attentions one after the other, as in ``nn.Sequential``; at eager inference the next one overwrites a map that was made here.

    Only the sequence knows whose a map is: a map that came in is the caller's, and one that a hook saw, at its end or on its way, or that
    another module returned may be read again. Those are left as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        own = False
        for module in self:
            known = isinstance(module, RelationAttention) and type(module).forward is RelationAttention.forward
            if own and known and infers_eagerly(x) and is_seen_by_nobody(module):
                assert isinstance(module, RelationAttention)
                x = module.forward_inplace(x)
            else:
                x = module(x)
            own = known and is_unwatched(module)
        return x


Arrangement = Literal["s", "c", "sc", "cs", "parallel"]
"""RGA-S, RGA-C, RGA-SC (S, then C on its output), RGA-CS, RGA-S//C."""

INITIAL_GATE_SLOPE = 0.1
"""Weight of the last BN under ``initial_gate``: small, so that all gates start close to it; not zero, so that all weights learn.

Without that BN it is the length of W2's weight."""

FITS: tuple[Fit, ...] = ("exact", "pool", "spectral")

Role = Literal["spatial", "channel"]

EXACT: dict[Role, type[SpatialRelationAttention] | type[ChannelRelationAttention]] = {
    "spatial": SpatialRelationAttention,
    "channel": ChannelRelationAttention,
}
SPACE_TIME: dict[Role, type[SpaceTimeSpatialAttention] | type[SpaceTimeChannelAttention]] = {
    "spatial": SpaceTimeSpatialAttention,
    "channel": SpaceTimeChannelAttention,
}
SPECTRAL: dict[Role, tuple[type[SpectralAttention], type[RelationGate]]] = {
    "spatial": (SpectralSpatialAttention, SpectralSpatialGate),
    "channel": (SpectralChannelAttention, SpectralChannelGate),
}

SEQUENCES: dict[Arrangement, tuple[Role, ...]] = {
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
    gate_norm: GateNorm = "batch",
    gate_norm_momentum: float = GATE_NORM_MOMENTUM,
    gate_precision: GatePrecision = "auto",
    fit: Fit = "exact",
    frequencies: Frequencies | None = None,
    dense: bool = False,
    width_grid: Grid | None = None,
    frames: int = 1,
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
        gate_norm: ``"batch"`` for the paper's BN over the logits of the gates; ``"none"`` leaves it out, and W2 has a bias.
        gate_norm_momentum: of that BN, above 0, at most 1.
        gate_precision: of theta, phi and psi for maps in half precision: ``"auto"`` multiplies in half precision, into float32, where the
            device gains by it (CUDA); ``"half"`` does so everywhere, ``"float32"`` nowhere. All else is computed in float32 either way.
        fit: ``"exact"`` refuses maps on another grid, ``"pool"`` pools them to it; ``"spectral"`` is not the paper's: weights over
            positions are sums of cosines, which any grid samples.
        frequencies: of those cosines, (down, across); by default 16 for the longer axis of the grid and in proportion for the other; no
            axis gets more than it has cells. ``grid`` is then that of the maps in training.
        dense: compute by the definition (``relation``), which builds the affinity: the same function, for much more time and memory.
        width_grid: the grid from which hidden widths follow; set it to the original grid to build a module that was moved by ``resample``.
            By default ``grid``; where ``fit`` is ``"spectral"`` a grid counts as one of 64x32 positions at most.
        frames: T, frames of a tracklet whose positions are nodes together; see ``space_time``. The maps are then (B*T, C, H, W), the frames
            of a tracklet one after the other. 1 for images.

    Returns:
        A module, maps (B, C, H, W) -> maps of the same shape, with children ``spatial`` and/or ``channel``.

    Raises:
        InputError: an option is out of its range.

    Example:
        >>> import torch
        >>> attention = relation_attention("sc", 64, (16, 8))
        >>> attention(torch.rand(2, 64, 16, 8)).shape
        torch.Size([2, 64, 16, 8])
    """
    grid = check_grid(grid)
    if reduction < 1 or hidden_reduction < 1:
        raise InputError(f"reductions must be at least 1, got reduction={reduction}, hidden_reduction={hidden_reduction}")
    check_gate_precision(gate_precision)
    if dense and gate_precision == "half":
        raise InputError("dense=True computes by the definition, in float32, and gate_precision='half' does not: leave one of the two out")
    if fit not in FITS:
        raise InputError(f"unknown fit {fit!r}: choose one of {', '.join(map(repr, FITS))}")
    chosen = check_spectral(frequencies, grid, dense=dense) if fit == "spectral" else None
    if check_count("frames", frames) > 1 and chosen is not None:
        raise InputError(f"frames={frames} belongs to attention over time, and fit='spectral' has no axis of time: choose fit='pool'")
    if frequencies is not None and chosen is None:
        raise InputError(f"frequencies={frequencies!r} belong to fit='spectral', and fit is {fit!r}: leave one of the two out")
    positions = frames * grid[0] * grid[1]
    inputs = positions if chosen is None else chosen[0] * chosen[1]
    width_positions = frames * math.prod(check_grid(width_grid)) if width_grid is not None else positions
    width_positions = width_positions if chosen is None else min(width_positions, LARGEST)

    def gate(kind: type[RelationGate], nodes: int, features: int, sized_by_nodes: int, sized_by_features: int) -> Any:
        relation_width = max(1, sized_by_nodes // reduction)
        joined = int(original) + (relation_width if relation else 0)
        built = kind(
            nodes,
            features,
            embedding_width=max(1, sized_by_features // reduction),
            relation_width=relation_width,
            hidden_width=max(1, joined // hidden_reduction),
            embedding=embedding,
            relation=relation,
            original=original,
            gate_norm=gate_norm,
            gate_norm_momentum=gate_norm_momentum,
        )
        if isinstance(built, FastRelationGate):
            built.gate_precision = gate_precision
        if initial_gate is not None:
            start_gates_at(built.w2, initial_gate)
        return built

    def attention(role: Role) -> Any:
        sizes = (inputs, channels, width_positions, channels) if role == "spatial" else (channels, inputs, channels, width_positions)
        if chosen is None:
            computed = gate(RelationGate if dense else FastRelationGate, *sizes)
            if frames > 1:
                return SPACE_TIME[role](channels, grid, computed, fit, frames=frames)
            return EXACT[role](channels, grid, computed, fit)
        kind, gates = SPECTRAL[role]
        built = kind(channels, grid, gate(gates, *sizes), chosen)
        start_as_projected(built)
        return built

    if arrangement == "parallel":
        return ParallelAttention(attention("spatial"), attention("channel"))
    return AttentionSequence(OrderedDict((role, attention(role)) for role in SEQUENCES[arrangement]))


def check_spectral(frequencies: Frequencies | None, grid: Grid, *, dense: bool) -> Frequencies:
    """The frequencies of a spectral attention.

    Raises:
        InputError: they are none, or the affinity is to be built.
    """
    if dense:
        raise InputError("dense=True computes by the paper's definition, which fit='spectral' is not: leave one of the two out")
    return check_frequencies(frequencies, grid)


def start_gates_at(w2: LinearNorm | LinearBias, gate: float) -> None:
    """Sets the last layer so that every gate starts close to ``gate`` and still depends on its node.

    The normalised logit has mean 0 and deviation 1 over a batch: weight ``INITIAL_GATE_SLOPE`` and bias logit(gate) put the gates
    around ``gate``. Without the BN the weight keeps its random direction and gets that length; its inputs, normalised and rectified, are
    of the size of 1.

    Raises:
        InputError: ``gate`` does not lie between 0 and 1.
    """
    if not is_number(gate) or not 0 < gate < 1:
        raise InputError(f"initial_gate must lie between 0 and 1, without them, got {gate}")
    last = w2.norm if isinstance(w2, LinearNorm) else w2.linear
    nn.init.constant_(last.bias, math.log(gate / (1 - gate)))
    if isinstance(last, nn.Linear):
        last.weight.data = INITIAL_GATE_SLOPE * nn.functional.normalize(last.weight.data, dim=1)
    else:
        nn.init.constant_(last.weight, INITIAL_GATE_SLOPE)
