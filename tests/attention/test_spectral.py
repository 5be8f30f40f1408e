"""Spectral attention: the paper's module in another basis, on any grid what its sampled weights say, and nothing else."""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

import rga
from rga.attention.modules import ChannelRelationAttention, SpatialRelationAttention
from rga.attention.spectral.basis import CosineBasis, cosines, default_frequencies, project_map, project_nodes, to_positions
from rga.attention.spectral.modules import SpectralChannelAttention, SpectralSpatialAttention
from rga.errors import InputError

CHANNELS, GRID = 16, (6, 4)
ARRANGEMENTS = ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel"]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"embedding": "symmetric"},
    {"embedding": "none"},
    {"relation": False},
    {"original": False},
    {"gate_norm": "none"},
    {"initial_gate": 0.9},
]


def spectral(name: str = "rga-sc", grid: tuple[int, int] = GRID, frequencies: tuple[int, int] = (4, 3), **options: Any) -> nn.Module:
    module = rga.create_attention(name, CHANNELS, grid, fit="spectral", frequencies=frequencies, **options)
    return seen(module.double(), grid)


def seen(module: nn.Module, grid: tuple[int, int]) -> nn.Module:
    """The module after two batches, so that its running statistics are no longer 0 and 1."""
    for _ in range(2):
        module(torch.randn(4, CHANNELS, *grid, dtype=torch.float64))
    return module


def exact_of(module: nn.Module, grid: tuple[int, int], name: str = "rga-sc", **options: Any) -> nn.Module:
    """The paper's modules on a grid with the weights that a spectral module has there, by hand."""
    exact = rga.create_attention(name, CHANNELS, grid, width_grid=GRID, **options).double().train(module.training)
    state = {key: value for key, value in module.state_dict().items() if ".basis." not in key}
    for role, found in parts(module).items():
        for key in [key for key in state if key.startswith(f"{role}.gate.")]:
            over_positions = "varphi.rows" in key or "varphi.columns" in key if role == "spatial" else "theta_phi_psi.linear" in key
            if over_positions:
                state[key] = to_positions(state[key], *found.basis.matrices(grid, torch.float64))
            if role == "channel" and options.get("embedding") == "none" and key.endswith(("varphi.rows.weight", "varphi.columns.weight")):
                state[key] = state[key] * math.prod(GRID) / math.prod(grid)
    exact.load_state_dict(state)
    return exact


def parts(module: nn.Module) -> dict[str, Any]:
    return {name: child for name, child in module.named_modules() if isinstance(child, SpectralSpatialAttention | SpectralChannelAttention)}


def outputs_and_gradients(module: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    out = module(leaf)
    (out * torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    assert leaf.grad is not None
    return out.detach(), leaf.grad


def test_weights_are_assigned_to_a_module_on_the_meta_device() -> None:
    trained = rga.create_attention("rga-sc", CHANNELS, GRID, fit="spectral").eval()
    with torch.device("meta"):
        module = rga.create_attention("rga-sc", CHANNELS, GRID, fit="spectral").eval()
    weights = {key: value for key, value in trained.state_dict().items() if not key.endswith("size")}
    module.load_state_dict(weights, assign=True, strict=False)
    for x in (torch.rand(2, CHANNELS, *GRID), torch.rand(2, CHANNELS, 9, 5)):
        with pytest.raises(InputError, match=r"6x4 grid was built on the meta device.*assign=True.*to_empty"):
            module(x)
    module.load_state_dict(trained.state_dict(), assign=True)
    assert not any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()])
    for x in (torch.rand(2, CHANNELS, *GRID), torch.rand(2, CHANNELS, 9, 5)):
        torch.testing.assert_close(module(x), trained(x), rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("grid", "options"),
    [*((grid, {}) for grid in (GRID, (12, 4), (3, 2), (1, 1))), *(((9, 8), options) for options in OPTIONS)],
    ids=str,
)
def test_on_any_grid_it_is_the_papers_module_with_its_weights_sampled_there(
    grid: tuple[int, int], options: dict[str, Any], training: bool
) -> None:
    module = spectral(**options).train(training)
    exact = exact_of(module, grid, **options)
    x = torch.randn(3, CHANNELS, *grid, dtype=torch.float64)
    for ours, theirs in zip(outputs_and_gradients(module, x), outputs_and_gradients(exact, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        torch.testing.assert_close(module(x), exact(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "options"), [*(("rga-sc", options) for options in OPTIONS), *((name, {}) for name in ARRANGEMENTS)], ids=str
)
def test_with_all_frequencies_it_is_the_papers_module_both_ways(name: str, options: dict[str, Any]) -> None:
    exact = seen(rga.create_attention(name, CHANNELS, GRID, **options).double(), GRID)
    module = copy.deepcopy(exact)
    shares = rga.make_spectral(module, GRID)
    assert set(shares.values()) == {1.0}
    x = torch.randn(3, CHANNELS, *GRID, dtype=torch.float64)
    for training in (True, False):
        for ours, theirs in zip(
            outputs_and_gradients(module.train(training), x), outputs_and_gradients(exact.train(training), x), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    for part, other in zip(parts(module).values(), relation_parts(exact), strict=True):
        for mine, its in zip(part.over_positions(), other.over_positions(), strict=True):
            assert its.weight.grad is not None
            turned = project_map(its.weight.grad.unflatten(-1, GRID)[None], part.basis.down, part.basis.across)[0]
            torch.testing.assert_close(mine.weight.grad, turned, rtol=1e-9, atol=1e-9)
    rga.make_exact(module)
    assert [type(part) for part in module.modules()] == [type(part) for part in exact.modules()]
    assert {part.fit for part in relation_parts(module)} == {"exact"}
    for key, value in exact.state_dict().items():
        torch.testing.assert_close(module.state_dict()[key], value, rtol=1e-10, atol=1e-10)


def relation_parts(module: nn.Module) -> list[Any]:
    return [child for child in module.modules() if isinstance(child, SpatialRelationAttention | ChannelRelationAttention)]


@settings(deadline=None, max_examples=30)
@given(cells=st.integers(1, 40), others=st.integers(1, 40), frequencies=st.integers(1, 40))
def test_the_basis_by_a_loop(cells: int, others: int, frequencies: int) -> None:
    frequencies = min(frequencies, cells)
    found = cosines(cells, frequencies, others, torch.device("cpu"))
    for k in range(frequencies):
        for i in range(others):
            value = math.sqrt((2 if k else 1) / cells) * math.cos(math.pi * k * (i + 0.5) / others) * cells / others
            assert found[k, i] == pytest.approx(value if k < others else 0, abs=1e-12)
    own = cosines(cells, frequencies, cells, torch.device("cpu"))
    torch.testing.assert_close(own @ own.T, torch.eye(frequencies, dtype=torch.float64))


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 9), width=st.integers(1, 9), down=st.integers(1, 5), across=st.integers(1, 5), turned=st.booleans())
def test_two_products_are_that_of_one_matrix(height: int, width: int, down: int, across: int, turned: bool) -> None:
    basis = CosineBasis((9, 9), (down, across)).double()
    rows, columns = basis.matrices((height, width), torch.float64)
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    expected = x.flatten(2) @ torch.kron(rows, columns).T
    torch.testing.assert_close(project_map(x, rows, columns), expected)
    nodes = x.flatten(2).mT
    torch.testing.assert_close(project_nodes(nodes if turned else nodes.contiguous(), rows, columns), expected.mT)
    amplitudes = torch.randn(5, down * across, dtype=torch.float64)
    torch.testing.assert_close(to_positions(amplitudes, rows, columns), amplitudes @ torch.kron(rows, columns))


def test_frequencies_above_the_cells_of_an_axis_have_no_part() -> None:
    module = spectral("rga-sc", (6, 4), (6, 4)).eval()
    changed = copy.deepcopy(module)
    with torch.no_grad():
        for part in parts(changed).values():
            for linear in part.over_positions():
                amplitudes = linear.weight.unflatten(-1, (6, 4))
                amplitudes[:, 3:] += 1
                amplitudes[:, :, 2:] += 1
    x = torch.randn(2, CHANNELS, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(changed(x), module(x), rtol=0, atol=0)
    assert not torch.allclose(changed(F.pad(x, (0, 0, 0, 1))), module(F.pad(x, (0, 0, 0, 1))))


def band_limited(grid: tuple[int, int], amplitudes: Tensor) -> Tensor:
    """Maps of low frequencies, sampled at the centres of a grid's cells: (B, C, r_h, r_w) -> (B, C, H, W)."""
    waves = [
        torch.cos(math.pi * torch.arange(count)[:, None].double() * (torch.arange(cells).double() + 0.5) / cells)
        for count, cells in zip(amplitudes.shape[2:], grid, strict=True)
    ]
    return torch.einsum("bcuv,uh,vw->bchw", amplitudes, *waves)


@pytest.mark.parametrize("options", [{}, {"embedding": "none"}, {"embedding": "symmetric"}], ids=str)
@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
def test_a_map_of_low_frequencies_has_the_same_logits_on_a_grid_three_times_as_fine(name: str, options: dict[str, Any]) -> None:
    """At the common centres, and by theta and phi in their linear range: a ReLU's kinks have all frequencies."""
    coarse, fine = (8, 6), (24, 18)
    module = spectral(name, coarse, (4, 3), **options)
    for part in parts(module).values():
        if part.gate.theta_phi_psi is not None:
            nn.init.constant_(part.gate.theta_phi_psi.norm.bias, 50.0)
        nn.init.constant_(part.gate.w1.norm.bias, 5.0)  # else it may pass nothing
        nn.init.constant_(part.gate.varphi.norm.bias, 5.0)
    for _ in range(60):  # the statistics of the other BNs under those shifts
        module(band_limited(coarse, torch.randn(4, CHANNELS, 4, 3, dtype=torch.float64)))
    module.eval()
    logits: list[Tensor] = []
    for part in parts(module).values():
        part.gate.w2.register_forward_hook(lambda _module, _args, output: logits.append(output.squeeze(-1)))
    amplitudes = torch.randn(2, CHANNELS, 4, 3, dtype=torch.float64)
    for grid in (coarse, fine):
        module(band_limited(grid, amplitudes))
    if name == "rga-s":
        logits[1] = logits[1].unflatten(1, fine)[:, 1::3, 1::3].flatten(1)
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-6, atol=1e-6)
    assert logits[0].std() > 0.01


def test_fewer_frequencies_are_a_projection_and_say_what_they_keep() -> None:
    exact = rga.create_attention("rga-sc", CHANNELS, GRID).double()
    module = copy.deepcopy(exact)
    shares = rga.make_spectral(module, (3, 2))
    assert set(shares) == {"spatial", "channel"}
    for name, part, other in zip(shares, parts(module).values(), relation_parts(exact), strict=True):
        kept, whole = 0.0, 0.0
        for ours, theirs in zip(part.over_positions(), other.over_positions(), strict=True):
            basis = torch.kron(part.basis.down, part.basis.across)
            torch.testing.assert_close(ours.weight, theirs.weight @ basis.T)
            kept, whole = kept + ours.weight.square().sum().item(), whole + theirs.weight.square().sum().item()
        assert 0 < shares[name] < 1
        assert shares[name] == pytest.approx(kept / whole, abs=1e-6)


def test_conversion_refuses_what_it_cannot_read_and_changes_nothing() -> None:
    with pytest.raises(InputError, match="no relation-aware attention"):
        rga.make_spectral(nn.Conv2d(3, 3, 1))
    with pytest.raises(InputError, match="no spectral attention"):
        rga.make_exact(rga.create_attention("rga-s", CHANNELS, GRID))
    module = rga.create_attention("rga-sc", CHANNELS, GRID)
    prune.l1_unstructured(module.get_submodule("channel.gate.theta_phi_psi.linear"), "weight", 0.5)
    before = [type(part) for part in module.modules()]
    with pytest.raises(InputError, match=r"prune\.remove"):
        rga.make_spectral(module)
    assert [type(part) for part in module.modules()] == before


def test_attention_over_time_has_no_spectral_form() -> None:
    module = rga.create_attention("rga-sc", CHANNELS, GRID, frames=3)
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(InputError, match="over 3 frames has no spectral form"):
        rga.make_spectral(module)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_fresh_amplitudes_are_of_the_size_of_projected_weights() -> None:
    module = rga.create_attention("rga-sc", 64, (32, 16), fit="spectral", frequencies=(8, 4))
    exact = rga.create_attention("rga-sc", 64, (32, 16))
    for part, other in zip(parts(module).values(), relation_parts(exact), strict=True):
        for ours, theirs in zip(part.over_positions(), other.over_positions(), strict=True):
            assert float(ours.weight.std() / theirs.weight.std()) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("grid", "expected"), [((64, 32), (16, 8)), ((32, 64), (8, 16)), ((6, 4), (6, 4)), ((64, 1), (16, 1)), ((1, 1), (1, 1))]
)
def test_default_frequencies(grid: tuple[int, int], expected: tuple[int, int]) -> None:
    assert default_frequencies(grid) == expected
    module = rga.create_attention("rga-s", CHANNELS, grid, fit="spectral")
    assert parts(module)["spatial"].basis.frequencies == expected


def test_widths_stop_growing_with_the_grid() -> None:
    def widths(grid: tuple[int, int]) -> list[int]:
        return [
            len(linear.weight)
            for linear in rga.create_attention("rga-sc", CHANNELS, grid, fit="spectral").modules()
            if isinstance(linear, nn.Linear)
        ]

    assert widths((128, 64)) == widths((64, 32)) != widths((32, 16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fit": "spectral", "frequencies": (0, 3)}, "two positive integers"),
        ({"fit": "spectral", "frequencies": 4}, "two positive integers"),
        ({"fit": "spectral", "dense": True}, "dense=True"),
        ({"frequencies": (4, 3)}, "belong to fit='spectral'"),
        ({"fit": "fourier"}, "unknown fit 'fourier'"),
    ],
)
def test_mistakes_are_answered(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rga.create_attention("rga-sc", CHANNELS, GRID, **options)
    with pytest.raises(InputError, match="unknown fit 'spectral': choose one of 'exact', 'pool'"):
        rga.create_attention("fc-s", CHANNELS, GRID, fit="spectral")


def test_weights_bring_along_the_grid_of_their_training() -> None:
    trained, other = spectral("rga-sc", (12, 8)), spectral("rga-sc", (12, 8))
    moved = rga.create_attention("rga-sc", CHANNELS, (24, 6), fit="spectral", frequencies=(4, 3), width_grid=(12, 8)).double()
    stream = io.BytesIO()
    torch.save(trained.state_dict(), stream)
    stream.seek(0)
    state = torch.load(stream, weights_only=True)
    for module in (moved, other):
        module.load_state_dict(state)
        for grid in ((12, 8), (24, 6), (5, 5)):
            x = torch.randn(2, CHANNELS, *grid, dtype=torch.float64)
            torch.testing.assert_close(module.eval()(x), trained.eval()(x), rtol=0, atol=0)
    with pytest.raises(RuntimeError, match=r"4x3 frequencies.*build it with frequencies=\(4, 3\)"):
        rga.create_attention("rga-sc", CHANNELS, (12, 8), fit="spectral", frequencies=(3, 4)).load_state_dict(state)


def test_conversions_compute_the_basis_anew() -> None:
    expected = cosines(6, 4, 6, torch.device("cpu"))
    basis = CosineBasis((6, 4), (4, 3))
    torch.testing.assert_close(basis.float().double().down, expected, rtol=0, atol=0)
    assert basis.half().down.dtype == torch.float32
    empty = CosineBasis((6, 4), (4, 3)).to("meta").to_empty(device="cpu").double()
    torch.testing.assert_close(empty.down, expected, rtol=0, atol=0)
    again = pickle.loads(pickle.dumps(copy.deepcopy(basis)))
    torch.testing.assert_close(again.double().down, expected, rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("grid", [(3, 2), (4, 3)], ids=str)
def test_gradcheck(grid: tuple[int, int], training: bool) -> None:
    module = rga.create_attention("rga-sc", 8, (3, 2), fit="spectral", frequencies=(2, 2)).double().train(training)
    x = torch.randn(3, 8, *grid, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,), atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("grid", [GRID, (9, 5)], ids=str)
def test_children_that_are_watched_or_replaced_are_called(grid: tuple[int, int]) -> None:
    module = spectral().eval()
    x = torch.randn(2, CHANNELS, *grid, dtype=torch.float64)
    expected = module(x)
    watched, replaced = copy.deepcopy(module), copy.deepcopy(module)
    calls: list[str] = []
    for name, child in watched.named_modules():
        if isinstance(child, nn.Linear):
            child.register_forward_hook(lambda *_, name=name: calls.append(name))
    torch.testing.assert_close(watched(x), expected, rtol=1e-9, atol=1e-9)
    assert len(calls) == len(set(calls)) == 10
    varphi: Any = replaced.get_submodule("spatial.gate.varphi")
    varphi.rows = nn.Sequential(varphi.rows)
    torch.testing.assert_close(replaced(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["rga-sc", *(pytest.param(name, marks=pytest.mark.slow) for name in ARRANGEMENTS if name != "rga-sc")])
def test_graphs_are_the_module_on_other_grids_too(name: str) -> None:
    module = rga.create_attention(name, CHANNELS, GRID, fit="spectral", frequencies=(4, 3)).eval()
    x, other = torch.randn(2, CHANNELS, *GRID), torch.randn(3, CHANNELS, 9, 7)
    traced = torch.fx.symbolic_trace(copy.deepcopy(module))
    sizes = {
        0: torch.export.Dim("batch", min=2, max=64),
        2: torch.export.Dim("height", min=2, max=64),
        3: torch.export.Dim("width", min=2, max=64),
    }
    exported = torch.export.export(module, (x,), dynamic_shapes=(sizes,)).module()
    for image in (x, other):
        torch.testing.assert_close(traced(image), module(image))
        torch.testing.assert_close(exported(image), module(image), rtol=1e-4, atol=1e-5)
    jitted = torch.jit.trace(module, x)  # of one grid
    torch.testing.assert_close(jitted(x.flip(0)), module(x.flip(0)))


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_compiles_in_one_graph(training: bool) -> None:
    module = rga.create_attention("rga-sc", CHANNELS, GRID, fit="spectral", frequencies=(4, 3)).train(training)
    compiled = torch.compile(copy.deepcopy(module), backend="aot_eager", fullgraph=True)
    for grid in (GRID, (9, 5)):
        x = torch.randn(2, CHANNELS, *grid)
        for ours, theirs in zip(outputs_and_gradients(compiled, x), outputs_and_gradients(module, x), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    torch.compiler.reset()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_gates_are_computed_in_float32(dtype: torch.dtype) -> None:
    module = spectral().float().eval()
    x = (30 * torch.randn(2, CHANNELS, 9, 5)).to(dtype)
    expected = module(x.float()).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(module(x), expected, rtol=2e-2, atol=1e-2)
    torch.testing.assert_close(module.to(dtype)(x), expected, rtol=2e-2, atol=1e-2)


def test_relations_are_recorded_on_the_grid_of_the_map() -> None:
    module = spectral().eval()
    x = torch.randn(2, CHANNELS, 9, 8, dtype=torch.float64)
    exact = exact_of(module, (9, 8))
    with rga.record(module, positions=[(0.5, 1.0)], channels=[3]) as recording:
        module(x)
    with rga.record(exact, positions=[(0.5, 1.0)], channels=[3]) as expected:
        exact(x)
    for name in ("spatial", "channel"):
        assert recording[name].nodes == expected[name].nodes
        torch.testing.assert_close(recording[name].gate, expected[name].gate)
        torch.testing.assert_close(recording[name].rows, expected[name].rows)
        torch.testing.assert_close(recording[name].columns, expected[name].columns)


def test_a_network_takes_images_of_any_size_and_is_not_moved() -> None:
    model = rga.attach(
        timm.create_model("resnet10t", num_classes=5), "rga-sc", image_size=(64, 32), fit="spectral", frequencies=(8, 4)
    ).eval()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    expected = model(torch.ones(1, 3, 96, 64))
    rga.resample(model, image_size=(96, 64))
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key])
    torch.testing.assert_close(model(torch.ones(1, 3, 96, 64)), expected)
    assert rga.cost(model, (1, 3, 96, 64)).macs > rga.cost(model, (1, 3, 64, 32)).macs
    assert rga.cost(model, (1, 3, 96, 64)).parameters == rga.cost(model, (1, 3, 64, 32)).parameters
    with pytest.raises(InputError, match="takes maps as they are"):
        rga.attach(timm.create_model("resnet10t"), "rga-sc", image_size=(64, 32), fit="spectral", largest_grid=(4, 4))


def test_weights_of_the_reference_come_in_spectral_form() -> None:
    exact = seen(rga.create_attention("rga-sc", CHANNELS, (8, 4)).double(), (8, 4)).eval()
    theirs, _ = rga.to_reference(exact.state_dict())
    state, unplaced = rga.from_reference(theirs, fit="spectral", image_size=(256, 128))
    assert unplaced == []
    module = rga.create_attention("rga-sc", CHANNELS, (8, 4), fit="spectral").double().eval()
    module.load_state_dict(state)
    x = torch.randn(2, CHANNELS, 8, 4, dtype=torch.float64)
    torch.testing.assert_close(module(x), exact(x), rtol=1e-10, atol=1e-10)
    with pytest.raises(InputError, match="32 positions are no grid of the shape of 256x256"):
        rga.from_reference(theirs, fit="spectral", image_size=(256, 256))
    with pytest.raises(InputError, match="unknown fit 'pool'"):
        rga.from_reference(theirs, fit="pool")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="make_exact"):
        rga.to_reference(module.state_dict())
