"""Products whose backward passes are ours: PyTorch's own write maps, and batches of weights, only to sum them up.

What is summed away is made for a few images at a time, so that it stays in the cache. Under the compiler, ``torch.func`` and tracing, and
where second derivatives are asked for, the same formulas are left to PyTorch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rga.attention.autograd import differentiates_eagerly
from rga.attention.precision import without_autocast
from rga.attention.tracing import recorded_whole

BLOCK_BYTES = 2 << 20
"""Backward passes on a CPU handle blocks of images of about this much."""


@recorded_whole
def gated(x: Tensor, *gates: Tensor) -> Tensor:
    """A map multiplied by gates.

    Args:
        x: map (B, C, H, W).
        gates: any number, each of B images, in shapes that broadcast to it: (B, 1, H, W) or (B, C, 1, 1).

    Returns:
        (B, C, H, W), x times all gates, from left to right.

    Example:
        >>> gated(torch.ones(1, 2, 1, 3), torch.tensor([[[[1.0, 2.0, 3.0]]]]), torch.tensor([[[[0.5]], [[2.0]]]])).flatten(1)
        tensor([[0.5000, 1.0000, 1.5000, 2.0000, 4.0000, 6.0000]])
    """
    if gates and differentiates_eagerly():
        out: Tensor = Gated.apply(x, *gates)
        return out
    return product(x, *gates)


def product(first: Tensor, *others: Tensor) -> Tensor:
    """The product of all factors, from left to right."""
    for other in others:
        first = first * other
    return first


class Gated(torch.autograd.Function):
    """``gated``; it keeps nothing but its operands, and its backward pass reads them once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *gates: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(x, *gates)
        first, *others = gates
        out = x * first
        for gate in others:
            out.mul_(gate)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        (gradient,) = gradients
        x, *gates = ctx.saved_tensors
        if torch.is_grad_enabled():  # second derivatives are wanted
            return product(gradient, *gates), *Gated.of_gates(gradient * x, gates)
        of_x, *of_gates = (torch.empty_like(operand) for operand in (x, *gates))
        for block in blocks(x):
            parts = [gate[block] for gate in gates]
            for whole, part in zip(of_gates, Gated.of_gates(gradient[block] * x[block], parts), strict=True):
                whole[block] = part
            torch.mul(gradient[block], product(*parts), out=of_x[block])
        return (of_x, *of_gates)

    @staticmethod
    def of_gates(of_all: Tensor, gates: list[Tensor]) -> list[Tensor]:
        """The gradients of the gates, from that of the product of them all."""
        others = [gates[:place] + gates[place + 1 :] for place in range(len(gates))]
        return [product(of_all, *rest).sum_to_size(gate.shape) for gate, rest in zip(gates, others, strict=True)]


def weighted_sum(nodes: Tensor, weight: Tensor) -> Tensor:
    """Sums over all nodes (B, M, D) by weights (F, M): (B, D, F).

    Example:
        >>> weighted_sum(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1.0, 10.0]]))
        tensor([[[31.],
                 [42.]]])
    """
    if nodes.device.type == "cpu" and differentiates_eagerly():
        out: Tensor = WeightedSum.apply(nodes, weight)
        return out
    return sum_by_image(nodes, weight)


def sum_by_image(nodes: Tensor, weight: Tensor) -> Tensor:
    """``weighted_sum`` as a batch of products: one folded product would copy the nodes and keep the copy."""
    return torch.bmm(nodes.mT, weight.mT.expand(nodes.shape[0], -1, -1))


class WeightedSum(torch.autograd.Function):
    """``weighted_sum``: the images' gradients of the weight are summed as they are made, not kept and summed afterwards."""

    @staticmethod
    def forward(ctx: Any, nodes: Tensor, weight: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(nodes, weight)
        return sum_by_image(nodes, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        (gradient,) = gradients
        nodes, weight = ctx.saved_tensors
        with without_autocast(gradient.device):
            of_nodes = torch.bmm(weight.mT.expand(nodes.shape[0], -1, -1), gradient.mT)  # (B, M, F) x (B, F, D) -> (B, M, D)
            of_weight = torch.addbmm(gradient.new_zeros(()), nodes, gradient, beta=0).mT  # sum over B of (M, D) x (D, F) -> (M, F)
        return of_nodes, of_weight


def blocks(x: Tensor) -> list[slice]:
    """The images of a batch in blocks of about ``BLOCK_BYTES``; all in one on devices that do not wait for a cache."""
    images = max(1, BLOCK_BYTES * len(x) // max(1, x.nbytes)) if x.device.type == "cpu" else max(1, len(x))
    return [slice(start, start + images) for start in range(0, len(x), images)]
