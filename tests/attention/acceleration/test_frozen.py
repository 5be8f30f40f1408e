"""Where some operands do not learn, the gradients of the others are the same, and those that nobody asked for are not computed."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import rga
from rga.attention.acceleration.multiply import gated
from rga.attention.acceleration.products import JointLinear, RelationProducts
from rga.attention.acceleration.tiles import VarphiAndW1
from rga.attention.acceleration.weighted_sum import weighted_sum

FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "gated": (gated, ((2, 3, 4, 5), (2, 1, 4, 5), (2, 3, 1, 1))),
    "weighted_sum": (weighted_sum, ((2, 6, 3), (4, 6))),
    "relation_products": (lambda a, *weights: RelationProducts.apply(a, None, *weights)[0], ((2, 6, 4), (3, 6), (3, 6))),
    "relation_products, in a basis": (lambda *operands: RelationProducts.apply(*operands)[0], ((2, 6, 4), (2, 5, 4), (3, 5), (3, 5))),
    "joint_linear": (JointLinear.apply, ((2, 6, 3), (2, 6, 1), (5, 4))),
    "tiles": (lambda *operands: VarphiAndW1.apply(*operands, 1e-5)[0], ((2, 6, 3), (2, 3, 5), (5,), (5,), (4, 5))),
}


class Written(TorchDispatchMode):
    """Counts the numbers that operations write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.numbers += out.numel() if isinstance(out, Tensor) else 0
        return out


def gradients(function: Callable[..., Tensor], operands: list[Tensor], learn: tuple[bool, ...], again: bool) -> tuple[list[Any], int]:
    """The gradients of a weighted sum of the output, and how many numbers the backward pass writes."""
    leaves = [operand.clone().requires_grad_(learns) for operand, learns in zip(operands, learn, strict=True)]
    out = function(*leaves)
    upstream = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    with Written() as written:
        found = iter(torch.autograd.grad(out, [leaf for leaf in leaves if leaf.requires_grad], upstream, create_graph=again))
    return [next(found) if learns else None for learns in learn], written.numbers


@pytest.mark.parametrize("again", [False, True], ids=["once", "differentiated again"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_those_of_all_and_cost_less(name: str, again: bool) -> None:
    function, shapes = FUNCTIONS[name]
    operands = [torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    whole, price = gradients(function, operands, (True,) * len(shapes), again)
    for learn in product([False, True], repeat=len(shapes)):
        if not any(learn):
            continue
        found, cost = gradients(function, operands, learn, again)
        for learns, ours, theirs in zip(learn, found, whole, strict=True):
            if learns:
                torch.testing.assert_close(ours, theirs)
            else:
                assert ours is None
        if name != "tiles":
            assert cost < price or all(learn)
    if name == "tiles" and not again:
        for frozen in (0, 1, 4):
            assert gradients(function, operands, tuple(index != frozen for index in range(5)), again)[1] < price
        assert gradients(function, operands, (False,) * 4 + (True,), again)[1] < price / 2


@pytest.mark.parametrize("frozen", ["backbone", "attention"])
def test_a_frozen_part_of_a_network_changes_no_gradient_of_the_other(frozen: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3), rga.create_attention("rga-sc", 16, (6, 4)))
    x = torch.randn(4, 3, 8, 6)

    def found() -> dict[str, Tensor]:
        model.zero_grad()
        model(x).square().sum().backward()
        return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}

    whole = found()
    still = "0." if frozen == "backbone" else "1."
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(still))
    rest = found()
    assert set(rest) == {name for name in whole if not name.startswith(still)}
    for name, gradient in rest.items():
        torch.testing.assert_close(gradient, whole[name])
