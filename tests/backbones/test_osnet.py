"""OSNet: published sizes, its equations by a plain implementation, names of public weights, and the features of torchreid's network."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rga
from rga.attachment.costs import cost
from rga.attachment.stages import find_blocks, find_stages
from rga.backbones.catalog import OWN, create_backbone
from rga.backbones.osnet.blocks import OSBlock, OSBlockINin
from rga.backbones.osnet.network import OSNet
from rga.backbones.osnet.public_names import from_public_names
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.errors import InputError

NAMES = [name for name in OWN if name.startswith("osnet_")]
PUBLIC = Path(os.environ.get("RGA_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "weights" / "osnet_x0_25_msmt17.onnx"


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [  # of torchreid's model zoo, in millions, at 256x128
        ("osnet_x1_0", 2.2, 978.9),
        ("osnet_ibn_x1_0", 2.2, 978.9),
        ("osnet_ain_x0_25", 0.2, 82.3),
        pytest.param("osnet_x0_75", 1.3, 571.8, marks=pytest.mark.slow),
        pytest.param("osnet_x0_5", 0.6, 272.9, marks=pytest.mark.slow),
        pytest.param("osnet_x0_25", 0.2, 82.3, marks=pytest.mark.slow),
        pytest.param("osnet_ain_x1_0", 2.2, 978.9, marks=pytest.mark.slow),
        pytest.param("osnet_ain_x0_75", 1.3, 571.8, marks=pytest.mark.slow),
        pytest.param("osnet_ain_x0_5", 0.6, 272.9, marks=pytest.mark.slow),
    ],
)
def test_sizes_are_the_published_ones(name: str, parameters: float, macs: float) -> None:
    with torch.device("meta"):
        spent = cost(create_backbone(name), (1, 3, 256, 128))
    assert spent.parameters / 1e6 == pytest.approx(parameters, abs=0.05)
    assert spent.macs / 1e6 == pytest.approx(macs, abs=0.05)
    assert len(NAMES) == 9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x0_5"])
def test_stages_blocks_and_features(name: str) -> None:
    with torch.device("meta"):
        network = create_backbone(name)
        stages = find_stages(network, (256, 128))
        assert [(stage.name, stage.grid) for stage in stages] == [("conv2", (32, 16)), ("conv3", (16, 8)), ("conv4", (16, 8))]
        assert len(find_blocks(network, (256, 128))) == 6
        assert network(torch.rand(2, 3, 256, 128)).shape == (2, 512)
        assert create_backbone(name, num_classes=7)(torch.rand(2, 3, 256, 128)).shape == (2, 7)


def settled(network: nn.Module) -> nn.Module:
    """A network whose normalisations are far from the identity."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.1)
            if module.running_mean is not None:
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    return network.eval()


def normalised(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    """By the running statistics where there are some, else each image by itself."""
    weight, bias = (state[f"{name}.{key}"][:, None, None] for key in ("weight", "bias"))
    if f"{name}.running_mean" in state:
        mean, variance = (state[f"{name}.{key}"][:, None, None] for key in ("running_mean", "running_var"))
    else:
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


def plain_block(x: Tensor, state: dict[str, Tensor], instance_norm: str) -> Tensor:
    """Section 3 of the paper, by names of weights."""

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def light(x: Tensor, name: str) -> Tensor:
        kernel = state[f"{name}.conv2.weight"]
        return normalised(F.conv2d(conv(x, f"{name}.conv1"), kernel, padding=1, groups=len(kernel)), state, f"{name}.bn").relu()

    squeezed = normalised(conv(x, "conv1.conv"), state, "conv1.bn").relu()
    added = torch.zeros_like(squeezed)
    for depth, letter in enumerate("abcd", start=1):
        inner = squeezed
        for layer in range(depth):
            inner = light(inner, f"conv2{letter}" if depth == 1 else f"conv2{letter}.{layer}")
        gate = conv(conv(inner.mean((2, 3), keepdim=True), "gate.fc1").relu(), "gate.fc2").sigmoid()
        added = added + gate * inner
    branch = conv(added, "conv3.conv")
    branch = normalised(branch, state, "IN" if instance_norm == "inside" else "conv3.bn")
    shortcut = normalised(conv(x, "downsample.conv"), state, "downsample.bn") if "downsample.conv.weight" in state else x
    total = branch + shortcut
    return (normalised(total, state, "IN") if instance_norm == "after" else total).relu()


@pytest.mark.parametrize("channels_in", [32, 64])
@pytest.mark.parametrize("instance_norm", ["none", "after", "inside"])
def test_a_block_is_the_papers(channels_in: int, instance_norm: str) -> None:
    made = OSBlockINin(channels_in, 64) if instance_norm == "inside" else OSBlock(channels_in, 64, instance_norm=instance_norm == "after")
    block = settled(made).double()
    x = torch.randn(2, channels_in, 6, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(block(x), plain_block(x, block.state_dict(), instance_norm))


def test_where_instance_normalisations_are() -> None:
    def places(name: str) -> set[str]:
        return {key for key, module in create_backbone(name).named_modules() if isinstance(module, nn.InstanceNorm2d)}

    assert places("osnet_x0_5") == set()
    assert places("osnet_ibn_x1_0") == {"conv1.bn", "conv2.0.IN", "conv2.1.IN"}
    assert places("osnet_ain_x0_25") == {
        "conv1.bn",
        "conv2.0.IN",
        "conv2.1.IN",
        "conv3.1.IN",
        "conv4.0.IN",
    }  # what arXiv 1910.06827's search found


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(InputError, match=r"an OSNet has a width of 1\.0, 0\.75, 0\.5, 0\.25, got 2"):
        OSNet(2)
    with pytest.raises(InputError, match="num_classes and feature_dim must be at least 0, got 0 and -1"):
        OSNet(1.0, num_classes=0, feature_dim=-1)
    with pytest.raises(InputError, match="there are no pretrained weights of 'osnet_x0_25': choose --weights none, --weights FILE"):
        load_backbone_weights(create_backbone("osnet_x0_25"), "osnet_x0_25", "pretrained")


def test_without_a_layer_behind_the_pooling() -> None:
    network = create_backbone("osnet_x0_25", feature_dim=0)
    assert network(torch.rand(2, 3, 64, 32)).shape == (2, 128)
    assert not any(name.startswith("fc.") for name in network.state_dict())


def of_torchreid(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our weights under torchreid's names, which differ for OSNet-AIN alone; with the classifier of a training."""
    renamed = {key if "_ain_" not in name else of_ain(key): value for key, value in state.items()}
    return {**renamed, "classifier.weight": torch.zeros(1041, 512), "classifier.bias": torch.zeros(1041)}


def of_ain(key: str) -> str:
    """One name in torchreid's OSNet-AIN."""
    first, second, *rest = key.split(".")
    if first in ("conv2", "conv3") and second == "2":
        return ".".join([f"pool{first[-1]}", *rest])
    if rest and rest[0] in ("conv2a", "conv2b", "conv2c", "conv2d"):
        stream = "abcd".index(rest[0][-1])
        layer = ["0", *rest[1:]] if stream == 0 else rest[1:]
        return ".".join([first, second, "conv2", str(stream), "layers", *layer])
    return key


@pytest.mark.parametrize("name", ["osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x0_25"])
def test_checkpoints_of_torchreid(name: str, tmp_path: Path) -> None:
    """What ``torchreid.utils.save_checkpoint`` writes; the rank is a numpy scalar."""
    donor = settled(create_backbone(name))
    state = {f"module.{key}": value for key, value in of_torchreid(name, donor.state_dict()).items()}
    if "_ain_" in name:
        assert {"module.conv2.0.conv2.3.layers.2.conv2.weight", "module.pool3.0.conv.weight"} <= state.keys()
    optimizer = torch.optim.Adam(donor.parameters()).state_dict()
    kept: dict[str, Any] = {
        "state_dict": state,
        "epoch": 60,
        "rank1": np.float64(0.94),
        "optimizer": optimizer,
        "scheduler": {"last_epoch": 60},
    }
    torch.save(kept, tmp_path / "model.pth.tar-60")
    network = create_backbone(name).eval()
    said = load_backbone_weights(network, name, str(tmp_path / "model.pth.tar-60"))
    assert said.endswith("under 'state_dict', names after 'module.'; left out: classifier")
    images = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images), donor(images))


def test_checkpoints_of_fast_reid(tmp_path: Path) -> None:
    """What its checkpointer writes: the network under ``model``, with a head of its own and the mean of the pixels."""
    donor = settled(create_backbone("osnet_x0_25", feature_dim=0))
    state = {f"backbone.{key}": value for key, value in donor.state_dict().items()}
    state |= {"pixel_mean": torch.zeros(1, 3, 1, 1), "heads.pool_layer.p": torch.tensor([3.0]), "heads.weight": torch.zeros(9, 128)}
    state |= {f"heads.bottleneck.0.{key}": torch.ones(128) for key in ("weight", "bias", "running_mean", "running_var")}
    torch.save({"model": state, "optimizer": {}, "scheduler": {"last_epoch": 3}, "iteration": 99}, tmp_path / "model_final.pth")
    network = create_backbone("osnet_x0_25", feature_dim=0).eval()
    said = load_backbone_weights(network, "osnet_x0_25", str(tmp_path / "model_final.pth"))
    assert said.endswith("under 'model', names after 'backbone.'; left out: pixel_mean, heads")
    images = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images), donor(images))
    with pytest.raises(InputError, match=r"[67] of \d+ are missing.*as fast-reid's: choose --backbone-options feature_dim 0"):
        load_backbone_weights(create_backbone("osnet_x0_25"), "osnet_x0_25", str(tmp_path / "model_final.pth"))


def test_names_that_are_ours_stay() -> None:
    for name in NAMES:
        state = create_backbone(name).state_dict()
        assert list(from_public_names(state)) == list(state)


def test_attention_in_and_out(tmp_path: Path) -> None:
    """Attached after the stages, with the names of the network's own weights as they were, and taken out again."""
    network = create_backbone("osnet_x0_25").eval()
    own = list(network.state_dict())
    images = torch.rand(2, 3, 64, 32)
    plain = network(images)
    rga.attach(network, "rga-sc", image_size=(64, 32))
    assert list(rga.attached(network)) == ["conv2", "conv3", "conv4"]
    assert [key for key in network.state_dict() if "attention." not in key] == own
    assert not torch.allclose(network(images), plain)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "a.pth")
    other = rga.attach(create_backbone("osnet_x0_25"), "rga-sc", image_size=(64, 32)).eval()
    said = load_backbone_weights(other, "osnet_x0_25", str(tmp_path / "a.pth"), "rga-sc")
    assert "tensors of its attention" in said
    torch.testing.assert_close(other(images), network(images))
    torch.testing.assert_close(rga.detach(network)(images), plain)


def test_features_are_those_of_torchreids_network() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    if not PUBLIC.is_file():
        pytest.skip("the public weights are not here")
    network = create_backbone("osnet_x0_25").eval()
    assert "osnet_x0_25_msmt17.onnx" in load_backbone_weights(network, "osnet_x0_25", str(PUBLIC))
    images = torch.rand(4, 3, 256, 128, generator=torch.Generator().manual_seed(0)) * 4 - 2
    session = onnxruntime.InferenceSession(str(PUBLIC))
    theirs = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    with torch.no_grad():
        ours = network(images)
    assert (F.normalize(ours) - F.normalize(theirs)).abs().max() < 1e-5
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
