"""Weights of the reference implementation: there, back, and the whole network."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

import rga

GOLDEN = Path(__file__).parents[1] / "golden"


def parameter_from_its_name(key: str) -> tuple[str, Tensor]:
    """The golden net's parameters are made from their names, see the goldens' README."""
    name, shape_text = key.split("|")
    shape = tuple(int(size) for size in shape_text.split(",")) if shape_text else ()
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    kind = name.split(".")[-1]
    if kind == "num_batches_tracked":
        return name, torch.zeros(shape, dtype=torch.int64)
    if kind == "running_var":
        value = rng.uniform(0.5, 1.5, shape)
    elif kind in ("running_mean", "bias"):
        value = 0.1 * rng.standard_normal(shape)
    elif len(shape) == 1:
        value = rng.uniform(0.5, 1.5, shape)
    else:
        value = rng.standard_normal(shape) * np.prod(shape[1:]) ** -0.5
    return name, torch.from_numpy(value)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "resnet50_rgasc_256x128.npz"))


@pytest.fixture(scope="module")
def checkpoint(golden: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return dict(parameter_from_its_name(str(key)) for key in golden["keys"])


def reid_net(classes: int) -> nn.Module:
    backbone: nn.Module = timm.create_model("resnet50", num_classes=0)
    for name in ("layer4.0.conv2", "layer4.0.downsample.0"):
        convolution = backbone.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        convolution.stride = (1, 1)
    rga.attach(backbone, "rga-sc", image_size=(256, 128))
    return nn.ModuleDict({"backbone": backbone, "neck": nn.BatchNorm1d(2048), "classifier": nn.Linear(2048, classes, bias=False)})


def test_whole_network_agrees_with_the_reference(golden: dict[str, np.ndarray], checkpoint: dict[str, Tensor]) -> None:
    state, unplaced = rga.from_reference(checkpoint)
    assert unplaced == []
    net = reid_net(10).double()
    net.load_state_dict(state, strict=True)
    x = torch.from_numpy(np.random.default_rng(12345).standard_normal((2, 3, 256, 128)))
    for dtype, tolerance in ((torch.float64, 1e-8), (torch.float32, 1e-4)):
        net.to(dtype).eval()
        with torch.inference_mode():
            feature = net.get_submodule("backbone")(x.to(dtype))
            after_neck = net.get_submodule("neck")(feature)
            logits = net.get_submodule("classifier")(after_neck)
        for name, value in (("feat", feature), ("bnfeat", after_neck), ("logits", logits)):
            assert np.abs(value.double().numpy() - golden[name]).max() <= tolerance, (name, dtype)


def test_whole_network_goes_back(checkpoint: dict[str, Tensor]) -> None:
    back, unplaced = rga.to_reference(rga.from_reference(checkpoint)[0])
    assert unplaced == []
    assert back.keys() == checkpoint.keys()
    assert all(torch.equal(back[key], value) for key, value in checkpoint.items())


def test_parameters_are_as_many_as_the_reference_has() -> None:
    assert sum(p.numel() for p in reid_net(751).parameters()) == 31_364_272  # 31.36 M, paper.md's count of the reference code


def test_data_parallel_prefix_and_absent_counters(checkpoint: dict[str, Tensor]) -> None:
    old = {f"module.{key}": value for key, value in checkpoint.items() if not key.endswith("num_batches_tracked")}
    state, unplaced = rga.from_reference(old)
    assert unplaced == []
    expected = rga.from_reference(checkpoint)[0]
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], value) for key, value in expected.items())


def test_every_key_without_a_place_is_named(checkpoint: dict[str, Tensor]) -> None:
    odd = {
        "epoch": torch.tensor(3),
        "backbone.rga_att1.unheard_of.weight": torch.zeros(1),
        "backbone.fc.weight": torch.zeros(1),
        "theta_spatial.0.weight": torch.zeros(2, 4, 1, 1),  # phi and psi are not there
    }
    state, unplaced = rga.from_reference({**checkpoint, **odd})
    assert unplaced == list(odd)
    assert state.keys() == rga.from_reference(checkpoint)[0].keys()


def test_ours_without_a_place_in_the_reference_is_named() -> None:
    symmetric = rga.create_attention("rga-s", 64, (4, 4), embedding="symmetric", reduction=2)
    unplaced = rga.to_reference({**symmetric.state_dict(), "other.weight": torch.zeros(1)})[1]
    assert "other.weight" in unplaced
    assert any("theta_phi_psi" in key for key in unplaced)
