"""Our attention against tensors that the reference implementation computed in float64."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rga

GOLDEN = Path(__file__).parents[1] / "golden"
MODULES = sorted(GOLDEN.glob("module_*.npz"))
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def section(golden: Mapping[str, np.ndarray], name: str) -> dict[str, Tensor]:
    prefix = name + "/"
    return {key.removeprefix(prefix): torch.from_numpy(golden[key]) for key in golden if key.startswith(prefix)}


def load(path: Path, dtype: torch.dtype, dense: bool) -> tuple[Mapping[str, np.ndarray], nn.Module, Tensor]:
    golden = dict(np.load(path))
    x = torch.from_numpy(golden["x"]).to(dtype)
    height, width = x.shape[2:]
    module = rga.create_attention("rga-" + path.stem.split("_")[1], x.shape[1], (height, width), dense=dense).to(dtype)
    state, unplaced = rga.from_reference(section(golden, "state"))
    assert not unplaced
    module.load_state_dict(state)
    return golden, module, x.requires_grad_()


def assert_close(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float) -> None:
    """Differences relative to the largest number of the group: single gradients are small differences of large sums."""
    assert set(ours) == set(theirs)
    scale = max(1.0, *(value.double().abs().max().item() for value in theirs.values()))
    for key, value in theirs.items():
        assert (ours[key].double() - value.double()).abs().max().item() <= tolerance * scale, key


@pytest.mark.parametrize("dense", [False, True], ids=["factorised", "dense"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_agrees_with_the_reference(path: Path, dtype: torch.dtype, dense: bool) -> None:
    golden, module, x = load(path, dtype, dense)
    tolerance = TOLERANCE[dtype]

    evaluated = module.eval()(x)
    trained = module.train()(x)
    (trained * torch.from_numpy(golden["coef"]).to(dtype)).sum().backward()
    assert x.grad is not None
    outputs = {"eval_out": evaluated.detach(), "train_out": trained.detach(), "grad_x": x.grad}
    assert_close(outputs, {key: torch.from_numpy(golden[key]) for key in outputs}, tolerance)

    gradients = {key: parameter.grad for key, parameter in module.named_parameters() if parameter.grad is not None}
    assert_close(rga.to_reference(gradients)[0], section(golden, "grad"), tolerance)
    assert_close(rga.to_reference(dict(module.named_buffers()))[0], section(golden, "after"), tolerance)


def test_there_are_goldens_of_every_role() -> None:
    assert {path.stem.split("_")[1] for path in MODULES} == {"s", "c", "sc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_inference_without_gradients_agrees_too(path: Path) -> None:
    golden, module, x = load(path, torch.float64, dense=False)
    with torch.inference_mode():
        out = module.eval()(x)
    np.testing.assert_allclose(out.numpy(), golden["eval_out"], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(x.detach().numpy(), golden["x"])  # nothing was overwritten
