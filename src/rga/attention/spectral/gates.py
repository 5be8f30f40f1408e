"""The gates of RGA-S and RGA-C where positions meet weights in the cosine basis.

In RGA-S the positions are the nodes: varphi's weight is W = A E, with the amplitudes A (F, R) and the basis E (R, N). By the equation of
``factorised``,

    W r_i = Aa (E Phi) theta_i + Ab (E Theta) phi_i ,

so that all that changes is what is summed: E Phi and E Theta in the place of Phi and Theta. In RGA-C the positions are the features:
theta, phi and psi are A (E x), maps of R numbers a channel instead of N. Without embedding the affinity of two channels is a sum over all
positions itself, of which a grid has more or fewer: it is multiplied by N0 / N.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rga.attention.acceleration.gate import FastRelationGate, Sums
from rga.attention.acceleration.half_products import in_float32_or_half
from rga.attention.acceleration.linear_norm import FastLinearNorm
from rga.attention.acceleration.plain import is_plain_linear
from rga.attention.factorised import FactorisedRelationEmbedding, is_linear_map
from rga.attention.precision import wide_type, widened
from rga.attention.relation import normalise
from rga.attention.spectral.basis import is_cheaper_by_positions, project_map, project_nodes, to_positions


class SpectralRelationEmbedding(FactorisedRelationEmbedding):
    """varphi of all positions; ``rows`` and ``columns`` hold the amplitudes (F, R)."""

    def forward(self, theta: Tensor, phi: Tensor, down: Tensor, across: Tensor) -> Tensor:  # type: ignore[override]
        """From theta and phi of all positions, (B, N, D') each, and the basis (r_h, H), (r_w, W), to varphi(r_i) (B, N, width)."""
        if is_linear_map(self.rows) and is_linear_map(self.columns):
            rows: Tensor = self.rows(project_nodes(phi, down, across).mT)  # (B, D', R) -> (B, D', width)
            columns: Tensor = self.columns(project_nodes(theta, down, across).mT)
            mapped = torch.bmm(theta, rows) + torch.bmm(phi, columns)
        else:
            affinity = torch.bmm(theta, phi.mT)  # R: (B, N, N)
            mapped = self.rows(sampled(affinity, down, across)) + self.columns(sampled(affinity.mT, down, across))
        return normalise(mapped, self.norm).relu()


def sampled(affinity: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Affinities to all positions (B, N, N) in the basis: (B, N, R)."""
    return project_map(affinity.unflatten(-1, (down.shape[1], across.shape[1])), down, across)


class SpectralSpatialGate(FastRelationGate):
    """The gates of RGA-S; ``nodes`` is the number of frequencies. See ``RelationGate`` for the arguments."""

    relation_embedding = SpectralRelationEmbedding

    @in_float32_or_half
    def forward(self, nodes: Tensor, down: Tensor, across: Tensor) -> Tensor:  # type: ignore[override]
        """Positions (B, N, C) and the basis (r_h, H), (r_w, W) -> gates (B, N)."""
        varphi = self.varphi
        if isinstance(varphi, SpectralRelationEmbedding) and self.can_bypass(varphi):
            theta_phi, unary = self.embed(nodes)
            return self.gates_of(varphi, theta_phi, in_basis(self.sums(varphi, theta_phi), down, across), unary)
        return self.by_children(nodes, basis=(down, across))


def in_basis(sums: Sums, down: Tensor, across: Tensor) -> Sums:
    """Sums of all positions by amplitudes: in the basis, or by the weights that the amplitudes are at the positions."""
    nodes, rows, columns = sums
    if is_cheaper_by_positions(down, across, len(rows)):
        return Sums(nodes, to_positions(rows, down, across), to_positions(columns, down, across))
    return Sums(project_nodes(nodes, down, across), rows, columns)


class SpectralChannelGate(FastRelationGate):
    """The gates of RGA-C; ``features`` is the number of frequencies. See ``RelationGate`` for the arguments."""

    @in_float32_or_half
    def forward(self, nodes: Tensor, *seen: Tensor) -> Tensor:
        """Channels at all positions (B, C, N), and the arguments of theta, phi and psi (``seen_of``) -> gates (B, C)."""
        varphi = self.varphi
        if isinstance(varphi, FactorisedRelationEmbedding) and self.can_bypass(varphi):
            theta_phi, unary = self.embed(nodes, *seen)
            return self.gates_of(varphi, theta_phi, self.sums(varphi, theta_phi), unary)
        return self.by_children(nodes, seen=seen)

    def seen_of(self, x: Tensor, down: Tensor, across: Tensor) -> tuple[Tensor, ...]:
        """What theta, phi and psi see of a map (B, C, H, W): it in the basis, (B, C, R); or all positions and their weights there."""
        layer = self.theta_phi_psi
        if layer is None:
            return ()
        if isinstance(layer, FastLinearNorm) and is_plain_linear(layer.linear):
            amplitudes = layer.linear.weight.to(wide_type(x.dtype))
            if is_cheaper_by_positions(down, across, len(amplitudes)):
                return x.flatten(2), to_positions(amplitudes, down, across)
        return (project_map(widened(x), down, across),)
