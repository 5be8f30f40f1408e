"""Other input sizes: refusing, pooling, moving weights."""

import copy
import io
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import rga
from rga.attention.grid import move_input_weights, move_output_weights, resize

NAMES = ["rga-s", "rga-c", "rga-sc", "rga-cs", "rga-parallel", "fc-s", "fc-parallel"]
sides = st.integers(1, 9)
grids = st.tuples(sides, sides)


@pytest.mark.parametrize("name", NAMES)
def test_another_grid_is_refused_with_both_sizes_and_both_ways_out(name: str) -> None:
    module = rga.create_attention(name, 8, (8, 4))
    with pytest.raises(rga.GridMismatchError, match=r'built for a 8x4 grid.*got a map on a 12x6 grid.*fit="pool".*rga\.resample'):
        module(torch.rand(2, 8, 12, 6))


@pytest.mark.parametrize("name", NAMES)
def test_pooling_takes_any_size_and_changes_nothing_on_its_own_grid(name: str) -> None:
    exact = rga.create_attention(name, 8, (8, 4)).eval()
    pooled = rga.create_attention(name, 8, (8, 4), fit="pool").eval()
    pooled.load_state_dict(exact.state_dict())
    x = torch.randn(2, 8, 8, 4)
    torch.testing.assert_close(pooled(x), exact(x), rtol=0, atol=0)
    for grid in ((16, 8), (5, 3), (1, 1), (24, 7)):
        assert pooled(torch.randn(2, 8, *grid)).shape == (2, 8, *grid)


def smooth_map(grid: tuple[int, int], channels: int = 8) -> Tensor:
    """The same smooth images, sampled on any grid."""
    down = (torch.arange(grid[0], dtype=torch.float64) + 0.5) / grid[0]
    across = (torch.arange(grid[1], dtype=torch.float64) + 0.5) / grid[1]
    phases = torch.arange(3 * channels, dtype=torch.float64).view(3, channels, 1, 1)
    return torch.sin(2 * down[:, None] + phases) * torch.cos(3 * across + 0.7 * phases) + 1.2


def gates(module: torch.nn.Module, x: Tensor) -> Tensor:
    out: Tensor = module(x)
    return out / x


@pytest.mark.parametrize("way", ["pool", "resample"])
@pytest.mark.parametrize("options", [{}, {"embedding": "symmetric"}, {"embedding": "none"}], ids=str)
@pytest.mark.parametrize("name", ["rga-s", "rga-c"])
def test_a_smooth_map_gets_nearby_gates_on_another_grid(name: str, options: dict[str, object], way: str) -> None:
    grid, other = (16, 8), (24, 12)
    module = rga.create_attention(name, 8, grid, fit="pool", **options).double()
    for _ in range(20):
        module(smooth_map(grid) + 0.1 * torch.randn(3, 8, *grid, dtype=torch.float64))  # settle the running statistics
    module.eval()
    expected = resize(gates(module, smooth_map(grid)), other)
    moved = rga.resample(copy.deepcopy(module), grid=other) if way == "resample" else module
    found = gates(moved, smooth_map(other))
    assert (found - expected).abs().max() < 0.05
    assert (found - expected).abs().mean() < 0.1 * expected.std()  # far closer than the gates are to one another


@pytest.mark.parametrize("name", NAMES)
def test_resample_to_the_same_grid_is_the_identity(name: str) -> None:
    module = rga.create_attention(name, 8, (8, 4))
    before = copy.deepcopy(module.state_dict())
    assert rga.resample(module, grid=(8, 4)) is module
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_resampled_modules_serve_their_new_grid_and_can_be_built_again(name: str) -> None:
    module = rga.create_attention(name, 8, (8, 4))
    next(module.parameters()).requires_grad_(False)
    rga.resample(module, grid=(10, 6))
    assert module(torch.rand(2, 8, 10, 6)).shape == (2, 8, 10, 6)
    with pytest.raises(rga.GridMismatchError, match="10x6"):
        module(torch.rand(2, 8, 8, 4))
    assert not next(module.parameters()).requires_grad
    if name.startswith("rga"):
        built = rga.create_attention(name, 8, (10, 6), width_grid=(8, 4))
        built.load_state_dict(module.state_dict())
        x = torch.rand(2, 8, 10, 6)
        torch.testing.assert_close(built.eval()(x), module.eval()(x))


@settings(max_examples=60)
@given(old=grids, new=grids)
def test_moved_input_weights_answer_as_the_old_ones_to_the_resized_map(old: tuple[int, int], new: tuple[int, int]) -> None:
    weight = torch.randn(3, math.prod(old), dtype=torch.float64)
    x = torch.randn(1, 1, *new, dtype=torch.float64)
    moved = move_input_weights(weight, old, new)
    torch.testing.assert_close(moved @ x.flatten(), weight @ resize(x, old).flatten(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(moved.sum(-1), weight.sum(-1), rtol=1e-6, atol=1e-6)  # the magnitude of the response stays


@settings(max_examples=60)
@given(old=grids, new=grids)
def test_moved_output_weights_produce_the_resized_map(old: tuple[int, int], new: tuple[int, int]) -> None:
    weight = torch.randn(math.prod(old), 5, dtype=torch.float64)
    x = torch.randn(5, dtype=torch.float64)
    produced = (weight @ x).view(1, 1, *old)
    torch.testing.assert_close(move_output_weights(weight, old, new) @ x, resize(produced, new).flatten(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("grid", [(8,), (0, 4), (8, -1), (8.0, 4.0), 8])
def test_what_is_no_grid_is_named(grid: object) -> None:
    with pytest.raises(ValueError, match="a grid is"):
        rga.create_attention("rga-sc", 8, grid)  # type: ignore[arg-type]


def test_a_2048x1024_image_goes_through_in_little_memory() -> None:
    """Stride 8: 32,768 positions, whose affinity alone would take 4 GiB."""
    module = rga.create_attention("rga-sc", 256, (32, 16), fit="pool").eval()
    x = torch.randn(1, 256, 128, 256)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiled, torch.inference_mode():
        module(x)
    held = peak = 0
    events = profiled.profiler.kineto_results.events()
    for event in sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    assert 0 < peak + x.nbytes < 2 * 2**30


@pytest.mark.parametrize("fit", ["exact", "pool"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_of_a_turned_grid_are_refused(name: str, fit: str) -> None:
    down, across = rga.create_attention(name, 8, (8, 4), fit=fit), rga.create_attention(name, 8, (4, 8), fit=fit)
    model = torch.nn.Sequential(across)
    stream = io.BytesIO()
    torch.save(torch.nn.Sequential(down).state_dict(), stream)
    stream.seek(0)
    state = torch.load(stream, weights_only=True)
    before = copy.deepcopy(model.state_dict())
    assert {key: value.shape for key, value in before.items()} == {key: value.shape for key, value in state.items()}
    for strict in (True, False):
        with pytest.raises(RuntimeError, match=r"was built for a 4x8 grid, the weights for another, 8x4\. .*rga\.resample"):
            model.load_state_dict(state, strict=strict)
    model.load_state_dict(before)
    model.load_state_dict(dict(state))  # as they were saved before, without the grid
    rga.resample(down, grid=(4, 8))
    across.load_state_dict(down.state_dict())


def test_spectral_weights_bring_along_their_grid() -> None:
    down, across = (rga.create_attention("rga-sc", 8, grid, fit="spectral", frequencies=(2, 2)).eval() for grid in ((8, 4), (4, 8)))
    across.load_state_dict(down.state_dict())
    x = torch.randn(2, 8, 8, 4)
    torch.testing.assert_close(across(x), down(x), rtol=0, atol=0)
