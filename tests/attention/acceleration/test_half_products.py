"""theta, phi and psi of maps in half precision: rounded operands, float32 sums, and everything else as before."""

import copy
import itertools
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.acceleration import half_products
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.acceleration.half_products import linear_of_half, multiplies_in_half
from rga.attention.modules import SpatialRelationAttention
from rga.attention.relation import LinearNorm
from rga.errors import InputError

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
CHANNELS, GRID = 32, (8, 4)


def nodes_of(dtype: torch.dtype, transposed: bool, shape: tuple[int, int, int] = (3, 5, 7)) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return x.mT.contiguous().mT if transposed else x


@HALVES
@pytest.mark.parametrize(("transposed", "shape"), [(False, (3, 5, 7)), (True, (3, 5, 7)), (True, (3, 9, 4))])
def test_products_are_wide_and_gradients_rounded_once(dtype: torch.dtype, transposed: bool, shape: tuple[int, int, int]) -> None:
    nodes = nodes_of(dtype, transposed, shape).requires_grad_()
    weight = torch.randn(6, shape[-1], generator=torch.Generator().manual_seed(1)).requires_grad_()
    upstream = torch.randn(*shape[:2], 6, generator=torch.Generator().manual_seed(2))
    out = linear_of_half(nodes, weight)
    assert out.dtype == torch.float32
    rounded = weight.detach().to(dtype).double()
    torch.testing.assert_close(out.double(), nodes.detach().double() @ weight.detach().double().T, rtol=3e-5, atol=3e-5)
    out.backward(upstream)
    assert nodes.grad is not None
    assert weight.grad is not None
    given = upstream.to(dtype).double()
    assert nodes.grad.dtype == dtype
    assert nodes.grad.stride() == nodes.stride()
    torch.testing.assert_close(nodes.grad, (given @ rounded).to(dtype), rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(weight.grad.double(), torch.einsum("bmf,bmd->fd", given, nodes.detach().double()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e6, 1e12])
def test_float16_has_the_exponents_that_weights_and_gradients_need(size: float) -> None:
    """A BN behind takes any size out again, so that weights and their gradients may have any."""
    nodes = nodes_of(torch.float16, False).requires_grad_()
    weight = torch.randn(6, 7, generator=torch.Generator().manual_seed(1))
    upstream = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(2))
    leaf = (weight * size).requires_grad_()
    out = linear_of_half(nodes, leaf)
    torch.testing.assert_close(out / size, nodes.detach().float() @ weight.T, rtol=1e-5, atol=1e-5)
    out.backward(upstream / size)
    assert leaf.grad is not None
    assert nodes.grad is not None
    torch.testing.assert_close(leaf.grad * size, torch.einsum("bmf,bmd->fd", upstream, nodes.detach().float()), rtol=3e-3, atol=5e-3)
    torch.testing.assert_close(nodes.grad.float(), upstream @ weight, rtol=3e-3, atol=5e-3)


@HALVES
def test_weights_of_zeros_are_products_of_zero(dtype: torch.dtype) -> None:
    weight = torch.zeros(6, 7, requires_grad=True)
    out = linear_of_half(nodes_of(dtype, False), weight)
    assert not out.any()
    out.backward(torch.zeros_like(out))
    assert weight.grad is not None
    assert not weight.grad.any()
    assert linear_of_half(nodes_of(dtype, False)[:0], weight).shape == (0, 5, 6)


def test_gradients_that_nobody_asked_for_are_not_computed() -> None:
    nodes, weight = nodes_of(torch.bfloat16, True), torch.randn(6, 7)
    for of_nodes, of_weight in ((True, False), (False, True)):
        leaf, learned = nodes.clone().requires_grad_(of_nodes), weight.clone().requires_grad_(of_weight)
        with mock.patch.object(half_products, "wide_product", wraps=half_products.wide_product) as products:
            out = linear_of_half(leaf, learned)
            out.sum().backward()
        assert products.call_count == 3  # two forward, and the one that was asked for
        assert ((leaf.grad is not None), (learned.grad is not None)) == (of_nodes, of_weight)


def test_second_derivatives() -> None:
    nodes, weight = nodes_of(torch.bfloat16, True).requires_grad_(), torch.randn(6, 7).requires_grad_()
    (first,) = torch.autograd.grad(linear_of_half(nodes, weight).square().sum(), weight, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), weight)
    wide = nodes.detach().float()
    expected = torch.autograd.functional.hvp(lambda w: (wide @ w.T).square().sum(), weight.detach(), 2 * first.detach())[1]
    assert isinstance(expected, Tensor)
    assert (second - expected).norm() < 0.01 * expected.norm()


def with_precision(module: nn.Module, precision: Any) -> nn.Module:
    """A copy of an attention with another precision."""
    other = copy.deepcopy(module)
    for each in other.modules():
        if isinstance(each, FastRelationGate):
            each.gate_precision = precision
    return other


def logits(module: nn.Module, x: Tensor) -> list[Tensor]:
    """The logits before the sigmoid of each gate."""
    seen: list[Tensor] = []
    handles = [
        each.w2.register_forward_hook(lambda _module, _args, out: seen.append(out.detach().double().flatten()))
        for each in module.modules()
        if isinstance(each, FastRelationGate)
    ]
    with torch.no_grad():
        out = module(x)
    for handle in handles:
        handle.remove()
    assert out.dtype == x.dtype
    assert out.isfinite().all()
    return seen


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])
@pytest.mark.parametrize("fit", ["exact", "pool", "spectral"])
@HALVES
def test_logits_are_within_a_thousandth_of_their_deviation(
    dtype: torch.dtype, fit: str, layout: torch.memory_format, training: bool
) -> None:
    """For maps after a ReLU, with a mean as large as their deviation, of usual and of large numbers, and for a very large mean."""
    for scale, mean in ((1.0, 0.0), (1e3, 0.0), (1.0, 30.0)):
        torch.manual_seed(0)
        wide = rga.create_attention("rga-parallel", CHANNELS, GRID, fit=fit)
        x = (scale * torch.randn(16, CHANNELS, *GRID).relu() + mean).to(dtype).to(memory_format=layout)
        for each in wide.modules():
            if isinstance(each, nn.BatchNorm1d):
                each.momentum = None  # the mean over what was seen: these maps
        with torch.no_grad():
            wide(x.float())
        half, exact = with_precision(wide, "half").train(training), with_precision(wide, "float32").train(training)
        with torch.autocast("cpu", dtype=dtype):
            found = logits(half, x)
        for ours, theirs in zip(found, logits(exact, x.float()), strict=True):
            error = (ours - theirs).square().mean().sqrt() / theirs.std()
            assert 0 < error < 1e-3, (scale, mean, error)


@pytest.mark.parametrize("name", ["rga-sc", "rga-cs"])
@pytest.mark.parametrize(
    "options", [{}, {"embedding": "symmetric"}, {"relation": False}, {"original": False}, {"gate_norm": "none"}], ids=str
)
@pytest.mark.parametrize("fit", ["exact", "spectral"])
def test_outputs_and_gradients_follow_those_of_float32(name: str, options: dict[str, Any], fit: str) -> None:
    torch.manual_seed(0)
    wide = rga.create_attention(name, CHANNELS, GRID, fit=fit, reduction=2, hidden_reduction=1, gate_precision="float32", **options)
    half = with_precision(wide, "half")
    x = torch.randn(8, CHANNELS, *GRID).to(torch.float16)
    upstream = torch.randn(x.shape)
    found = []
    for module in (wide, half):
        leaf = x.clone().requires_grad_()
        out = module(leaf)
        (out.float() * upstream).sum().backward()
        assert leaf.grad is not None
        weights = torch.cat([each.grad.flatten() for each in module.parameters() if each.grad is not None])
        found.append((out.detach().float(), leaf.grad.float(), weights))
    for theirs, ours in zip(*found, strict=True):
        assert torch.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.98
    assert not torch.equal(found[0][2], found[1][2])  # it did round


def test_maps_in_float32_are_computed_as_ever() -> None:
    wide = rga.create_attention("rga-sc", CHANNELS, GRID, gate_precision="float32")
    x = torch.randn(4, CHANNELS, *GRID)
    expected = copy.deepcopy(wide)(x)
    for precision in ("auto", "half"):
        assert torch.equal(with_precision(wide, precision)(x), expected)


@HALVES
def test_float32_widens_and_auto_does_so_on_a_cpu(dtype: torch.dtype) -> None:
    wide = rga.create_attention("rga-s", CHANNELS, GRID)
    x = torch.randn(4, CHANNELS, *GRID).to(dtype)

    def gradient(module: nn.Module, x: Tensor) -> Tensor:
        attention = module.get_submodule("spatial")
        assert isinstance(attention, SpatialRelationAttention)
        attention.gate_map(x).float().square().sum().backward()
        found = module.get_parameter("spatial.gate.theta_phi_psi.linear.weight").grad
        assert isinstance(found, Tensor)
        return found

    expected = gradient(with_precision(wide, "float32"), x)
    assert torch.equal(gradient(with_precision(wide, "auto"), x), expected)
    assert not torch.equal(gradient(with_precision(wide, "half"), x), expected)


def test_auto_is_half_precision_where_the_device_has_wide_results() -> None:
    def nodes(device: str, dtype: torch.dtype) -> Any:
        return SimpleNamespace(device=torch.device(device), dtype=dtype)

    for has, device, dtype in itertools.product((True, False), ("cuda", "cpu"), (torch.bfloat16, torch.float16, torch.float32)):
        with mock.patch.object(half_products, "has_wide_results", lambda _device, has=has: has):
            expected = has and device == "cuda" and dtype != torch.float32
            assert multiplies_in_half(nodes(device, dtype), "auto") == expected
            assert not multiplies_in_half(nodes(device, dtype), "float32")
            assert multiplies_in_half(nodes(device, dtype), "half") == (dtype != torch.float32)


def test_a_cpu_has_no_wide_results() -> None:
    assert not half_products.has_wide_results(torch.device("cpu"))


@pytest.mark.parametrize("fit", ["exact", "spectral"])
def test_a_child_that_is_hooked_pruned_or_replaced_is_called(fit: str) -> None:
    x = torch.randn(4, CHANNELS, *GRID).bfloat16()
    module = rga.create_attention("rga-s", CHANNELS, GRID, fit=fit, gate_precision="half").eval()
    seen: list[torch.dtype] = []
    layer = module.get_submodule("spatial.gate.theta_phi_psi")
    assert isinstance(layer, LinearNorm)
    handle = layer.linear.register_forward_hook(lambda _module, args, _out: seen.append(args[0].dtype))
    hooked = module(x)
    handle.remove()
    assert seen == [torch.float32]
    torch.testing.assert_close(hooked, with_precision(module, "float32")(x), rtol=0.02, atol=0.02)
    layer.linear = nn.Sequential(layer.linear)  # type: ignore[assignment]
    torch.testing.assert_close(module(x), hooked, rtol=0, atol=0)


def test_recording_works() -> None:
    module = rga.create_attention("rga-sc", CHANNELS, GRID, gate_precision="half").eval()
    x = torch.randn(2, CHANNELS, *GRID).bfloat16()
    with rga.record(module, positions=[(0.5, 0.5)], channels=[3]) as recording:
        module(x)
    expected_module = with_precision(module, "float32")
    with rga.record(expected_module, positions=[(0.5, 0.5)], channels=[3]) as expected:
        expected_module(x)
    for name in ("spatial", "channel"):
        torch.testing.assert_close(recording[name].gate, expected[name].gate, rtol=0.02, atol=0.02)
        rows = recording[name].rows
        assert rows is not None
        torch.testing.assert_close(rows, expected[name].rows, rtol=0.1, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["exact", "spectral"])
def test_recorded_graphs_and_functional_transforms_widen(fit: str) -> None:
    module = rga.create_attention("rga-sc", CHANNELS, GRID, fit=fit, gate_precision="half").eval()
    wide = with_precision(module, "float32")
    x = torch.randn(2, CHANNELS, *GRID).bfloat16()
    for run in (
        lambda each: torch.export.export(each, (x,)).module()(x),
        lambda each: torch.func.vmap(lambda one: each(one[None])[0])(x),
        lambda each: torch.jit.trace(each, (x,))(x),
    ):
        torch.testing.assert_close(run(module), run(wide), rtol=0, atol=0)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(torch.fx.symbolic_trace(module)(x), module(x), rtol=0, atol=0)


def test_weights_are_the_same() -> None:
    one, other = (rga.create_attention("rga-sc", CHANNELS, GRID, gate_precision=each) for each in ("half", "float32"))
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, CHANNELS, *GRID)
    assert torch.equal(one(x), other(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate_precision": "bfloat16"}, "unknown gate_precision 'bfloat16': choose one of 'auto', 'float32', 'half'"),
        ({"gate_precision": None}, "unknown gate_precision None"),
        ({"gate_precision": "half", "dense": True}, "dense=True computes by the definition, in float32"),
    ],
    ids=str,
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rga.create_attention("rga-s", CHANNELS, GRID, **options)
