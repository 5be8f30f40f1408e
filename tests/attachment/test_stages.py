"""Stages of networks of every family, found on the meta device."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

import rga
from rga.attachment.probe import NoStagesError
from rga.attachment.stages import find_stages, named_stages

SIZE = (256, 128)
FOUR_GRIDS = [(64, 32), (32, 16), (16, 8), (8, 4)]

TIMM = [
    "resnet18", "resnet50", "resnext50_32x4d", "seresnet50", "res2net50_26w_4s", "resnetv2_50", "resnest14d", "skresnet18",
    "regnetx_002", "ecaresnet26t", "senet154", "regnety_002", "densenet121", "vgg11_bn", "efficientnet_b0",
    "efficientnet_lite0", "tf_efficientnetv2_b0", "mobilenetv2_100", "mobilenetv3_small_100", "mobilenetv4_conv_small",
    "mnasnet_100", "hardcorenas_a", "lcnet_050", "ghostnet_100", "rexnet_100", "convnext_atto", "convnextv2_atto",
    "hrnet_w18_small", "cspresnet50", "cspdarknet53", "dla34", "dpn68", "repvgg_a0", "repvit_m0_9", "gernet_s", "nfnet_l0",
    "vovnet39a", "hgnetv2_b0", "fasternet_t0", "fastvit_t8", "starnet_s1", "inception_next_atto", "poolformer_s12",
    "edgenext_xx_small", "xception41", "tresnet_m", "focalnet_tiny_srf", "efficientvit_b0", "mobilevit_xxs",
]  # fmt: skip
TORCHVISION = [
    "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "regnet_x_400mf", "regnet_y_400mf", "densenet121",
    "vgg11_bn", "efficientnet_b0", "efficientnet_v2_s", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "convnext_tiny",
    "shufflenet_v2_x0_5", "googlenet",
]  # fmt: skip


def some_daily(names: list[str]) -> list[Any]:
    """Names as parameters of a test, of which every eighth is tried every day."""
    return [name if number % 8 == 0 else pytest.param(name, marks=pytest.mark.slow) for number, name in enumerate(names)]


def without_weights(build: Callable[[], nn.Module]) -> nn.Module:
    """A network on the meta device: its structure is all that is needed, and filling in its weights is what takes the time."""
    with torch.device("meta"):
        return build()


@pytest.mark.parametrize("name", some_daily(TIMM))
def test_timm_networks(name: str) -> None:
    model = without_weights(lambda: timm.create_model(name))
    check(model, find_stages(model, SIZE))


@pytest.mark.parametrize("name", some_daily(TORCHVISION))
def test_torchvision_networks(name: str) -> None:
    extra = {"init_weights": False} if name == "googlenet" else {}

    def build() -> nn.Module:
        model: nn.Module = torchvision.models.get_model(name, weights=None, **extra)
        return model

    model = build() if name.startswith("regnet") else without_weights(build)  # RegNet reckons its widths with tensors: they need values
    check(model, find_stages(model, SIZE))


def check(model: nn.Module, stages: list[rga.attachment.stages.Stage]) -> None:
    """Four stages, from a quarter to a 32nd, whose channels and grids are what the network really returns there."""
    assert [stage.grid for stage in stages] == FOUR_GRIDS
    seen = {}
    for stage in stages:
        model.get_submodule(stage.name).register_forward_hook(lambda _m, _a, out, name=stage.name: seen.update({name: tuple(out.shape)}))
    model.to("meta").eval()(torch.empty(1, 3, *SIZE, device="meta"))
    assert seen == {stage.name: (1, stage.channels, *stage.grid) for stage in stages}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("inception_v3", [(60, 28), (29, 13), (14, 6), (6, 2)]), ("inception_v4", [(62, 30), (29, 13), (14, 6), (6, 2)])],
)
def test_unpadded_networks_have_odd_grids(name: str, expected: list[tuple[int, int]]) -> None:
    assert [stage.grid for stage in find_stages(without_weights(lambda: timm.create_model(name)), SIZE)] == expected


@pytest.mark.parametrize("build", [lambda: timm.create_model("resnet50"), torchvision.models.resnet50], ids=["timm", "torchvision"])
def test_two_stages_may_share_a_resolution(build: Callable[[], nn.Module]) -> None:
    model = without_weights(build)
    block = model.get_submodule("layer4.0")
    for name in ("conv2", "downsample.0"):
        convolution = block.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        convolution.stride = (1, 1)
    stages = find_stages(model, SIZE)
    assert [(stage.name, stage.grid) for stage in stages][2:] == [("layer3", (16, 8)), ("layer4", (16, 8))]


def test_a_network_of_your_own() -> None:
    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU())

    model = nn.Sequential(block(1, 8), block(8, 16), block(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5))
    assert [(stage.name, stage.channels, stage.grid) for stage in find_stages(model, (64, 32))] == [("1", 16, (16, 8)), ("2", 32, (8, 4))]


def saying(layout: str) -> nn.Module:
    """A network that says how its features lie."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 4), nn.Conv2d(8, 8, 3, 2))
    model.output_fmt = layout  # type: ignore[assignment]
    return model


@pytest.mark.parametrize(
    ("build", "size", "reason"),
    [
        (lambda: timm.create_model("hiera_tiny_224"), (224, 224), r"stages \(blocks\.0, .*\) return tokens that are no map row by row"),
        (lambda: timm.create_model("vit_tiny_patch16_224"), SIZE, r"could not be run at 256x128.*doesn't match model"),
        (lambda: saying("NCL"), SIZE, "features have the layout NCL"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 256 * 128, 2)), SIZE, "return no maps that shrink"),
    ],
    ids=["tokens", "fixed size", "other layout", "no maps"],
)
def test_what_cannot_be_served_says_why(build: Callable[[], nn.Module], size: tuple[int, int], reason: str) -> None:
    with pytest.raises(NoStagesError, match=reason):
        find_stages(without_weights(build), size)


def test_probing_leaves_the_model_as_it_was() -> None:
    model = timm.create_model("resnet18").train()
    model.get_submodule("layer1").eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    find_stages(model, SIZE)
    assert model.training
    assert not model.get_submodule("layer1").training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_named_stages() -> None:
    model = without_weights(lambda: timm.create_model("resnet18"))
    assert [(stage.channels, stage.grid) for stage in named_stages(model, SIZE, ["layer3.0.conv1", "conv1"])] == [
        (256, (16, 8)),
        (64, (128, 64)),
    ]
    with pytest.raises(ValueError, match=r"unknown stage 'layer5'.*its stages are layer1, layer2, layer3, layer4"):
        named_stages(model, SIZE, ["layer5"])
    with pytest.raises(ValueError, match=r"'fc' returns no map"):
        named_stages(model, SIZE, ["fc"])
