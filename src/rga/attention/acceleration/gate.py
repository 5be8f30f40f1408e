"""``FactorisedRelationGate`` on the fast paths.

- theta and phi stay one tensor, so that (Wa Phi) theta_i + (Wb Theta) phi_i is one product per image.
- varphi's output is not joined with mean(psi) for W1: it is large, and would be copied.
- In training on a CPU varphi and W1 run in tiles (``tiles``). Elsewhere varphi's linear map is computed again (``recompute``).
- theta, phi and psi of a map in half precision are products in half precision, where the device gains by it (``half_products``).
- At inference on a CPU images go through varphi and W1 in blocks: what was written is still in the cache when it is read.
- Elsewhere the backward passes of varphi's and W1's linear maps have few operations (``products``).

Where a child whose call would be left out is hooked, parametrised or replaced, the gate steps aside for ``FactorisedRelationGate``, which
calls every child.

Gain of all of them: ``FactorisedRelationGate`` takes 6 % longer at inference and holds 44 instead of 29 MiB. In a training step it holds
154 instead of 83 MiB and takes 1 to 11 % longer (two runs). Blocks alone: 2 % of the time of inference. Measured as
``rga.attention.acceleration`` says.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rga.attention.acceleration.half_products import GatePrecision, in_float32_or_half, multiplies_in_half
from rga.attention.acceleration.linear_norm import FastLinearBias, FastLinearNorm, finish, folds, scale_and_shift, scaled
from rga.attention.acceleration.plain import is_plain, is_plain_linear
from rga.attention.acceleration.products import factor_of_equals, factor_of_pairs, joint_linear, relation_products
from rga.attention.acceleration.recompute import recompute
from rga.attention.acceleration.tiles import can_tile, varphi_and_w1_in_tiles
from rga.attention.factorised import FactorisedRelationEmbedding, FactorisedRelationGate
from rga.attention.tracing import is_recorded

BLOCK_BYTES = 8 << 20
"""A block of images at inference on a CPU: varphi's output takes about this much."""


class Sums(NamedTuple):
    """What varphi sums over all nodes, and by which weights.

    Attributes:
        nodes: [theta, phi] of all nodes (B, M, K), or in another basis.
        rows: the weights for rows of the affinity, (F, M).
        columns: the weights for its columns, (F, M).
    """

    nodes: Tensor
    rows: Tensor
    columns: Tensor


class FastRelationGate(FactorisedRelationGate):
    """``RelationGate``: the same function, parameters and keys. See there for the arguments."""

    layer = FastLinearNorm
    biased = FastLinearBias
    gate_precision: GatePrecision = "auto"
    """Of theta, phi and psi for a map in half precision; all else is computed in float32."""

    def takes_half(self, nodes: Tensor) -> bool:
        """Whether theta, phi and psi multiply nodes in half precision as they are."""
        layer = self.theta_phi_psi
        by_weights = isinstance(layer, FastLinearNorm) and is_plain_linear(layer.linear) and self.embedding != "none"
        return by_weights and multiplies_in_half(nodes, self.gate_precision)

    @in_float32_or_half
    def forward(self, nodes: Tensor) -> Tensor:
        """Nodes (B, M, D) -> gates (B, M)."""
        varphi = self.varphi
        if not isinstance(varphi, FactorisedRelationEmbedding) or not self.can_bypass(varphi):
            return self.by_children(nodes)
        theta_phi, unary = self.embed(nodes)
        return self.gates_of(varphi, theta_phi, self.sums(varphi, theta_phi), unary)

    def gates_of(self, varphi: FactorisedRelationEmbedding, theta_phi: Tensor, sums: Sums, unary: Tensor | None) -> Tensor:
        """The gates (B, M) from what ``embed`` returns.

        Args:
            varphi: may be bypassed.
            theta_phi: of each node, (B, M, K).
            sums: of theta_phi by varphi's weights.
            unary: mean(psi), (B, M, 1), or None.
        """
        blocks = [self.hidden(varphi, *block) for block in self.blocks(varphi, theta_phi, sums, unary)]
        hidden = torch.cat(blocks) if len(blocks) > 1 else blocks[0]
        return torch.sigmoid(self.w2(hidden)).squeeze(-1)  # (B, M, 1) -> (B, M)

    def can_bypass(self, varphi: FactorisedRelationEmbedding) -> bool:
        """Whether the calls of varphi and W1, and of their linear maps, can be left out. Normalisations are called, or fold."""
        own = is_plain(varphi, self.relation_embedding) and is_plain(self.w1, FastLinearNorm)
        return own and all(is_plain_linear(linear) for linear in (varphi.rows, varphi.columns, self.w1.linear))

    def embed(self, nodes: Tensor, *seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Embeds nodes (B, M, D).

        Args:
            nodes: (B, M, D).
            *seen: the arguments of theta, phi and psi, if they see something else than the nodes.

        Returns:
            [theta, phi] (B, M, 2D') side by side, or theta = phi (B, M, D'), or the nodes themselves (B, M, D) without embedding; and
            mean(psi) (B, M, 1), or None without the original features.
        """
        if self.theta_phi_psi is None:
            return nodes, None
        # one split, and not two slices: each slice's gradient would be as large as the whole
        theta_phi, psi = self.theta_phi_psi(*(seen or (nodes,))).split([sum(self.widths[:2]), self.widths[2]], dim=-1)
        return nodes if self.embedding == "none" else theta_phi, psi.mean(-1, keepdim=True) if self.original else None

    def blocks(
        self, varphi: FactorisedRelationEmbedding, theta_phi: Tensor, sums: Sums, unary: Tensor | None
    ) -> list[tuple[Tensor, Sums, Tensor | None]]:
        """The batch as it is, or at eager inference on a CPU in blocks of images, whose output of varphi takes about ``BLOCK_BYTES``."""
        independent = folds(varphi.norm) and folds(self.w1.norm)  # else the statistics would be those of a block
        eager = not (torch.is_grad_enabled() or is_recorded())
        if unary is None or not independent or not eager or theta_phi.device.type != "cpu":
            return [(theta_phi, sums, unary)]
        per_image = theta_phi.shape[1] * varphi.rows.out_features * theta_phi.element_size()
        images = max(1, BLOCK_BYTES // per_image)
        parts = [sums._replace(nodes=nodes) for nodes in sums.nodes.split(images)]
        return list(zip(theta_phi.split(images), parts, unary.split(images), strict=True))

    def hidden(self, varphi: FactorisedRelationEmbedding, theta_phi: Tensor, sums: Sums, unary: Tensor | None) -> Tensor:
        """W1, with BN and ReLU, of y_i = [mean(psi(x_i)), varphi(r_i)]: (B, M, hidden)."""
        weight, bias = self.w1.linear.weight.to(theta_phi.dtype), None
        if folds(self.w1.norm):
            scale, bias = scale_and_shift(self.w1.norm, theta_phi.dtype)
            weight = scaled(weight, scale)
        norm = self.w1.norm if bias is None else None
        if not can_tile(theta_phi, varphi.norm):
            return finish(joint_linear(self.relation_features(varphi, theta_phi, sums), unary, weight, bias), norm)
        relation_weight = weight if unary is None else weight[:, 1:]
        mapped = varphi_and_w1_in_tiles(theta_phi, self.factor(sums), varphi.norm, relation_weight)
        mapped = mapped if bias is None else mapped + bias
        return finish(mapped if unary is None else mapped + unary * weight[:, 0], norm)

    def relation_features(self, varphi: FactorisedRelationEmbedding, theta_phi: Tensor, sums: Sums) -> Tensor:
        """varphi(r_i) of all nodes (B, M, M/s1)."""
        if folds(varphi.norm):
            scale, bias = scale_and_shift(varphi.norm, theta_phi.dtype)
            factor = self.factor(Sums(sums.nodes, scaled(sums.rows, scale), scaled(sums.columns, scale)))
            return finish(torch.baddbmm(bias, theta_phi, factor), None)
        if self.embedding == "asymmetric":
            product, factor = relation_products(theta_phi, *sums)
        else:
            factor = self.factor(sums)
            product = torch.bmm(theta_phi, factor)
        operands = theta_phi.detach(), factor.detach()
        with recompute(product, lambda: torch.bmm(*operands)):
            return finish(product, varphi.norm)

    def factor(self, sums: Sums) -> Tensor:
        """The factor of all nodes of an image: theta_phi @ factor is varphi's linear map of all relation vectors."""
        return (factor_of_pairs if self.embedding == "asymmetric" else factor_of_equals)(*sums)

    @staticmethod
    def sums(varphi: FactorisedRelationEmbedding, theta_phi: Tensor) -> Sums:
        """theta_phi and the weights by which varphi sums it."""
        return Sums(theta_phi, varphi.rows.weight.to(theta_phi.dtype), varphi.columns.weight.to(theta_phi.dtype))
