"""Attention on networks of every family: under activation checkpointing, as feature extractors, in larger models."""

from collections.abc import Callable
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from torch import Tensor, nn

import rga

SIZE = (64, 64)

CHECKPOINTING = [
    "test_byobnet", "test_convnext", "test_efficientnet", "test_nfnet", "test_resnet", "convnextv2_atto", "cspnext_tiny", "densenet121",
    "dpn68", "ecaresnet26t", "edgenext_xx_small", "efficientvit_b0", "ese_vovnet19b_slim", "fasternet_t0", "fastvit_t8",
    "focalnet_tiny_srf", "gernet_s", "ghostnet_050", "hardcorenas_a", "hgnetv2_b0", "inception_next_atto", "lcnet_050", "lcnetv2_small",
    "lowformer_b0", "mnasnet_050", "mobilenetv2_050", "mobilenetv3_small_050", "mobilenetv4_conv_small_035", "mobilevit_xxs",
    "poolformer_s12", "rdnet_tiny", "regnetx_002", "regnety_002", "repghostnet_050", "repvgg_a0", "repvit_m0_9", "res2net50_14w_8s",
    "resnest14d", "resnetv2_18", "rexnet_100", "seresnet18", "shvit_s1", "skresnet18", "starnet_s050", "tf_efficientnet_lite0",
    "tf_efficientnetv2_b0", "tresnet_m", "visformer_tiny", "xception41",
]  # fmt: skip
"""A network of each of timm's families that are convolutional, and whose stages can be checkpointed."""

QUICK = {
    "test_byobnet", "test_convnext", "test_efficientnet", "test_resnet", "densenet121", "regnetx_002", "mobilenetv3_small_050",
    "hrnet_w18_small", "vgg11_bn", "resnet18", "fcn_resnet50",
}  # fmt: skip
"""Those that are tried whenever tests run; the others are slow."""


def quick_or_slow(names: list[str]) -> list[Any]:
    """Names as parameters of a test."""
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


FIXED = {"inception_next_atto": (224, 224), "visformer_tiny": (224, 224), "fastvit_t8": (128, 128)}
"""Image sizes of those that do not serve ``SIZE``."""


@pytest.mark.slow
@pytest.mark.parametrize("name", quick_or_slow(CHECKPOINTING))
def test_under_checkpointing_all_attention_learns_and_evaluation_is_the_same(name: str) -> None:
    size = FIXED.get(name, SIZE)
    model: Any = timm.create_model(name, num_classes=3, drop_rate=0.0)
    model.set_grad_checkpointing(True)  # before attach, which must not depend on it
    rga.attach(model, "rga-sc", image_size=size)
    x = torch.rand(2, 3, *size)
    model.train()
    model(x).square().sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert rga.attached(model)
    assert [name for name in without if "attention." in name] == []
    model.eval()
    checkpointed = model(x)
    model.set_grad_checkpointing(False)
    torch.testing.assert_close(model(x), checkpointed)
    plain = rga.detach(model)
    plain.train()
    plain.zero_grad()
    plain(x).square().sum().backward()
    assert without == [name for name, p in plain.named_parameters() if p.grad is None]
    assert not torch.allclose(plain.eval()(x), checkpointed)


FEATURES = [
    "test_resnet", "test_convnext", "test_byobnet", "test_efficientnet", "test_nfnet", "densenet121", "vgg11_bn", "hrnet_w18_small",
    "regnetx_002", "dpn68", "mobilenetv3_small_050", "resnetv2_18", "rexnet_100", "selecsls42", "legacy_xception", "visformer_tiny",
    "tresnet_m", "repvit_m0_9", "inception_v4", "cspnext_tiny", "dla34", "efficientformer_l1",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", quick_or_slow(FEATURES))
def test_every_map_that_a_feature_extractor_returns_from_a_quarter_on_is_attended_to(name: str) -> None:
    size = {"visformer_tiny": (224, 224), "efficientformer_l1": (224, 224), "inception_v4": (128, 128)}.get(name, SIZE)
    with torch.device("meta"):
        model = timm.create_model(name, features_only=True)
        x = torch.rand(2, 3, *size)
        rga.attach(model, "rga-s", image_size=size)
    attended: list[Tensor] = []
    for attention in rga.attached(model).values():
        attention.register_forward_hook(lambda _module, _args, output: attended.append(output))
    maps = [each for each in model.to("meta").eval()(x) if size[0] / each.shape[-2] > 3]
    assert len(attended) == len(maps)
    # some heads return a convolution of the stage's map
    assert [tuple(each.shape[-2:]) for each in attended] == [tuple(each.shape[-2:]) for each in maps]


TORCHVISION = ["fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]


@pytest.mark.parametrize("name", quick_or_slow(TORCHVISION))
def test_of_torchvisions_segmentation_models_the_backbone_is_attended_to(name: str) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
        rga.attach(model, "rga-s", image_size=SIZE)
    stages = list(rga.attached(model))
    assert all(stage.startswith("backbone.") for stage in stages)
    if "resnet" in name:
        assert stages == [f"backbone.layer{number}" for number in (1, 2, 3, 4)]


ENCODERS = ["resnet18", "mobilenet_v2", "densenet121", "efficientnet-b0", "vgg11_bn", "tu-test_resnet", "timm-regnetx_002"]


@pytest.mark.slow
@pytest.mark.parametrize("encoder", quick_or_slow(ENCODERS))
@pytest.mark.parametrize(
    "build", [smp.Unet, *(pytest.param(each, marks=pytest.mark.slow) for each in (smp.FPN, smp.DeepLabV3Plus, smp.Linknet))]
)
def test_of_models_with_a_decoder_the_encoder_is_attended_to(build: Callable[..., nn.Module], encoder: str) -> None:
    if build is smp.DeepLabV3Plus and encoder in {"densenet121", "vgg11_bn"}:
        pytest.skip("these encoders cannot be dilated")
    model = build(encoder_name=encoder, encoder_weights=None).eval()
    x = torch.rand(1, 3, *SIZE)
    plain = model(x)
    rga.attach(model, "se", image_size=SIZE)
    assert all(stage.startswith("encoder.") for stage in rga.attached(model))
    assert len(rga.attached(model)) >= 3
    assert not torch.allclose(model(x), plain)
    torch.testing.assert_close(rga.detach(model)(x), plain)


def test_of_an_encoder_and_decoder_of_your_own_what_shrinks_is_attended_to() -> None:
    def step(inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU())

    class Hourglass(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.down3 = step(3, 8, 4), step(8, 16, 2), step(16, 32, 2)
            self.up2, self.up1 = step(32, 16, 1), step(16, 8, 1)
            self.head = nn.Conv2d(8, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            first = self.down1(x)
            second = self.down2(first)
            x = nn.functional.interpolate(self.down3(second), scale_factor=2)
            x = nn.functional.interpolate(self.up2(x) + second, scale_factor=2)
            out: Tensor = self.head(self.up1(x) + first)
            return out

    assert list(rga.attached(rga.attach(Hourglass(), "se", image_size=SIZE))) == ["down1", "down2", "down3"]


def test_maps_whose_channels_come_last_take_no_attention() -> None:
    with torch.device("meta"):
        model = timm.create_model("volo_d1_224")
    with pytest.raises(ValueError, match="VOLO has no stages that return maps"):
        rga.attach(model, "se", image_size=(224, 224))
