"""The public ImageNet weights of ResNets with IBN-a, of the authors of IBN-Net (github.com/XingangPan/IBN-Net, MIT)."""

from __future__ import annotations

from timm.models import PretrainedCfg
from torch import nn

from rga.backbones.ibn import InstanceBatchNorm2d

RELEASE = "https://github.com/XingangPan/IBN-Net/releases/download/v1.0"

FILES = {
    "resnet18": "resnet18_ibn_a-2f571257.pth",
    "resnet34": "resnet34_ibn_a-94bc1577.pth",
    "resnet50": "resnet50_ibn_a-d9d0bb7b.pth",
    "resnet101": "resnet101_ibn_a-59ea0ac6.pth",
}
"""A ResNet of timm -> the file of its weights with IBN-a, whose name ends in the start of its SHA-256."""


def has_ibn(network: nn.Module) -> bool:
    """Whether a network has IBN-a."""
    return any(isinstance(module, InstanceBatchNorm2d) for module in network.modules())


def ibn_config(name: str) -> PretrainedCfg | None:
    """Where the weights of a ResNet with IBN-a are, as timm says it of its own; None if there are none.

    Args:
        name: of the network in timm, with a tag or without one; the tag is of the plain network's weights, and of no meaning here.
    """
    file = FILES.get(name.split(".", maxsplit=1)[0])
    return None if file is None else PretrainedCfg(url=f"{RELEASE}/{file}", architecture=name.split(".", maxsplit=1)[0])
