"""varphi's linear map of all relation vectors, and W1's of all joint features, with backward passes of few operations.

A GPU takes longer to be told of an operation on a small map than to do it. ``relation_products`` writes both halves of the factor into
one tensor, and its backward pass adds to one gradient; PyTorch's joins and splits them. The gradient of a weight is one product over all
images, where PyTorch's writes one gradient of the weight's size per image and sums them. ``joint_linear`` multiplies y_i = [mean(psi),
varphi] by W1 without joining the two.

Used where ``tiles`` does not apply: on a GPU, in float64, with a synchronised BN. Under the compiler, ``torch.func`` and tracing PyTorch
differentiates the same formulas.

Gain: a training step of RGA-SC has 42 operations forward and 62 backward, and 46 and 82 without it, views not counted (and one of the
backward pass is saved by ``multiply``; ``tests/attention/acceleration/test_operations.py``). It has not been timed on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.attention.acceleration.weighted_sum import weighted_sum
from rga.attention.precision import without_autocast
from rga.attention.tracing import differentiated_by_parts, differentiates_eagerly


def relation_products(theta_phi: Tensor, nodes: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """[Wa Phi, Wb Theta] for each image, and its product with theta_i and phi_i, W r_i of all nodes.

    Args:
        theta_phi: [theta, phi] of all nodes, (B, M, 2D').
        nodes: the same tensor, or it in another basis, (B, R, 2D').
        rows: Wa, (F, R).
        columns: Wb, (F, R).

    Returns:
        The products (B, M, F), and the factor (B, 2D', F), of which no gradient is taken.

    Example:
        >>> theta_phi, rows, columns = torch.rand(2, 5, 6), torch.rand(4, 5), torch.rand(4, 5)
        >>> theta, phi = theta_phi.chunk(2, dim=-1)
        >>> affinity = theta @ phi.mT
        >>> products, _ = relation_products(theta_phi, theta_phi, rows, columns)
        >>> torch.allclose(products, affinity @ rows.T + affinity.mT @ columns.T)
        True
    """
    if differentiates_eagerly():
        products, factor = RelationProducts.apply(theta_phi, None if nodes is theta_phi else nodes, rows, columns)
        return products, factor
    factor = factor_of_pairs(nodes, rows, columns)
    return torch.bmm(theta_phi, factor), factor


def products_of(theta_phi: Tensor, nodes: Tensor | None, rows: Tensor, columns: Tensor) -> Tensor:
    """The products of ``relation_products`` by PyTorch's operations; None for nodes that are theta_phi."""
    return torch.bmm(theta_phi, factor_of_pairs(theta_phi if nodes is None else nodes, rows, columns))


def factor_of_pairs(theta_phi: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The transposed [Wa Phi, Wb Theta]: its product with [theta_i, phi_i] is W r_i.

    Args:
        theta_phi: [theta, phi] of all nodes, (B, M, 2D').
        rows: Wa, (F, M), for the rows R(i,:).
        columns: Wb, (F, M), for the columns R(:,i).

    Returns:
        (B, 2D', F).
    """
    theta, phi = theta_phi.chunk(2, dim=-1)
    return torch.cat([weighted_sum(phi, rows), weighted_sum(theta, columns)], dim=1)


def factor_of_equals(theta: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``factor_of_pairs`` where theta = phi: R is symmetric, so that rows and columns meet Wa + Wb. (B, M, D') -> (B, D', F)."""
    return weighted_sum(theta, rows + columns)


class RelationProducts(torch.autograd.Function):
    """``relation_products``."""

    @staticmethod
    def forward(ctx: Any, theta_phi: Tensor, nodes: Tensor | None, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        own = theta_phi if nodes is None else nodes
        images, half = len(own), own.shape[2] // 2
        factor = own.new_empty(images, 2 * half, len(rows))
        for part, seen, weight in ((factor[:, :half], own[..., half:], rows), (factor[:, half:], own[..., :half], columns)):
            torch.bmm(seen.mT, weight.t().expand(images, -1, -1), out=part)
        ctx.save_for_backward(theta_phi, nodes, rows, columns, factor)
        ctx.mark_non_differentiable(factor)
        ctx.set_materialize_grads(False)
        return torch.bmm(theta_phi, factor), factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        gradient, (theta_phi, nodes, rows, columns, factor) = gradients[0], ctx.saved_tensors
        with without_autocast(gradient.device):
            if differentiated_by_parts(gradient):
                return again(products_of, (theta_phi, nodes, rows, columns), ctx.needs_input_grad, gradient)
            of_theta_phi, of_nodes, of_rows, of_columns = ctx.needs_input_grad
            grad_theta_phi = torch.bmm(gradient, factor.mT) if of_theta_phi else None
            grad_factor = torch.bmm(theta_phi.mT, gradient)
            grad_nodes = torch.empty_like(nodes) if of_nodes else None
            own, grad_own = (theta_phi, grad_theta_phi) if nodes is None else (nodes, grad_nodes)
            half = own.shape[2] // 2
            if grad_own is not None:  # (R, F) x (B, F, D') -> (B, R, D') in place: of phi from the rows, of theta from the columns
                beta = 1 if nodes is None else 0
                grad_own[..., half:].baddbmm_(rows.t().expand(len(own), -1, -1), grad_factor[:, :half].mT, beta=beta)
                grad_own[..., :half].baddbmm_(columns.t().expand(len(own), -1, -1), grad_factor[:, half:].mT, beta=beta)
            grad_rows = grad_columns = None
            if of_rows or of_columns:  # sums over images and D' as one product
                seen = own.permute(2, 0, 1).reshape(2, -1, own.shape[1])  # (B, R, 2D') -> (2, D'*B, R)
                upstream = grad_factor.transpose(0, 1).reshape(2, -1, len(rows))  # (B, 2D', F) -> (2, D'*B, F)
                grad_rows = upstream[0].t() @ seen[1] if of_rows else None
                grad_columns = upstream[1].t() @ seen[0] if of_columns else None
        return grad_theta_phi, grad_nodes, grad_rows, grad_columns


def joint_linear(relations: Tensor, unary: Tensor | None, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map of [unary, relations] side by side.

    Args:
        relations: (B, M, F).
        unary: (B, M, 1); None for none.
        weight: (H, 1 + F), or (H, F) without unary.
        bias: (H,); None for none.

    Returns:
        (B, M, H).

    Example:
        >>> relations, unary, weight = torch.rand(2, 5, 3), torch.rand(2, 5, 1), torch.rand(4, 4)
        >>> torch.allclose(joint_linear(relations, unary, weight, None), torch.cat([unary, relations], -1) @ weight.T)
        True
    """
    if unary is None:
        return F.linear(relations, weight, bias)
    if bias is None and differentiates_eagerly():
        out: Tensor = JointLinear.apply(relations, unary, weight)
        return out
    return joined(relations, unary, weight, bias)


def joined(relations: Tensor, unary: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``joint_linear`` by PyTorch's operations."""
    return torch.addcmul(F.linear(relations, weight[:, 1:], bias), unary, weight[:, 0])


class JointLinear(torch.autograd.Function):
    """``joint_linear`` without bias."""

    @staticmethod
    def forward(ctx: Any, relations: Tensor, unary: Tensor, weight: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(relations, unary, weight)
        return joined(relations, unary, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        (gradient,), (relations, unary, weight) = gradients, ctx.saved_tensors
        with without_autocast(gradient.device):
            if differentiated_by_parts(gradient):
                return again(joined, ctx.saved_tensors, ctx.needs_input_grad, gradient)
            of_relations, of_unary, of_weight = ctx.needs_input_grad
            rows = gradient.flatten(0, 1)  # (B, M, H) -> (B*M, H)
            grad_relations = (rows @ weight[:, 1:]).view_as(relations) if of_relations else None
            grad_unary = (rows @ weight[:, :1]).view_as(unary) if of_unary else None
            grad_weight = None
            if of_weight:
                grad_weight = torch.empty_like(weight)
                torch.mm(rows.t(), unary.flatten(0, 1), out=grad_weight[:, :1])
                torch.mm(rows.t(), relations.flatten(0, 1), out=grad_weight[:, 1:])
        return grad_relations, grad_unary, grad_weight


def again(function: Any, operands: Sequence[Tensor | None], needed: Sequence[bool], gradient: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of a function's operands that are needed, as operations that can be differentiated once more, and vectorised.

    One operand may be computed from another, as the factor is from theta_phi. Each gradient is that of its own operand alone: the
    function is computed from aliases, so that no path leads from one operand through the graph of another.

    Args:
        function: of the operands, by PyTorch's operations.
        operands: as autograd kept them; None for one that is left out.
        needed: for each of them whether its gradient is needed.
        gradient: of the function's output.
    """
    once_more = torch.is_grad_enabled()
    with torch.enable_grad():
        own = [operand if operand is None else operand.view_as(operand) for operand in operands]
        learning = [operand for operand, wanted in zip(own, needed, strict=True) if wanted and operand is not None]
        found = iter(torch.autograd.grad(function(*own), learning, gradient, create_graph=once_more))
    return tuple(next(found) if wanted else None for wanted in needed)
