"""Backbones by name, and the ResNets for small images."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import rga
from rga.attachment.stages import find_stages
from rga.backbones.catalog import create_backbone
from rga.backbones.last_stride import keep_last_resolution
from rga.backbones.small.cifar_resnet import CifarBlock, CifarResNet
from rga.backbones.weights.pretrained import load_backbone_weights

PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "weights"


def test_backbones_of_timm_and_our_own() -> None:
    assert create_backbone("test_resnet", num_classes=3)(torch.rand(2, 3, 32, 32)).shape == (2, 3)
    assert create_backbone("cifar-resnet32")(torch.rand(2, 3, 32, 32)).shape == (2, 64)
    with pytest.raises(ValueError, match=r"unknown backbone 'resnet5O'.*near to it are .*resnet50"):
        create_backbone("resnet5O")


@pytest.mark.parametrize(("depth", "million"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_sizes_are_the_papers(depth: int, million: float) -> None:
    """Table 6 of arXiv 1512.03385."""
    model = create_backbone(f"cifar-resnet{depth}", num_classes=10)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(million, rel=0.05)
    assert sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in model.modules()) == depth


def test_the_shortcut_takes_every_second_position_and_adds_channels_of_zeros() -> None:
    block, x = CifarBlock(16, 32, 2).eval(), torch.rand(2, 16, 8, 6)
    with torch.no_grad():
        nn.init.zeros_(block.bn2.weight)
        out = block(x)
    assert torch.equal(out[:, 8:24], F.max_pool2d(x, 1, 2))
    assert torch.equal(out[:, :8], torch.zeros(2, 8, 4, 3))
    assert torch.equal(out[:, 24:], torch.zeros(2, 8, 4, 3))


def test_wrong_depths_are_named() -> None:
    with pytest.raises(ValueError, match=r"6n \+ 2 layers .*, got 18"):
        CifarResNet(18)


def test_attention_after_all_three_stages_and_the_last_stride() -> None:
    backbone = create_backbone("cifar-resnet20")
    assert [(stage.name, stage.channels, stage.grid) for stage in find_stages(backbone, (32, 16))] == [
        ("layer1", 16, (32, 16)),
        ("layer2", 32, (16, 8)),
        ("layer3", 64, (8, 4)),
    ]
    keep_last_resolution(backbone, (32, 16))
    assert find_stages(backbone, (32, 16))[-1].grid == (16, 8)
    assert rga.attach(backbone, "rga-sc", image_size=(32, 16))(torch.rand(2, 3, 32, 16)).shape == (2, 64)


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public weights are not here")
@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_public_weights_have_our_names(depth: int) -> None:
    (file,) = PUBLIC.glob(f"cifar10_resnet{depth}-*.th")
    backbone = create_backbone(f"cifar-resnet{depth}")
    before = backbone.state_dict()["layer3.0.conv1.weight"].clone()
    load_backbone_weights(backbone, f"cifar-resnet{depth}", str(file))
    assert not torch.equal(before, backbone.state_dict()["layer3.0.conv1.weight"])


def test_unknown_options_are_named() -> None:
    for name in ("cifar-resnet20", "resnet10t"):
        with pytest.raises(ValueError, match=f"backbone '{name}' does not take the options {{'foo': 1}}"):
            create_backbone(name, foo=1)


@pytest.mark.slow
def test_the_deepest_public_network_is_known() -> None:
    with torch.device("meta"):
        assert (
            sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in create_backbone("cifar-resnet1202", num_classes=10).modules())
            == 1202
        )
