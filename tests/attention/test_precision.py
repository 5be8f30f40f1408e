"""Every attention in half precision: as good as in float32, whatever the activations."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.catalog import OF_A_GRID
from rga.attention.grid import move_input_weights, move_output_weights, resize
from rga.attention.precision import WideModule, in_float32

CHANNELS, GRID = 32, (8, 4)
HALVES = [torch.float16, torch.bfloat16]
WAYS = ["autocast", "module"]

CASES: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in rga.list_attentions()),
    ("rga-sc", {"embedding": "none"}),
    ("rga-sc", {"embedding": "symmetric"}),
    ("rga-sc", {"original": False, "dense": True}),
]


def name_of(case: tuple[str, dict[str, object]]) -> str:
    return "-".join([case[0], *map(str, case[1].values())])


def make(name: str, options: dict[str, object]) -> nn.Module:
    """An attention whose parameters are not at zero, so that all of it works."""
    torch.manual_seed(0)
    module = rga.create_attention(name, CHANNELS, GRID if name in OF_A_GRID else None, **options)
    for parameter in module.parameters():
        if parameter.abs().max() == 0 or parameter.dim() == 0:
            nn.init.normal_(parameter, std=0.5)
    return module


def passes(module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Output, gradient of the map, gradients of the weights."""
    leaf = x.clone().requires_grad_()
    out = module(leaf)
    assert out.dtype == x.dtype
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)) / 100
    (out.float() * upstream).sum().backward()
    assert leaf.grad is not None
    weights = [parameter.grad.flatten() for parameter in module.parameters() if parameter.grad is not None]
    return out.detach(), leaf.grad, torch.cat(weights) if weights else torch.ones(1)  # SimAM has no weights


def likeness(found: Tensor, expected: Tensor) -> float:
    """The cosine of two tensors; 0 where one holds NaN or infinity."""
    if not found.isfinite().all():
        return 0.0
    return torch.cosine_similarity(found.double().flatten(), expected.double().flatten(), dim=0).item()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_half_precision_is_finite_and_close_to_float32(case: tuple[str, dict[str, object]], dtype: torch.dtype, way: str) -> None:
    """Forward, backward, and evaluation by the statistics that were taken; maps of RGA-SC and RGA-CS are rounded once in between."""
    for deviation in (1.0, 30.0, 1000.0):
        x = (deviation * torch.randn(4, CHANNELS, *GRID, generator=torch.Generator().manual_seed(0))).to(dtype)
        exact = make(*case)
        tried = copy.deepcopy(exact) if way == "autocast" else copy.deepcopy(exact).to(dtype)
        expected = passes(exact, x.float())
        with torch.autocast("cpu", dtype=dtype, enabled=way == "autocast"):
            found = passes(tried, x)
            evaluated = tried.eval()(x)
        for part, (ours, theirs) in enumerate(zip((*found, evaluated), (*expected, exact.eval()(x.float())), strict=True)):
            assert likeness(ours, theirs) > (0.999 if part in {0, 3} else 0.95), (
                deviation,
                ("output", "map", "weights", "evaluation")[part],
            )


def test_a_map_between_two_attentions_is_all_that_is_rounded() -> None:
    x = (100 * torch.randn(4, CHANNELS, *GRID)).bfloat16()
    for name in ("rga-s", "rga-c", "rga-parallel"):
        exact = make(name, {})
        expected = passes(copy.deepcopy(exact), x.float())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = passes(exact, x)
        for ours, theirs in zip(found, expected, strict=True):
            assert likeness(ours, theirs) > 0.9999


@pytest.mark.parametrize(
    "way", [lambda m: m.half(), lambda m: m.bfloat16(), lambda m: m.to(torch.float16), lambda m: m.to("cpu", torch.half)]
)
@pytest.mark.parametrize("name", rga.list_attentions())
def test_weights_and_statistics_stay_float32(name: str, way: object) -> None:
    module = make(name, {})
    before = copy.deepcopy(module.state_dict())
    way(nn.Sequential(nn.Conv2d(3, 3, 1), module))  # type: ignore[operator]
    for key, value in module.state_dict().items():
        assert value.dtype == before[key].dtype, key
        assert torch.equal(value, before[key])
    assert {parameter.dtype for parameter in module.double().parameters()} <= {torch.float64}
    assert {parameter.dtype for parameter in module.float().parameters()} <= {torch.float32}


def test_a_network_around_them_is_narrowed_as_ever() -> None:
    model = nn.Sequential(nn.Conv2d(3, CHANNELS, 1), make("rga-sc", {})).half()
    assert {parameter.dtype for parameter in model[0].parameters()} == {torch.float16}
    assert model.to("meta")[1].get_parameter("spatial.gate.w1.linear.weight").is_meta


def test_moving_keeps_strides_and_gradients() -> None:
    module = WideModule()
    module.register_parameter("weight", nn.Parameter(torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)))
    module.get_parameter("weight").grad = torch.ones(2, 3, 4, 4)
    module.half()
    assert module.get_parameter("weight").is_contiguous(memory_format=torch.channels_last)
    gradient = module.get_parameter("weight").grad
    assert gradient is not None
    assert gradient.dtype == torch.float32


@pytest.fixture(params=HALVES, ids=["float16", "bfloat16"])
def default_type(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    """As loaders set it that build a network in the type of its checkpoint."""
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", rga.list_attentions())
def test_attention_that_is_built_under_a_narrow_default_type(name: str, default_type: torch.dtype) -> None:
    module = make(name, {})
    assert {parameter.dtype for parameter in module.parameters()} <= {torch.float32}
    out = module(torch.randn(4, CHANNELS, *GRID))
    assert out.dtype == default_type
    assert out.isfinite().all()


# ---- other grids


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(OF_A_GRID))
def test_pooled_maps_in_half_precision(name: str, way: str, dtype: torch.dtype) -> None:
    exact = make(name, {"fit": "pool"})
    tried = copy.deepcopy(exact) if way == "autocast" else copy.deepcopy(exact).to(dtype)
    for grid in ((16, 8), (5, 3), (24, 1)):
        x = (30 * torch.randn(4, CHANNELS, *grid)).to(dtype)
        expected = passes(copy.deepcopy(exact), x.float())
        with torch.autocast("cpu", dtype=dtype, enabled=way == "autocast"):
            found = passes(copy.deepcopy(tried), x)
        for ours, theirs in zip(found, expected, strict=True):
            assert likeness(ours, theirs) > 0.95


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("name", sorted(OF_A_GRID))
def test_attention_of_a_half_network_moves_to_another_grid(name: str, dtype: torch.dtype) -> None:
    exact = make(name, {})
    tried = copy.deepcopy(exact).to(dtype)
    rga.resample(exact, grid=(12, 6))
    with torch.autocast("cpu", dtype=dtype):
        rga.resample(tried, grid=(12, 6))
    x = torch.randn(4, CHANNELS, 12, 6)
    torch.testing.assert_close(tried(x), exact(x))


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
def test_weights_and_maps_in_half_precision_are_resized_in_float32(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 8, 4).to(dtype)
    for grid in ((4, 2), (5, 1), (16, 8)):
        torch.testing.assert_close(resize(x, grid), resize(x.float(), grid).to(dtype), rtol=0, atol=0)
    weight = torch.randn(5, 32).to(dtype)
    moved = move_input_weights(weight, (8, 4), (12, 6))
    torch.testing.assert_close(moved, move_input_weights(weight.float(), (8, 4), (12, 6)).to(dtype), rtol=0, atol=0)
    moved = move_output_weights(weight.T, (8, 4), (12, 6))
    torch.testing.assert_close(moved, move_output_weights(weight.float().T, (8, 4), (12, 6)).to(dtype), rtol=0, atol=0)


def test_functions_in_float32_take_arguments_by_name_and_leave_others_alone() -> None:
    @in_float32
    def product(a: Tensor, b: Tensor, *, labels: Tensor, scale: float) -> tuple[Tensor, torch.dtype]:
        return a @ b * scale, labels.dtype

    a, b = torch.randn(3, 4).half(), torch.randn(4, 3).double()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, labels = product(a.float(), b=b.float(), labels=torch.arange(3), scale=2.0)
        narrow, _ = product(a=a, b=b.half(), labels=torch.arange(3), scale=2.0)
    torch.testing.assert_close(found, a.float() @ b.float() * 2, rtol=0, atol=0)
    assert narrow.dtype == torch.float32
    assert labels == torch.int64
