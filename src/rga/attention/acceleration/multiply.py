"""A map multiplied by its gates, with a backward pass that writes one map.

The gradient of a gate is a sum over positions or channels. PyTorch's backward pass first writes the whole product of map and gradient,
and sums afterwards. ``Gated`` does so for a few images at a time: the product stays in the cache. Under the compiler, ``torch.func`` and
tracing, and where second derivatives are asked for, PyTorch differentiates the same formula.

Gain: none in the time of a training step (ratio 0.99 without it), nor in its peak of memory, which lies elsewhere; measured as
``rga.attention.acceleration`` says. The backward pass of a multiplication alone holds one map less.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rga.attention.tracing import differentiated_by_parts, differentiates_eagerly, infers_eagerly, recorded_whole

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


@recorded_whole
def gated_inplace(x: Tensor, gate: Tensor) -> Tensor:
    """``gated``; at eager inference the map is overwritten, as by ``nn.ReLU(inplace=True)``.

    Args:
        x: map (B, C, H, W) that nobody else reads.
        gate: of a shape that broadcasts to it.

    Returns:
        The product, which at eager inference is ``x``.
    """
    return x.mul_(gate) if infers_eagerly(x) else gated(x, gate)


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
        of_map, *of_gates = ctx.needs_input_grad
        wanted = [index for index, needed in enumerate(of_gates) if needed]
        if differentiated_by_parts(gradient) or x.device.type != "cpu":  # where there is no cache to stay in
            grad_x = product(gradient, *gates) if of_map else None
            found = Gated.grad_gates(gradient * x, gates, wanted) if wanted else []
        else:
            grad_x = torch.empty_like(x) if of_map else None
            found = [torch.empty_like(gates[index]) for index in wanted]
            for block in blocks(x):
                parts = [gate[block] for gate in gates]
                if wanted:
                    for whole, part in zip(found, Gated.grad_gates(gradient[block] * x[block], parts, wanted), strict=True):
                        whole[block] = part
                if grad_x is not None:
                    torch.mul(gradient[block], product(*parts), out=grad_x[block])
        grad_gates = dict(zip(wanted, found, strict=True))
        return grad_x, *(grad_gates.get(index) for index in range(len(gates)))

    @staticmethod
    def grad_gates(grad_product: Tensor, gates: list[Tensor], wanted: list[int]) -> list[Tensor]:
        """The gradients of the wanted gates, from that of their product."""
        others = [gates[:index] + gates[index + 1 :] for index in wanted]
        return [product(grad_product, *rest).sum_to_size(gates[index].shape) for index, rest in zip(wanted, others, strict=True)]


def blocks(x: Tensor) -> list[slice]:
    """The images of a batch in blocks of about ``BLOCK_BYTES``."""
    images = max(1, BLOCK_BYTES * len(x) // max(1, x.nbytes))
    return [slice(start, start + images) for start in range(0, len(x), images)]
