"""Backbones: each family works at the output strides that it can, dilated as its weights want it, or is refused with its reason."""

from collections.abc import Sequence
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from rga.segmentation.datasets.classes import numbered, spread_colours
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.backbone import last_maps, segmentation_backbone

CLASSES = numbered(("road", "sky", "car"), spread_colours(3)).to_dict()

DILATING = (
    "resnet10t", "resnext50_32x4d", "res2net50_26w_4s", "tf_efficientnet_lite0", "mobilenetv2_050", "mobilenetv3_small_050",
    "mobilenetv4_conv_small", "lcnet_050", "convnext_atto", "regnety_002",
)  # fmt: skip
UNDILATED = ("densenet121", "vgg11_bn", "dla46_c", "ghostnet_100")


def distinct(network: nn.Module) -> nn.Module:
    """A network in evaluation mode whose normalisations are not the identity, so that no layer can stand in for another."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)  # the last of a block starts at 0
    return network.eval()


def last(network: nn.Module, images: Tensor) -> Tensor:
    """The last map."""
    with torch.no_grad():
        return last_maps(network, images)[1]


def one_quick(names: Sequence[str]) -> list[Any]:
    """Names as parameters of a test; all but the first are slow."""
    return [names[0], *(pytest.param(name, marks=pytest.mark.slow) for name in names[1:])]


@pytest.mark.parametrize("name", one_quick(["mobilenetv3_small_050", "resnet18", "mobilenetv2_050", "regnetx_002"]))
@pytest.mark.parametrize("output_stride", [8, 16])
def test_dilation_computes_what_the_weights_are_trained_for_at_more_positions(name: str, output_stride: int) -> None:
    torch.manual_seed(0)
    plain = distinct(segmentation_backbone(name, 32, {}))
    dilated = segmentation_backbone(name, output_stride, {}).eval()
    dilated.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 96, 128)
    step = 32 // output_stride
    expected, found = last(plain, images), last(dilated, images)[..., ::step, ::step]
    assert (found - expected).norm() < 0.05 * expected.norm()  # squeeze-and-excitation averages over other positions


@pytest.mark.parametrize("name", one_quick(DILATING))
def test_families_that_dilate_train_all_their_weights(name: str) -> None:
    model = SegmentationModel(name, classes=CLASSES, image_size=(64, 96), output_stride=16, attention="se")
    assert model.strides == (16, 16)
    scores, auxiliary = model(torch.randn(2, 3, 57, 90))
    assert scores.shape == auxiliary.shape == (2, 3, 4, 6)
    (scores.sum() + auxiliary.sum()).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    channels = model.backbone.feature_info[-1]["num_chs"]  # type: ignore[index]
    assert last_maps(model.backbone, torch.zeros(2, 3, 64, 96))[1].shape == (2, channels, 4, 6)


@pytest.mark.parametrize("name", one_quick(UNDILATED))
def test_families_that_do_not_dilate_say_so_and_work_at_32(name: str) -> None:
    with pytest.raises(ValueError, match=f"backbone '{name}' cannot be dilated to an output stride of 8: .* has no dilation in timm"):
        SegmentationModel(name, classes=CLASSES, image_size=(64, 96))
    model = SegmentationModel(name, classes=CLASSES, image_size=(64, 96), output_stride=32, attention="se")
    assert model.strides == (16, 32)
    scores, auxiliary = model(torch.randn(2, 3, 57, 90))
    (scores.sum() + auxiliary.sum()).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(("name", "output_stride"), [pytest.param("mobileone_s0", 8, marks=pytest.mark.slow), ("gernet_s", 16)])
def test_strides_that_are_taken_out_without_dilation_are_refused(name: str, output_stride: int) -> None:
    with pytest.raises(ValueError, match=f"backbone '{name}' would not be dilated at an output stride of {output_stride}: timm takes the"):
        segmentation_backbone(name, output_stride, {})


@pytest.mark.parametrize(
    ("name", "output_stride", "options", "message"),
    [
        ("resnet10t", 8, {"depth": 3}, r"backbone 'resnet10t' does not take the options \{'depth': 3\}"),
        ("resnet10t", 8, {"output_stride": 16}, "output_stride is a choice of its own, not an option of the backbone 'resnet10t': got 16"),
        ("resnet10t", 8, {"features_only": True}, "features_only is no option here"),
        ("mobilenetv3_small_050", 8, {"depth": 3}, r"backbone 'mobilenetv3_small_050' does not take the options \{'depth': 3\}"),
        ("resnet10t", 4, {}, r"output_stride is 8, 16 or 32, got 4 \(4 is for HRNet alone\)"),
        ("hrnet_w18_small", 2, {}, "output_stride is 4, 8, 16 or 32 for HRNet, got 2"),
        ("hrnet_w19", 8, {}, "unknown backbone 'hrnet_w19'"),
        ("haloregnetz_b", 16, {}, "ByobNet cannot be dilated: it could not be run on an image of 256x256"),
        ("hrnet_w18_small", 8, {"depth": 3}, r"backbone 'hrnet_w18_small' does not take the options"),
    ],
)
def test_what_is_wrong_is_said(name: str, output_stride: int, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segmentation_backbone(name, output_stride, options)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("inception_v3", (256, 384), "convolutions without padding"),
        (
            "vit_tiny_patch16_224",
            (224, 224),
            "backbone 'vit_tiny_patch16_224' has its last map at stride 16, not at the output stride of 32",
        ),
        ("vit_tiny_patch16_224", (64, 96), "backbone 'vit_tiny_patch16_224' cannot be run on images of 64x96"),
    ],
)
def test_maps_that_are_not_those_of_the_output_stride_are_refused(name: str, size: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegmentationModel(name, classes=CLASSES, image_size=size, output_stride=32, attention="none")


def test_dilated_weights_keep_their_names() -> None:
    for name in ("mobilenetv3_small_050", "hrnet_w18_small", "resnet10t"):
        published = timm.create_model(name).state_dict()
        for key, value in segmentation_backbone(name, 8, {}).state_dict().items():
            assert published[key].shape == value.shape
