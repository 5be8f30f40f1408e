"""A map multiplied by gates, against PyTorch's product."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rga.attention.acceleration.multiply import gated, product

GATES = {"spatial": ((3, 1, 4, 2),), "channel": ((3, 5, 1, 1),), "both": ((3, 1, 4, 2), (3, 5, 1, 1)), "full": ((3, 5, 4, 2), (3, 1, 1, 1))}


def leaves(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def gradients(out: Tensor, operands: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(out, operands, torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out))


@pytest.mark.parametrize("gates", GATES.values(), ids=list(GATES))
@pytest.mark.parametrize("bytes_of_a_block", [1, 700, 1 << 20])
def test_gated_is_the_product(gates: tuple[tuple[int, ...], ...], bytes_of_a_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.attention.acceleration.multiply.BLOCK_BYTES", bytes_of_a_block)  # one image, two, all
    operands = leaves((3, 5, 4, 2), *gates)
    out, expected = gated(*operands), product(*operands)
    assert type(out.grad_fn).__name__ == "GatedBackward"
    torch.testing.assert_close(out, expected, rtol=0, atol=0)
    for ours, theirs in zip(gradients(out, operands), gradients(expected, operands), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(gated, operands)
    assert torch.autograd.gradgradcheck(gated, operands)


def test_gated_lies_as_the_map_does() -> None:
    x = torch.randn(3, 5, 4, 2).to(memory_format=torch.channels_last).requires_grad_()
    out = gated(x, torch.rand(3, 1, 4, 2))
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_an_empty_batch_is_gated() -> None:
    x = torch.ones(0, 5, 4, 2, requires_grad=True)
    gated(x, torch.ones(0, 1, 4, 2)).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


def test_one_map_is_written_backwards() -> None:
    """The gradient of the map, and of its product with the gradient no more than a block."""
    x, gate = torch.randn(64, 16, 32, 32, requires_grad=True), torch.rand(64, 1, 32, 32, requires_grad=True)
    assert x.nbytes == 2 * (2 << 20)
    out = gated(x, gate)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiled:
        out.backward(torch.ones_like(out))
    held = peak = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    assert peak < 3.7 * x.nbytes  # ones_like, the gradient, and blocks of half a map


@pytest.mark.parametrize("way", ["jvp", "dual"])
def test_forward_mode_is_pytorchs(way: str) -> None:
    x, gate, tangent = torch.randn(2, 3, 2, 2), torch.rand(2, 3, 1, 1), torch.randn(2, 3, 2, 2)
    if way == "jvp":
        found: Tensor = torch.func.jvp(lambda x: gated(x, gate), (x,), (tangent,))[1]
    else:
        with torch.autograd.forward_ad.dual_level():
            found = torch.autograd.forward_ad.unpack_dual(gated(torch.autograd.forward_ad.make_dual(x, tangent), gate)).tangent
    torch.testing.assert_close(found, tangent * gate)
