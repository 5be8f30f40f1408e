"""Relation-aware global attention: the paper in one file.

Zhang, Lan, Zeng, Jin, Chen, "Relation-Aware Global Attention", CVPR 2020, arXiv 1904.02998; the numerics are those of the authors'
implementation (microsoft/Relation-Aware-Global-Attention-Networks).

One construction serves two roles. Given M nodes x_i of D features each, ``RelationGate`` learns how important each node is from its
relations to all the others:

    affinity          R_ij = theta(x_i) . phi(x_j)                         theta, phi: D -> D/s1, BN, ReLU
    relation vector   r_i  = [R(i,:), R(:,i)]                              2M numbers
    what is known     y_i  = [mean(psi(x_i)), varphi(r_i)]                 psi: D -> D/s1, varphi: 2M -> M/s1, BN, ReLU
    gate              a_i  = sigmoid(W2(W1(y_i)))                          W1: -> (1 + M/s1)/s2, BN, ReLU;  W2: -> 1, BN

RGA-S takes the H*W positions as nodes and the channels as their features, RGA-C the channels as nodes and the positions as their
features: the same construction on the map and on its transpose. The output is a_i x_i, without a residual.

The M x M affinity is never built. varphi's linear map comes before its normalisation, so with its weight split as W = [Wa | Wb] and with
Theta, Phi the (M, D/s1) matrices of all embedded nodes

    W r_i = Wa R(i,:) + Wb R(:,i) = (Wa Phi) theta_i + (Wb Theta) phi_i ,

two products with small matrices, exact, forward and backward. ``dense=True`` builds R instead, by the equations above; it is there for
tests, explanations and benchmarks.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from rga.attention.autograd import computed_again
from rga.attention.grid import Fit, Grid, GridAttention, check_grid, move_input_weights, replace_parameter, resize
from rga.attention.linear_norm import LinearNorm
from rga.attention.mapped_relations import mapped_relations, tiles_serve
from rga.attention.precision import WideModule, computed_by, widened, without_autocast
from rga.attention.products import gated, weighted_sum
from rga.attention.tracing import is_recorded

EmbeddingKind = Literal["asymmetric", "symmetric", "none"]
"""How nodes are embedded before they are compared: theta and phi apart, theta = phi, or both the identity."""

EMBEDDINGS: tuple[EmbeddingKind, ...] = ("asymmetric", "symmetric", "none")

INITIAL_GATE_SLOPE = 0.1
"""Weight of the last BN under ``initial_gate``: small, so that all gates start close to it; not zero, so that all weights learn."""


BLOCK_BYTES = 8 << 20
"""Inference handles blocks of images whose relation features take about this much: what was written is still in the cache when read."""


class NodeEmbedding(nn.Module):
    """theta, phi and psi of all nodes, from one product.

    Args:
        features: features D per node.
        width: features D' after the embedding (D/s1).
        kind: asymmetric, symmetric or none.
        relation: embed for the affinity (theta, phi).
        original: embed for the unary item (psi).
    """

    def __init__(self, features: int, width: int, kind: EmbeddingKind, relation: bool, original: bool) -> None:
        super().__init__()
        self.kind: EmbeddingKind = kind
        self.relation = relation
        self.original = original
        of_kind = {"asymmetric": 2 * width, "symmetric": width, "none": 0}
        self.compared_width = of_kind[kind] if relation else 0
        outputs = self.compared_width + (width if original else 0)
        self.project = LinearNorm(features, outputs) if outputs else None  # rows: theta, phi, psi

    def forward(self, nodes: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Embeds nodes (B, M, D).

        Returns:
            What is compared: [theta, phi] (B, M, 2D'), or theta = phi alone (B, M, D') or the nodes themselves (B, M, D), or None without
            relations; and the unary item mean(psi) (B, M, 1), or None without it.
        """
        if self.project is None:
            return nodes, None
        embedded = self.project(nodes)
        # one split, and not two slices: each slice's gradient would be as large as the whole
        compared, psi = embedded.split([self.compared_width, embedded.shape[-1] - self.compared_width], dim=-1)
        if self.kind == "none":
            compared = nodes
        return compared if self.relation else None, psi.mean(-1, keepdim=True) if self.original else None

    def pair(self, compared: Tensor) -> tuple[Tensor, Tensor]:
        """Splits what is compared into theta and phi, each (B, M, D')."""
        if self.kind == "asymmetric":
            theta, phi = compared.chunk(2, dim=-1)
            return theta, phi
        return compared, compared


class RelationGate(WideModule):
    """The gate of each of M nodes, from its relations to all nodes: (B, M, D) -> (B, M), values in (0, 1).

    Args:
        nodes: number of nodes M.
        features: features D per node.
        embedding_width: features per node after theta, phi and psi (D/s1).
        relation_width: numbers per node after varphi (M/s1).
        hidden_width: numbers per node between W1 and W2.
        embedding: asymmetric, symmetric or none.
        relation: use the relation vectors; False is the paper's "w/o Rel.".
        original: use the unary item; False is the paper's "w/o Ori.".
        initial_gate: where all gates start, in (0, 1); None starts them near .5 as the reference does.
        dense: build the affinity instead of using the factorisation; the same result, for much more time and memory.
    """

    def __init__(
        self,
        nodes: int,
        features: int,
        *,
        embedding_width: int,
        relation_width: int,
        hidden_width: int,
        embedding: EmbeddingKind = "asymmetric",
        relation: bool = True,
        original: bool = True,
        initial_gate: float | None = None,
        dense: bool = False,
    ) -> None:
        super().__init__()
        if embedding not in EMBEDDINGS:
            raise ValueError(f"unknown embedding {embedding!r}: choose one of {', '.join(map(repr, EMBEDDINGS))}")
        if not relation and not original:
            raise ValueError("relation=False and original=False leave nothing to compute a gate from: keep one of them")
        self.dense = dense
        self.embedding = NodeEmbedding(features, embedding_width, embedding, relation, original)
        self.varphi = LinearNorm(2 * nodes, relation_width) if relation else None
        self.w1 = LinearNorm(int(original) + (relation_width if relation else 0), hidden_width)
        self.w2 = LinearNorm(hidden_width, 1, relu=False)
        if initial_gate is not None:
            start_gates_at(self.w2.norm, initial_gate)

    def forward(self, nodes: Tensor) -> Tensor:
        """Gates (B, M) of nodes (B, M, D); computed in float32 at least, since sums over all pairs of nodes overflow half precision."""
        with without_autocast(nodes.device):
            compared, unary = self.embedding(widened(nodes))
            blocks = [self.hidden(*block) for block in self.blocks(compared, unary)]
            hidden = torch.cat(blocks) if len(blocks) > 1 else blocks[0]
            return torch.sigmoid(self.w2(hidden)).squeeze(-1)  # (B, M, 1) -> (B, M)

    def blocks(self, compared: Tensor | None, unary: Tensor | None) -> list[tuple[Tensor | None, Tensor | None]]:
        """The batch as it is, or at eager inference in blocks of images small enough for varphi's output to stay in the cache."""
        whole = [(compared, unary)]
        if compared is None or unary is None or self.varphi is None:
            return whole
        independent = self.varphi.folds and self.w1.folds  # else statistics would be those of a block
        if not independent or torch.is_grad_enabled() or is_recorded():
            return whole
        per_image = compared.shape[1] * self.varphi.weight.shape[0] * compared.element_size()
        images = max(1, BLOCK_BYTES // per_image)
        return list(zip(compared.split(images), unary.split(images), strict=True))

    def relation_features(self, compared: Tensor) -> Tensor:
        """varphi(r_i) of all nodes (B, M, M/s1), from what ``NodeEmbedding`` compares."""
        assert self.varphi is not None
        weight, bias = self.varphi.linear(compared.dtype)
        if self.dense:
            mapped = nn.functional.linear(relation_vectors(*self.embedding.pair(compared)), weight, bias)
            return self.varphi.normalise(mapped, bias is not None)
        summary = self.summary(compared, weight)
        if bias is not None:
            return self.varphi.normalise(torch.baddbmm(bias, compared, summary), True)
        mapped, factors = torch.bmm(compared, summary), (compared.detach(), summary.detach())
        with computed_again(mapped, lambda: torch.bmm(*factors)):
            return self.varphi.normalise(mapped, False)

    def summary(self, compared: Tensor, weight: Tensor) -> Tensor:
        """What all nodes have in common: its product with ``compared`` is varphi's linear map of all relation vectors."""
        summarise = summary_of_pairs if self.embedding.kind == "asymmetric" else summary_of_equals
        return summarise(compared, weight)

    def hidden(self, compared: Tensor | None, unary: Tensor | None) -> Tensor:
        """W1 (with BN, ReLU) of y_i = [unary, varphi(r_i)], (B, M, hidden), without joining the two: the second is large."""
        if compared is None:
            only: Tensor = self.w1(unary)
            return only
        weight, bias = self.w1.linear(compared.dtype)
        of_relations = weight if unary is None else weight[:, 1:]
        assert self.varphi is not None
        if not self.dense and tiles_serve(compared, self.varphi.norm):
            summary = self.summary(compared, self.varphi.weight.to(compared.dtype))
            mapped = mapped_relations(compared, summary, self.varphi.norm, of_relations)
            mapped = mapped if bias is None else mapped + bias
        else:
            mapped = nn.functional.linear(self.relation_features(compared), of_relations, bias)
        return self.w1.normalise(mapped if unary is None else mapped + unary * weight[:, 0], bias is not None)


def summary_of_pairs(compared: Tensor, weight: Tensor) -> Tensor:
    """What all nodes have in common, [Wa Phi, Wb Theta]: its product with [theta_i, phi_i] is W r_i, without the affinity.

    Args:
        compared: [theta, phi] of all nodes, (B, M, 2D').
        weight: W = [Wa | Wb], (F, 2M); Wa meets the rows R(i,:), Wb the columns R(:,i).

    Returns:
        (B, 2D', F).

    Example:
        >>> theta, phi, weight = torch.rand(2, 5, 3), torch.rand(2, 5, 3), torch.rand(4, 10)
        >>> compared = torch.cat([theta, phi], -1)
        >>> torch.allclose(compared @ summary_of_pairs(compared, weight), relation_vectors(theta, phi) @ weight.T)
        True
    """
    theta, phi = compared.chunk(2, dim=-1)
    of_rows, of_columns = weight.chunk(2, dim=1)  # (F, 2M) -> 2 x (F, M)
    return torch.cat([weighted_sum(phi, of_rows), weighted_sum(theta, of_columns)], dim=1)


def summary_of_equals(compared: Tensor, weight: Tensor) -> Tensor:
    """``summary_of_pairs`` where theta = phi: R is symmetric, so that rows and columns meet Wa + Wb.

    Args:
        compared: theta = phi of all nodes, (B, M, D').
        weight: W = [Wa | Wb], (F, 2M).

    Returns:
        (B, D', F).
    """
    of_rows, of_columns = weight.chunk(2, dim=1)
    return weighted_sum(compared, of_rows + of_columns)


def relation_vectors(theta: Tensor, phi: Tensor) -> Tensor:
    """All relation vectors r_i = [R(i,:), R(:,i)], by the equations: 2 x (B, M, D') -> (B, M, 2M)."""
    affinity = torch.bmm(theta, phi.mT)  # R: (B, M, M)
    return torch.cat([affinity, affinity.mT], dim=-1)


def start_gates_at(norm: nn.BatchNorm1d, gate: float) -> None:
    """Sets the last BN so that every gate starts close to ``gate`` and still depends on its node.

    The normalised logit has mean 0 and deviation 1 over a batch: weight ``INITIAL_GATE_SLOPE`` and bias logit(gate) put the gates
    around ``gate``.
    """
    if not 0 < gate < 1:
        raise ValueError(f"initial_gate must lie between 0 and 1, without them, got {gate}")
    nn.init.constant_(norm.weight, INITIAL_GATE_SLOPE)
    nn.init.constant_(norm.bias, math.log(gate / (1 - gate)))


class RelationAttention(GridAttention):
    """What RGA-S and RGA-C have in common: a map multiplied by gates from relations.

    Args:
        channels: channels C of the maps.
        grid: (H, W) of the maps.
        gate: over H*W nodes of C features for RGA-S, over C nodes of H*W features for RGA-C.
        fit: see ``GridAttention``.
    """

    def __init__(self, channels: int, grid: Grid, gate: RelationGate, fit: Fit = "exact") -> None:
        super().__init__(channels, grid, fit)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return gated(x, self.gate_map(x))

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W), of a shape that broadcasts to it."""
        raise NotImplementedError


class SpatialRelationAttention(RelationAttention):
    """RGA-S: the positions of a map are the nodes, its channels their features; one gate per position."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, 1, H, W) in its dtype."""
        nodes = self.on_grid(x).flatten(2).mT  # (B, C, h, w) -> (B, N, C)
        gate = computed_by(self.gate, nodes).unflatten(1, self.grid).unsqueeze(1)  # (B, N) -> (B, 1, h, w)
        return resize(gate, (x.shape[2], x.shape[3])).to(x.dtype)

    @torch.no_grad()
    def resample_(self, grid: Grid) -> None:
        """Moves varphi, whose inputs are the positions twice (rows, columns), to another grid."""
        new = check_grid(grid)
        varphi = self.gate.varphi
        if varphi is not None:
            halves = varphi.weight.unflatten(1, (2, -1))  # (F, 2N) -> (F, 2, N)
            replace_parameter(varphi, "weight", move_input_weights(halves, self.grid, new).flatten(1))
        self.grid = new


class ChannelRelationAttention(RelationAttention):
    """RGA-C: the channels of a map are the nodes, its positions their features; one gate per channel."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, C, 1, 1) in its dtype."""
        nodes = self.on_grid(x).flatten(2)  # (B, C, h, w) -> (B, C, N)
        return computed_by(self.gate, nodes)[..., None, None].to(x.dtype)  # (B, C) -> (B, C, 1, 1)

    @torch.no_grad()
    def resample_(self, grid: Grid) -> None:
        """Moves theta, phi and psi, whose inputs are the positions, to another grid."""
        new = check_grid(grid)
        project, varphi = self.gate.embedding.project, self.gate.varphi
        if project is not None:
            replace_parameter(project, "weight", move_input_weights(project.weight, self.grid, new))
        if varphi is not None and self.gate.embedding.kind == "none":  # the affinity itself is a sum over positions
            ratio = (self.grid[0] * self.grid[1]) / (new[0] * new[1])
            replace_parameter(varphi, "weight", varphi.weight * ratio)
        self.grid = new
