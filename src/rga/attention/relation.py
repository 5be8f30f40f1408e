"""Relation-aware global attention: the equations of the paper, and nothing else.

Zhang, Lan, Zeng, Jin, Chen, "Relation-Aware Global Attention", CVPR 2020, arXiv 1904.02998, section 3. The numerics are those of the
authors' code (microsoft/Relation-Aware-Global-Attention-Networks). The gate a_i of a node x_i, one of M nodes of D features each, is

    affinity          R_ij = theta(x_i) . phi(x_j)                 theta, phi: linear D -> D/s1, BN, ReLU
    relation vector   r_i  = [R(i,:), R(:,i)]                      2M numbers
    joint feature     y_i  = [mean(psi(x_i)), varphi(r_i)]         psi: linear D -> D/s1, BN, ReLU; varphi: linear 2M -> M/s1, BN, ReLU
    gate              a_i  = sigmoid(W2(W1(y_i)))                  W1: linear 1 + M/s1 -> (1 + M/s1)/s2, BN, ReLU; W2: linear -> 1, BN

and the output is a_i x_i. RGA-S (``rga_s``) takes the H*W positions of a map as nodes, RGA-C (``rga_c``) its channels.

W2's BN normalises one channel, the logits of the gates, over all nodes of a batch. Its inputs are normalised already. The option
``gate_norm="none"``, which is not the paper's, leaves it out: W2 has a bias instead, and a_i = sigmoid(w . W1(y_i) + b).

This file builds the M x M affinity. ``factorised`` computes the same function without it, and ``acceleration`` does so fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from rga.arrays import is_number
from rga.attention.first_edition import convert_on_load
from rga.attention.precision import WideModule, in_float32
from rga.errors import InputError

EmbeddingKind = Literal["asymmetric", "symmetric", "none"]
"""How nodes are embedded for the affinity: by theta and phi, by theta = phi, or not at all (theta = phi = identity)."""

EMBEDDINGS: tuple[EmbeddingKind, ...] = ("asymmetric", "symmetric", "none")

GateNorm = Literal["batch", "none"]
"""What follows W2: the paper's BN over the logits of the gates, or none, and W2 has a bias."""

GATE_NORMS: tuple[GateNorm, ...] = ("batch", "none")

GATE_NORM_MOMENTUM = 0.1
"""Momentum of W2's BN by default: PyTorch's, as in the reference."""


def rga_s(x: Tensor, gate: Callable[[Tensor], Tensor]) -> Tensor:
    """RGA-S: the positions of a map (B, C, H, W) are the nodes, the channels their features. Returns a map of the same shape."""
    nodes = x.flatten(2).mT  # (B, C, H, W) -> (B, N, C)
    gates: Tensor = gate(nodes).unflatten(1, x.shape[2:]).unsqueeze(1)  # (B, N) -> (B, 1, H, W)
    return x * gates


def rga_c(x: Tensor, gate: Callable[[Tensor], Tensor]) -> Tensor:
    """RGA-C: the channels of a map (B, C, H, W) are the nodes, the positions their features. Returns a map of the same shape."""
    nodes = x.flatten(2)  # (B, C, H, W) -> (B, C, N)
    gates = gate(nodes)[..., None, None]  # (B, C) -> (B, C, 1, 1)
    return x * gates


class LinearNorm(nn.Module):
    """Linear map without bias, BN and ReLU of each node: (B, M, inputs) -> (B, M, outputs). The paper's 1x1 convolution, BN, ReLU."""

    def __init__(self, inputs: int, outputs: int, relu: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs)."""
        normalised = normalise(self.linear(x), self.norm)
        return normalised.relu() if self.relu else normalised


class LinearBias(nn.Module):
    """W2 without BN: a linear map with a bias of each node, (B, M, inputs) -> (B, M, outputs). The bias starts at 0."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs)."""
        mapped: Tensor = self.linear(x)
        return mapped


class RelationEmbedding(nn.Module):
    """varphi of all relation vectors. Its linear map is held in two parts, one for the rows R(i,:) and one for the columns R(:,i)."""

    def __init__(self, nodes: int, width: int) -> None:
        super().__init__()
        weight = nn.init.kaiming_uniform_(torch.empty(width, 2 * nodes), a=math.sqrt(5))  # initialised as one map of 2M inputs
        self.rows, self.columns = (linear_with(half) for half in weight.chunk(2, dim=1))
        self.norm = nn.BatchNorm1d(width)

    def forward(self, theta: Tensor, phi: Tensor) -> Tensor:
        """From theta and phi of all nodes, (B, M, D') each, to varphi(r_i) (B, M, width)."""
        return normalise(self.linear(theta, phi), self.norm).relu()

    def linear(self, theta: Tensor, phi: Tensor) -> Tensor:
        """The linear map of r_i = [R(i,:), R(:,i)], (B, M, width)."""
        affinity = torch.bmm(theta, phi.mT)  # R: (B, M, M)
        mapped: Tensor = self.rows(affinity) + self.columns(affinity.mT)
        return mapped


class RelationGate(WideModule):
    """The gates a_i of M nodes: (B, M, D) -> (B, M), each in (0, 1). Computed in float32 at least: sums over all pairs overflow float16.

    Args:
        nodes: number of nodes M.
        features: features D of each node.
        embedding_width: outputs of theta, phi and psi each (D/s1).
        relation_width: outputs of varphi (M/s1).
        hidden_width: outputs of W1.
        embedding: ``"asymmetric"``, ``"symmetric"`` or ``"none"``.
        relation: whether y_i holds varphi(r_i); False is the paper's "w/o Rel.".
        original: whether y_i holds mean(psi(x_i)); False is the paper's "w/o Ori.".
        gate_norm: ``"batch"`` for the paper's BN after W2, ``"none"`` for a bias instead.
        gate_norm_momentum: of that BN, above 0, at most 1: the weight of each batch in the running statistics, which evaluation goes by.

    Raises:
        InputError: the embedding or the norm is unknown, the momentum is out of its range or of no BN, or nothing is left to compute a gate
            from.
    """

    layer: type[LinearNorm] = LinearNorm
    biased: type[LinearBias] = LinearBias
    relation_embedding: type[RelationEmbedding] = RelationEmbedding

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
        gate_norm: GateNorm = "batch",
        gate_norm_momentum: float = GATE_NORM_MOMENTUM,
    ) -> None:
        super().__init__()
        if embedding not in EMBEDDINGS:
            raise InputError(f"unknown embedding {embedding!r}: choose one of {', '.join(map(repr, EMBEDDINGS))}")
        if not relation and not original:
            raise InputError("relation=False and original=False leave nothing to compute a gate from: keep one of them")
        check_gate_norm(gate_norm, gate_norm_momentum)
        self.embedding, self.relation, self.original = embedding, relation, original
        has_theta, has_phi = relation and embedding != "none", relation and embedding == "asymmetric"
        self.widths = tuple(embedding_width * has for has in (has_theta, has_phi, original))
        # theta, phi and psi are one layer, as query, key and value are in many transformers: their outputs lie side by side
        self.theta_phi_psi = self.layer(features, sum(self.widths)) if any(self.widths) else None
        self.varphi = self.relation_embedding(nodes, relation_width) if relation else None
        self.w1 = self.layer(int(original) + relation_width * relation, hidden_width)
        self.w2: LinearNorm | LinearBias
        if gate_norm == "batch":
            self.w2 = self.layer(hidden_width, 1, relu=False)
            self.w2.norm.momentum = gate_norm_momentum
        else:
            self.w2 = self.biased(hidden_width, 1)
        self.register_load_state_dict_pre_hook(convert_on_load)  # type: ignore[no-untyped-call]

    def takes_half(self, nodes: Tensor) -> bool:  # noqa: ARG002  for the gates that do
        """Whether nodes in half precision are taken as they are, and not widened to float32 first. The definition widens them."""
        return False

    @in_float32
    def forward(self, nodes: Tensor) -> Tensor:
        """Nodes (B, M, D) -> gates (B, M)."""
        return self.by_children(nodes)

    def by_children(self, nodes: Tensor, *, seen: tuple[Tensor, ...] = (), basis: tuple[Tensor, ...] = ()) -> Tensor:
        """The gates (B, M) of nodes (B, M, D) by calls of all children.

        Args:
            nodes: (B, M, D).
            seen: the arguments of theta, phi and psi, if they see something else than the nodes.
            basis: further arguments of varphi.
        """
        embedded = self.theta_phi_psi(*(seen or (nodes,))) if self.theta_phi_psi is not None else nodes[..., :0]
        theta, phi, psi = self.split(nodes, embedded)
        return self.gates(psi, self.varphi(theta, phi, *basis) if self.varphi is not None else None)

    def gates(self, psi: Tensor, relations: Tensor | None) -> Tensor:
        """The gates (B, M) from psi(x_i) (B, M, D/s1) and varphi(r_i) (B, M, M/s1)."""
        parts = []
        if self.original:
            parts.append(psi.mean(-1, keepdim=True))  # (B, M, 1)
        if relations is not None:
            parts.append(relations)
        y = torch.cat(parts, dim=-1)
        return torch.sigmoid(self.w2(self.w1(y))).squeeze(-1)  # (B, M, 1) -> (B, M)

    def split(self, nodes: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Splits the output of ``theta_phi_psi`` for nodes (B, M, D) into theta, phi and psi, (B, M, D/s1) each."""
        theta, phi, psi = embedded.split(self.widths, dim=-1)
        if self.embedding == "none":
            return nodes, nodes, psi
        return theta, phi if self.embedding == "asymmetric" else theta, psi


def check_gate_norm(gate_norm: str, momentum: float) -> None:
    """Raises an InputError for an unknown norm after W2, or a momentum out of its range or without a BN."""
    if gate_norm not in GATE_NORMS:
        raise InputError(f"unknown gate_norm {gate_norm!r}: choose one of {', '.join(map(repr, GATE_NORMS))}")
    if not is_number(momentum) or not 0 < momentum <= 1:
        raise InputError(f"gate_norm_momentum must lie above 0 and be at most 1, got {momentum!r}")
    if gate_norm == "none" and momentum != GATE_NORM_MOMENTUM:
        raise InputError(f"gate_norm_momentum={momentum} belongs to the BN that gate_norm='none' leaves out: leave one of the two out")


def normalise(x: Tensor, norm: nn.Module) -> Tensor:
    """The normalisation of all nodes (B, M, F) of a batch, as rows of one matrix."""
    rows: Tensor = norm(x.flatten(0, 1))  # (B, M, F) -> (B*M, F)
    return rows.view_as(x)


def linear_with(weight: Tensor) -> nn.Linear:
    """A linear map without bias with a copy of a weight (outputs, inputs). No random number is drawn."""
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight.detach().clone())
    return linear
