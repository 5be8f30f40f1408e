"""varphi and W1 in tiles, against PyTorch's operations."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import rga
from rga.attention.acceleration import tiles as subject
from rga.attention.acceleration.tiles import VarphiAndW1, at_once, can_tile, varphi_and_w1_in_tiles


def operands(images: int, nodes: int, theta_phi: int, features: int, hidden: int, *, seed: int = 0, offset: float = 0.5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    values = [random(images, nodes, theta_phi) + offset, random(images, theta_phi, features), random(features), random(features)]
    return [operand.requires_grad_() for operand in (*values, random(hidden, features))]


def by_operations(theta_phi: Tensor, factor: Tensor, norm: nn.BatchNorm1d, weight: Tensor) -> Tensor:
    rows: Tensor = norm(torch.bmm(theta_phi, factor).flatten(0, 1))
    out: Tensor = F.linear(rows.relu(), weight).unflatten(0, theta_phi.shape[:2])
    return out


def in_tiles(*each: Any) -> Tensor:
    out: Tensor = VarphiAndW1.apply(*each, 1e-5)[0]
    return out


def gradients(out: Tensor, of: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(out, of, torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out))


@settings(max_examples=40)
@given(
    sizes=st.tuples(st.integers(1, 4), st.integers(2, 9), st.integers(1, 5), st.integers(1, 6), st.integers(1, 3)),
    rows=st.integers(1, 10),
    seed=st.integers(0, 99),
)
def test_tiles_change_nothing(sizes: tuple[int, int, int, int, int], rows: int, seed: int) -> None:
    each = operands(*sizes, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "TILE_BYTES", rows * sizes[3] * 8)
        out, expected = in_tiles(*each), at_once(*each, eps=1e-5)
        torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-9)
        for ours, theirs in zip(gradients(out, each), gradients(expected, each), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-7)


def test_gradients_of_gradients() -> None:
    each = operands(2, 4, 2, 3, 2)
    assert torch.autograd.gradcheck(in_tiles, each)
    assert torch.autograd.gradgradcheck(in_tiles, each)


def test_gradients_of_gradients_beside_frozen_weights() -> None:
    each = operands(2, 4, 2, 3, 2)
    frozen = [each[1].detach(), each[4].detach()]
    assert torch.autograd.gradgradcheck(lambda c, g, b: in_tiles(c, frozen[0], g, b, frozen[1]), [each[0], each[2], each[3]])


def test_weights_of_zero_learn() -> None:
    each = operands(2, 4, 2, 3, 2)
    each[2] = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for ours, theirs in zip(gradients(in_tiles(*each), each), gradients(at_once(*each, eps=1e-5), each), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_large_means_cancel_nothing() -> None:
    """Mapped features whose means are a thousand of their deviations, as accurate in float32 as PyTorch's."""
    each = operands(4, 64, 3, 8, 2, offset=1000.0)
    exact_out = at_once(*each, eps=1e-5)
    exact = gradients(exact_out, each)
    single = [operand.detach().float().requires_grad_() for operand in each]

    def errors(found: tuple[Tensor, ...]) -> list[float]:
        return [((ours.double() - theirs).norm() / theirs.norm()).item() for ours, theirs in zip(found, exact, strict=True)]

    ours = errors(gradients(in_tiles(*single), single))
    theirs = errors(gradients(at_once(*single, eps=1e-5), single))
    assert all(mine < max(3 * other, 1e-4) for mine, other in zip(ours, theirs, strict=True)), (ours, theirs)


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("tracked", [True, False])
def test_running_statistics_are_those_of_the_norm(momentum: float | None, tracked: bool) -> None:
    ours = nn.BatchNorm1d(6, momentum=momentum, track_running_stats=tracked).double()
    theirs = copy.deepcopy(ours)
    for seed in range(3):
        theta_phi, factor, _, _, weight = operands(2, 5, 3, 6, 2, seed=seed)
        assert can_tile(theta_phi, ours)
        torch.testing.assert_close(
            varphi_and_w1_in_tiles(theta_phi, factor, ours, weight), by_operations(theta_phi, factor, theirs, weight)
        )
    assert dict(ours.named_buffers()).keys() == dict(theirs.named_buffers()).keys()
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, other)


def test_where_tiles_apply() -> None:
    theta_phi = torch.rand(2, 5, 3, requires_grad=True)
    assert can_tile(theta_phi, nn.BatchNorm1d(6))
    assert not can_tile(theta_phi, nn.BatchNorm1d(6).eval())
    assert not can_tile(theta_phi, nn.BatchNorm1d(3))  # no larger than theta_phi
    assert not can_tile(theta_phi, nn.SyncBatchNorm(6))  # type: ignore[arg-type]  # statistics of all processes
    assert not can_tile(theta_phi.double(), nn.BatchNorm1d(6))
    assert not can_tile(theta_phi[:1, :1], nn.BatchNorm1d(6))  # which the norm refuses
    with torch.no_grad():
        assert not can_tile(theta_phi, nn.BatchNorm1d(6))
    hooked = nn.BatchNorm1d(6)
    hooked.register_forward_hook(lambda *_: None)
    assert not can_tile(theta_phi, hooked)


OPTIONS: list[dict[str, object]] = [{}, {"original": False}, {"embedding": "symmetric"}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("channels", "grid"), [(8, (8, 6)), (48, (4, 2))], ids=["spatial", "channel"])
@pytest.mark.parametrize("frozen_w1", [False, True])
def test_attention_in_tiles_is_the_dense_one(
    channels: int, grid: tuple[int, int], options: dict[str, object], frozen_w1: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where positions are many, RGA-S has tiles, and where channels are, RGA-C."""
    calls = []
    apply = VarphiAndW1.apply

    def counted(*each: Any) -> Any:
        calls.append(each)
        return apply(*each)

    monkeypatch.setattr(VarphiAndW1, "apply", counted)
    dense = rga.create_attention("rga-sc", channels, grid, dense=True, **options).double()
    ours = rga.create_attention("rga-sc", channels, grid, **options).double()
    ours.load_state_dict(dense.state_dict())
    x = torch.randn(3, channels, *grid, dtype=torch.float64)
    results = []
    for module in (dense, ours):
        for role in ("spatial", "channel"):
            module.get_submodule(f"{role}.gate.w1.norm").train(not frozen_w1)
        leaf = x.clone().requires_grad_()
        out = module(leaf)
        results.append([out.detach(), *gradients(out, [leaf, *module.parameters()]), *module.buffers()])
    assert len(calls) == 1
    for theirs, mine in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)


def test_varphis_output_is_not_kept() -> None:
    module = rga.create_attention("rga-s", 8, (16, 8))
    kept: list[int] = []

    def pack(saved: Tensor) -> Tensor:
        kept.append(saved.numel())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        module(torch.randn(4, 8, 16, 8))
    assert max(kept) <= 4 * 8 * 128  # the map itself; varphi's output has 4 x 128 x 16
