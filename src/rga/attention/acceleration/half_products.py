"""theta, phi and psi of a map in half precision: operands in float16 or bfloat16, sums and results in float32.

Gates are computed in float32, because sums over pairs of nodes overflow float16 and because BN subtracts a common mean that may be large.
theta, phi and psi come before both: four fifths of RGA's multiply-accumulates, sums over the features of one node. A map that comes in half
precision loses nothing as an operand. Weights are rounded, and a second product adds what that leaves out: their errors times a large
common mean of the map would be an offset that BN takes out in training, but not in evaluation, nor for weights that were trained in another
precision. Products are exact, their sums float32. Gradients are rounded once.

float16 has few exponents: weights, and gradients, are divided by the power of two next to their largest number, and products multiplied by
it. bfloat16 has those of float32.

GPUs have such products (``out_dtype`` of ``torch.bmm``). Elsewhere the operands are rounded and multiplied in float32: the same numbers,
slower than float32 alone. Under the compiler, ``torch.func`` and tracing nodes are widened first, as always.

Gain: not measured yet; on a GPU that multiplies half precision ten times as fast as float32, four fifths of RGA's products become free.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, Literal, ParamSpec

import torch
from torch import Tensor, nn

from rga.attention.precision import NARROW, in_float32, without_autocast
from rga.attention.relation import RelationGate
from rga.attention.tracing import differentiated_by_parts, is_recorded, recorded_whole, under_functional_transforms
from rga.errors import InputError

GatePrecision = Literal["auto", "float32", "half"]
"""How theta, phi and psi are computed for a map in half precision: in half precision where the device gains by it, never, or always."""

GATE_PRECISIONS: tuple[GatePrecision, ...] = ("auto", "float32", "half")


Others = ParamSpec("Others")


def in_float32_or_half(
    function: Callable[Concatenate[Any, Tensor, Others], Tensor],
) -> Callable[Concatenate[Any, Tensor, Others], Tensor]:
    """``in_float32`` for a function of a gate, of nodes or a map, and of others; a gate that takes half precision gets it as it came."""
    wide = in_float32(function)

    @recorded_whole
    @wraps(function)
    def computed(gate: Any, x: Tensor, /, *args: Others.args, **kwargs: Others.kwargs) -> Tensor:
        if isinstance(gate, RelationGate) and gate.takes_half(x):
            with without_autocast(x.device):
                return function(gate, x, *args, **kwargs)
        return wide(gate, x, *args, **kwargs)

    return computed


@in_float32_or_half
def apply_gate(gate: nn.Module, nodes: Tensor) -> Tensor:
    """The gates (B, M) of nodes (B, M, D)."""
    gates: Tensor = gate(nodes)
    return gates


def check_gate_precision(precision: str) -> None:
    """Raises an InputError for an unknown precision."""
    if precision not in GATE_PRECISIONS:
        raise InputError(f"unknown gate_precision {precision!r}: choose one of {', '.join(map(repr, GATE_PRECISIONS))}")


def multiplies_in_half(nodes: Tensor, precision: GatePrecision) -> bool:
    """Whether theta, phi and psi of nodes are computed in the nodes' own half precision."""
    if precision == "float32" or nodes.dtype not in NARROW or is_recorded() or under_functional_transforms():
        return False
    return precision == "half" or (nodes.device.type == "cuda" and has_wide_results(nodes.device))


@lru_cache
def has_wide_results(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 into float32."""
    operand = torch.ones(1, 16, 16, dtype=torch.bfloat16, device=device)
    try:
        return bool(torch.bmm(operand, operand, out_dtype=torch.float32).dtype == torch.float32)
    except torch.OutOfMemoryError:  # which says nothing about the device
        raise
    except (TypeError, RuntimeError):  # an older PyTorch, another kind of device
        return False


def linear_of_half(nodes: Tensor, weight: Tensor) -> Tensor:
    """The linear map of nodes in half precision by weights in float32.

    Args:
        nodes: (B, M, D), float16 or bfloat16.
        weight: (F, D), float32.

    Returns:
        (B, M, F), float32.

    Example:
        >>> nodes = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], dtype=torch.bfloat16)
        >>> linear_of_half(nodes, torch.tensor([[1.0, 0.1]]))
        tensor([[[1.2000],
                 [3.4000]]])
    """
    out: Tensor = LinearOfHalf.apply(nodes, weight)
    return out


class LinearOfHalf(torch.autograd.Function):
    """``linear_of_half``; gradients are rounded as the weights are, and their sums are float32, too."""

    @staticmethod
    def forward(ctx: Any, nodes: Tensor, weight: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(nodes, weight)
        narrow, scale = rounded(weight, nodes.dtype)
        rest = (divided(weight, scale) - narrow).to(nodes.dtype)
        rows = nodes.flatten(0, 1)[None] if nodes.stride(-1) == 1 else nodes
        with without_autocast(nodes.device):
            whole, more = (wide_product(rows, part.t().expand(len(rows), -1, -1)) for part in (narrow, rest))
            return scaled(whole.add_(more), scale).view(*nodes.shape[:2], len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        (gradient,) = gradients
        nodes, weight = ctx.saved_tensors
        of_nodes, of_weight = ctx.needs_input_grad
        grad_nodes = grad_weight = None
        with without_autocast(gradient.device):
            if differentiated_by_parts(gradient):
                grad_nodes = (gradient @ weight.to(gradient.dtype)).to(nodes.dtype) if of_nodes else None
                rows = gradient.reshape(-1, gradient.shape[-1])  # autograd's vmap has no flatten
                grad_weight = rows.mT @ nodes.flatten(0, 1).to(gradient.dtype) if of_weight else None
                return grad_nodes, grad_weight
            upstream, size = rounded(gradient, nodes.dtype)
            if of_nodes:
                narrow, scale = rounded(weight, nodes.dtype)
                grad_nodes = LinearOfHalf.grad_nodes(nodes, upstream, narrow, scale, size)
            if of_weight:
                grad_weight = scaled(LinearOfHalf.grad_weight(nodes, upstream), size)
        return grad_nodes, grad_weight

    @staticmethod
    def grad_nodes(nodes: Tensor, upstream: Tensor, narrow: Tensor, *scales: Tensor | None) -> Tensor:
        """The gradient of the nodes (B, M, D), in their type and laid out as they are."""
        if nodes.stride(-1) == 1:
            found = wide_product(upstream.flatten(0, 1)[None], narrow[None]).view(nodes.shape)
        else:
            found = wide_product(narrow.t().expand(len(nodes), -1, -1), upstream.mT).mT  # (D, F) x (B, F, M) -> (B, D, M)
        for scale in scales:
            found = scaled(found, scale)
        return found.to(nodes.dtype)

    @staticmethod
    def grad_weight(nodes: Tensor, upstream: Tensor) -> Tensor:
        """The gradient of the weight (F, D), in float32."""
        if nodes.stride(-1) != 1 and nodes.shape[1] > nodes.shape[2]:  # a gradient per image is smaller than a copy of the nodes
            return wide_product(upstream.mT, nodes).sum(0)
        return wide_product(upstream.flatten(0, 1).mT[None], nodes.reshape(-1, nodes.shape[-1])[None])[0]


def wide_product(left: Tensor, right: Tensor) -> Tensor:
    """The products (B, M, N) in float32 of matrices in half precision, (B, M, K) and (B, K, N)."""
    if left.device.type == "cuda" and has_wide_results(left.device):
        found: Tensor = torch.bmm(left, right, out_dtype=torch.float32)
        return found
    return torch.bmm(left.float(), right.float())


def rounded(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """A tensor in half precision and, for float16, the exponent of the power of two by which it was divided first."""
    if dtype != torch.float16 or not x.numel():
        return x.to(dtype), None
    exponent = torch.frexp(x.abs().amax()).exponent
    return divided(x, exponent).to(dtype), exponent


def divided(x: Tensor, exponent: Tensor | None) -> Tensor:
    """A tensor divided by a power of two."""
    return x if exponent is None else torch.ldexp(x, -exponent)


def scaled(product: Tensor, exponent: Tensor | None) -> Tensor:
    """A tensor times a power of two."""
    return product if exponent is None else torch.ldexp(product, exponent)
