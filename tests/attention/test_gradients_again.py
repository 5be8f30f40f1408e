"""Gradients that are to be differentiated once more (``create_graph=True``: gradient penalties, MAML) are those of an ordinary step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.acceleration import products
from rga.attention.acceleration import tiles as tiles_of

CAN_TILE = "rga.attention.acceleration.gate.can_tile"

CASES: dict[str, tuple[str, int, tuple[int, int], dict[str, Any]]] = {
    "rga-s": ("rga-s", 16, (8, 8), {}),
    "rga-s, theta = phi": ("rga-s", 16, (8, 8), {"embedding": "symmetric"}),
    "rga-s, no embedding": ("rga-s", 4, (8, 8), {"embedding": "none"}),
    "rga-s, relations alone": ("rga-s", 16, (8, 8), {"original": False}),
    "rga-s, spectral": ("rga-s", 16, (8, 8), {"fit": "spectral"}),
    "rga-s, spectral, few frequencies": ("rga-s", 256, (8, 8), {"fit": "spectral", "frequencies": (2, 2)}),
    "rga-c": ("rga-c", 64, (4, 2), {}),
    "rga-c, spectral": ("rga-c", 64, (4, 4), {"fit": "spectral", "frequencies": (2, 2)}),
    "rga-sc": ("rga-sc", 16, (8, 8), {}),
    "rga-cs": ("rga-cs", 16, (8, 8), {}),
    "rga-parallel": ("rga-parallel", 16, (8, 8), {}),
}


@pytest.fixture(params=[True, False], ids=["tiles", "no tiles"])
def with_and_without_tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU there are no tiles."""
    if not request.param:
        monkeypatch.setattr(CAN_TILE, lambda *_: False)


def gradients(module: nn.Module, x: Tensor, *, again: bool) -> list[Tensor]:
    upstream = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view_as(x)
    learning = [x, *module.parameters()]
    return list(torch.autograd.grad((module(x) * upstream).sum(), learning, create_graph=again))


def built(case: str, *, train: bool = True) -> tuple[nn.Module, Tensor]:
    name, channels, grid, options = CASES[case]
    torch.manual_seed(0)
    module = rga.create_attention(name, channels, grid, **options).double().train(train)
    return module, torch.randn(3, channels, *grid, dtype=torch.float64, requires_grad=True)


@pytest.mark.usefixtures("with_and_without_tiles")
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_with_a_graph_are_those_without(case: str, train: bool) -> None:
    module, x = built(case, train=train)
    for ours, theirs in zip(gradients(module, x, again=True), gradients(module, x, again=False), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.usefixtures("with_and_without_tiles")
@pytest.mark.parametrize("case", [case for case, (*_, options) in CASES.items() if options.get("fit") != "spectral"])
def test_first_and_second_derivatives_are_those_of_the_definition(case: str) -> None:
    name, channels, grid, options = CASES[case]
    module, x = built(case)
    definition = rga.create_attention(name, channels, grid, **options, dense=True).double().train()
    definition.load_state_dict(module.state_dict())
    found, expected = (first_and_second(each, x) for each in (module, definition))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


def first_and_second(module: nn.Module, x: Tensor) -> list[Tensor]:
    """The gradients of a loss, and those of a penalty on them."""
    first = gradients(module, x, again=True)
    penalty = torch.stack([gradient.square().sum() for gradient in first]).sum()
    return [*first, *torch.autograd.grad(penalty, [x, *module.parameters()])]


@pytest.mark.slow
@pytest.mark.usefixtures("with_and_without_tiles")
@pytest.mark.parametrize("case", ["exact", "spectral"])
def test_derivatives_of_a_whole_module_by_finite_differences(case: str) -> None:
    options: dict[str, Any] = {"fit": "spectral", "frequencies": (2, 1)} if case == "spectral" else {}
    torch.manual_seed(0)
    module = rga.create_attention("rga-s", 3, (4, 3), reduction=3, **options).double()
    names, parameters = zip(*module.named_parameters(), strict=True)

    def answer(x: Tensor, *weights: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))
        return out

    operands = (torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True), *parameters)
    assert torch.autograd.gradcheck(answer, operands)
    assert torch.autograd.gradgradcheck(answer, operands, atol=1e-5)


def test_the_cases_reach_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles, relations in a basis and joined features: else the tests above would say nothing about them."""
    reached = set()

    def noting(function: Any, operands: Any, *others: Any) -> Any:
        left_out = any(operand is None for operand in operands)
        reached.add(f"{getattr(function, '__name__', 'at_once')}{', own nodes' if left_out else ''}")
        return again(function, operands, *others)

    again = products.again
    for module in (products, tiles_of):
        monkeypatch.setattr(module, "again", noting)
    for can_tile in (tiles_of.can_tile, lambda *_: False):
        monkeypatch.setattr(CAN_TILE, can_tile)
        for case in CASES:
            gradients(*built(case), again=True)
    assert reached == {"at_once", "products_of", "products_of, own nodes", "joined"}


@pytest.mark.usefixtures("with_and_without_tiles")
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", CASES)
def test_many_gradients_at_once_are_those_one_by_one(case: str, train: bool) -> None:
    """As ``torch.autograd.functional.jacobian(vectorize=True)`` computes them."""
    module, x = built(case, train=train)
    out = module(x).sum((2, 3)).flatten()
    upstream = torch.randn(3, *out.shape, dtype=out.dtype)
    learning = [x, *module.parameters()]
    at_once = torch.autograd.grad(out, learning, upstream, retain_graph=True, is_grads_batched=True)
    for index, each in enumerate(upstream):
        for ours, theirs in zip(at_once, torch.autograd.grad(out, learning, each, retain_graph=True), strict=True):
            torch.testing.assert_close(ours[index], theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("precision", ["float32", "half"])
def test_many_gradients_at_once_of_maps_in_half_precision(precision: str) -> None:
    torch.manual_seed(0)
    module = rga.create_attention("rga-sc", 16, (8, 8), gate_precision=precision)
    x = torch.randn(3, 16, 8, 8, dtype=torch.bfloat16, requires_grad=True)
    out = module(x).float().sum((2, 3)).flatten()
    upstream = torch.randn(2, *out.shape)
    (at_once,) = torch.autograd.grad(out, x, upstream, retain_graph=True, is_grads_batched=True)
    for index, each in enumerate(upstream):
        (expected,) = torch.autograd.grad(out, x, each, retain_graph=True)
        torch.testing.assert_close(at_once[index], expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel"])
def test_a_vectorised_jacobian_is_the_other_one(name: str) -> None:
    module, x = rga.create_attention(name, 8, (4, 4)).double().eval(), torch.randn(1, 8, 4, 4, dtype=torch.float64)
    found, expected = (torch.autograd.functional.jacobian(module, x, vectorize=way) for way in (True, False))
    torch.testing.assert_close(found, expected)
