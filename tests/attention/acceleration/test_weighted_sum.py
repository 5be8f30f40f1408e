"""Weighted sums of nodes, against PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rga.attention.acceleration.weighted_sum import weighted_sum


def gradients(out: Tensor, operands: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(out, operands, torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out))


@pytest.mark.parametrize("sliced", [False, True])
def test_weighted_sum(sliced: bool) -> None:
    nodes, weight = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 5, 4), (6, 10)))

    def summed(nodes: Tensor, weight: Tensor) -> Tensor:
        return weighted_sum(nodes[..., :2] if sliced else nodes, weight[:, 5:])

    def expected(nodes: Tensor, weight: Tensor) -> Tensor:
        return torch.einsum("bmd,fm->bdf", nodes[..., :2] if sliced else nodes, weight[:, 5:])

    out = summed(nodes, weight)
    torch.testing.assert_close(out, expected(nodes, weight))
    for ours, theirs in zip(gradients(out, [nodes, weight]), gradients(expected(nodes, weight), [nodes, weight]), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(summed, (nodes, weight))
    assert torch.autograd.gradgradcheck(summed, (nodes, weight))


def test_weights_gradients_are_not_kept_by_image() -> None:
    nodes, weight = torch.randn(16, 64, 2, requires_grad=True), torch.randn(32, 64, requires_grad=True)
    out = weighted_sum(nodes, weight)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiled:
        out.sum().backward()
    largest = max(event.nbytes() for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]")
    assert largest <= 2 * nodes.nbytes < 16 * weight.nbytes
