"""Backbones of segmentation: networks of timm that give out the maps of their last two stages at a chosen output stride.

Most families dilate by timm's own option. MobileNetV3 and its kin (LCNet, HardCoRe-NAS, FBNetV3, MobileNetV4) dilate in timm's feature
extractor alone, whose blocks are taken. HRNet needs no dilation, see ``rga.segmentation.network.high_resolution``. All others work at
an output stride of 32. Each network is run once when it is built, and refused if its last map does not have the output stride.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from timm.models.mobilenetv3 import MobileNetV3
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from rga.attachment.probe import evaluating
from rga.backbones.catalog import BackboneOptionError, create_backbone
from rga.backbones.options import check_options
from rga.errors import InputError
from rga.segmentation.cells import Size
from rga.segmentation.network.high_resolution import HighResolutionBackbone

STRIDES = (8, 16, 32)
"""Output strides; HRNet has 4, too."""
DILATED = "ResNet, ResNeXt, RegNet, EfficientNet, MobileNetV2 or V3, ConvNeXt"
"""Families that dilate, for messages."""


def segmentation_backbone(name: str, output_stride: int, options: Mapping[str, Any]) -> nn.Module:
    """A network of timm without what comes after its last stage, whose last map has the output stride.

    Args:
        name: of the network.
        output_stride: one of ``STRIDES``, or 4 for HRNet.
        options: of timm's ``create_model``.

    Raises:
        InputError: the network is unknown or does not take the options, timm cannot dilate it or take its maps out, or the output stride is
            out of range.
    """
    if "output_stride" in options:
        raise InputError(
            f"output_stride is a choice of its own, not an option of the backbone {name!r}: got {options['output_stride']} there"
        )
    if "features_only" in options:
        raise InputError(f"features_only is no option here: the maps of the backbone {name!r} are taken in any case; leave it out")
    options = check_options(options)
    if is_high_resolution(name):
        if output_stride not in (4, *STRIDES):
            raise InputError(f"output_stride is 4, 8, 16 or 32 for HRNet, got {output_stride}")
        return HighResolutionBackbone(name, output_stride, options)
    if output_stride not in STRIDES:
        raise InputError(f"output_stride is 8, 16 or 32, got {output_stride}" + (" (4 is for HRNet alone)" if output_stride == 4 else ""))
    backbone = create_dilated(name, output_stride, options)
    if not hasattr(backbone, "forward_intermediates") or not hasattr(backbone, "prune_intermediate_layers"):
        raise InputError(f"backbone {name!r} does not give out the maps of its stages: choose one of timm that does, such as {DILATED}")
    backbone.prune_intermediate_layers(last_two(backbone), prune_norm=True, prune_head=True)  # type: ignore[operator]
    return backbone


def is_high_resolution(name: str) -> bool:
    """Whether a name is one of timm's HRNets."""
    return name.startswith("hrnet_")


def create_dilated(name: str, output_stride: int, options: Mapping[str, Any]) -> nn.Module:
    """A whole network, its last stages dilated."""
    if output_stride == 32:
        return create_backbone(name, **options)
    with torch.device("meta"):
        plain = create_backbone(name, **options)  # speaks for itself if it is the options that are wrong
        dilated = dilated_by_timm(name, output_stride, options, type(plain))
    undilated = undilated_convolutions(plain, dilated)
    if undilated:
        raise InputError(
            f"backbone {name!r} would not be dilated at an output stride of {output_stride}: timm takes the strides out of it and leaves "
            f"{len(undilated)} convolutions as they are ({', '.join(undilated[:2])}, ...), which would see less of the image than "
            f"those that its weights are trained for. Choose another backbone ({DILATED}, HRNet), or output_stride 32, without dilation"
        )
    return dilated_by_timm(name, output_stride, options, type(plain))


def dilated_by_timm(name: str, output_stride: int, options: Mapping[str, Any], family: type[nn.Module]) -> nn.Module:
    """A whole network with the dilation that timm has for its family.

    Raises:
        InputError: there is none.
    """
    if issubclass(family, MobileNetV3):
        network = create_backbone(name, **options)
        features = create_backbone(name, maps={"features_only": True}, output_stride=output_stride, **options)
        network.blocks = cast("nn.Sequential", features.blocks)  # of the same names, dilated
        return network
    try:
        return create_backbone(name, output_stride=output_stride, **options)
    except (BackboneOptionError, NotImplementedError, AssertionError) as error:
        raise InputError(
            f"backbone {name!r} cannot be dilated to an output stride of {output_stride}: {family.__name__} has no dilation in timm. "
            f"Choose another backbone: {DILATED}, HRNet; or output_stride 32, which needs no dilation"
        ) from error


def undilated_convolutions(plain: nn.Module, dilated: nn.Module) -> list[str]:
    """The convolutions of a dilated network that should be dilated, for the resolution that they see, and are not.

    Args:
        plain: the network without dilation, on the meta device.
        dilated: the same network, dilated, on the meta device.
    """
    before, after = (convolved_widths(network) for network in (plain, dilated))
    wrong = []
    for name in before.keys() & after.keys():
        (width, layer), (wide, other) = before[name], after[name]
        if layer.kernel_size[1] > 1 and other.dilation[1] * width != layer.dilation[1] * wide:
            wrong.append(name)
    return sorted(wrong)


def convolved_widths(network: nn.Module) -> dict[str, tuple[int, nn.Conv2d]]:
    """Each convolution of a network on the meta device, by its name, with the width of the map that it gets from an image of 256x256.

    Raises:
        InputError: the network does not take such images.
    """
    found: dict[str, tuple[int, nn.Conv2d]] = {}

    def watch(name: str, layer: nn.Conv2d) -> RemovableHandle:
        def note(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[name] = (inputs[0].shape[-1], layer)

        return layer.register_forward_pre_hook(note)

    handles = [watch(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    try:
        with evaluating(network), torch.no_grad():
            network(torch.empty(1, 3, 256, 256, device="meta"))
    except Exception as error:  # a network may fail in any way: pass its own words on
        raise InputError(
            f"{type(network).__name__} cannot be dilated: it could not be run on an image of 256x256 at the resolution of its output "
            f"stride ({error or repr(error)}). Choose another backbone: {DILATED}, HRNet"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return found


def last_two(backbone: nn.Module) -> list[int]:
    """The indices of a backbone's last two maps, as timm counts them."""
    info = getattr(backbone, "feature_info", [])
    count = len(getattr(info, "info", info))
    return [count - 2, count - 1]


def probed_strides(backbone: nn.Module, name: str, size: Size, output_stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Runs a backbone once and looks at its last two maps.

    Args:
        backbone: attended to or not.
        name: of the backbone, for messages.
        size: of the image that it is run on, a multiple of its strides.
        output_stride: that the last map should have.

    Returns:
        The strides of both maps, and their channels.

    Raises:
        InputError: the backbone cannot be run, or its maps do not have one position for each cell of a stride, or the last map has another
            stride than the output stride.
    """
    try:
        with evaluating(backbone), torch.inference_mode():
            maps = last_maps(backbone, torch.zeros(1, 3, *size))
    except Exception as error:  # a network may fail in any way: pass its own words on
        raise InputError(f"backbone {name!r} cannot be run on images of {size[0]}x{size[1]}: {error or repr(error)}") from error
    before, last = (stride_of(each, name, size) for each in maps)
    if last != output_stride:
        raise InputError(
            f"backbone {name!r} has its last map at stride {last}, not at the output stride of {output_stride}: choose another backbone, "
            f"such as {DILATED}, HRNet"
        )
    return (before, last), (maps[0].shape[1], maps[1].shape[1])


def stride_of(found: Tensor, name: str, size: Size) -> int:
    """The stride of a map of an image of a size.

    Raises:
        InputError: it has none.
    """
    height, width = found.shape[-2:]
    if found.dim() != 4 or size[0] * width != size[1] * height or size[0] % height:
        raise InputError(
            f"backbone {name!r} has a map of the shape {tuple(found.shape)} for images of {size[0]}x{size[1]}: expected one position for "
            "each cell of a stride, which convolutions without padding (Inception's) do not give. Choose another backbone, such as "
            f"{DILATED}, HRNet"
        )
    return size[0] // height


def last_maps(backbone: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Normalised images (B, 3, H, W) -> the maps of the last two stages."""
    if isinstance(backbone, HighResolutionBackbone):
        found = backbone(images)
        return found, found  # the second head looks at the same map, as in OCRNet (Yuan et al., ECCV 2020)
    before, last = backbone.forward_intermediates(images, indices=last_two(backbone), intermediates_only=True)  # type: ignore[operator]
    return before, last
