"""Relation-aware global attention without the affinity: the function of ``relation``, for a fraction of its time and memory.

varphi's linear map comes before its BN. With its weight in two parts, W = [Wa, Wb] for rows and columns, and with the (M, D') matrices
Theta and Phi of all embedded nodes, the linear map of a relation vector is

    W r_i = Wa R(i,:) + Wb R(:,i) = (Wa Phi) theta_i + (Wb Theta) phi_i .

Wa Phi and Wb Theta are small, (M/s1, D'), and the same for all nodes of an image. Nothing is approximated. The cost falls from
O(M^2 (D + 2M)/s1) to O(M * M/s1 * D/s1), and no M x M tensor is kept for the backward pass.

The equation holds for linear maps without bias. Where ``rows`` or ``columns`` was replaced by something else (a quantised layer, a
layer with an adapter), the affinity is built as in ``relation``, so that the replacement is applied to what it stands for. Forward hooks
on ``rows`` and ``columns`` see the columns of Phi and Theta, (B, D', M), instead of the affinity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.relation import RelationEmbedding, RelationGate


class FactorisedRelationEmbedding(RelationEmbedding):
    """``RelationEmbedding`` without the affinity."""

    def linear(self, theta: Tensor, phi: Tensor) -> Tensor:
        """The linear map of all relation vectors, (B, M, width), from theta and phi (B, M, D')."""
        if not (is_linear_map(self.rows) and is_linear_map(self.columns)):
            return super().linear(theta, phi)
        wa_phi: Tensor = self.rows(phi.mT)  # (B, D', M) -> (B, D', width)
        wb_theta: Tensor = self.columns(theta.mT)  # (B, D', M) -> (B, D', width)
        return torch.bmm(theta, wa_phi) + torch.bmm(phi, wb_theta)


class FactorisedRelationGate(RelationGate):
    """``RelationGate`` without the affinity: the same function, parameters and keys."""

    relation_embedding = FactorisedRelationEmbedding


def is_linear_map(module: nn.Module) -> bool:
    """Whether a module computes what ``nn.Linear`` without bias does, whatever gives it its weight."""
    same_forward = isinstance(module, nn.Linear) and type(module).forward is nn.Linear.forward and "forward" not in vars(module)
    return same_forward and module.bias is None
