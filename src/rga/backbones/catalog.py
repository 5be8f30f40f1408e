"""The backbones by name: our own, for small images and OSNet, and every network of timm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import timm
from timm.models import get_pretrained_cfg, list_pretrained
from torch import nn

from rga.attention.grid import Grid
from rga.backbones.ibn import use_ibn
from rga.backbones.options import BackboneOptionError, check_options, check_types
from rga.backbones.osnet.network import OSNet
from rga.backbones.small.cifar_densenet import CifarDenseNet
from rga.backbones.small.cifar_resnet import CifarResNet
from rga.backbones.small.cifar_resnext import CifarResNext
from rga.errors import InputError

__all__ = ["OWN", "BackboneOptionError", "check_name", "create_backbone"]

WIDTHS = {"1_0": 1.0, "0_75": 0.75, "0_5": 0.5, "0_25": 0.25}
"""What torchreid writes into the names of OSNets -> their widths."""

OWN: dict[str, Callable[..., nn.Module]] = {
    **{f"cifar-resnet{depth}": partial(CifarResNet, depth) for depth in (20, 32, 44, 56, 110, 1202)},
    **{f"cifar-densenet{depth}-k{growth}": partial(CifarDenseNet, depth, growth) for depth, growth in ((100, 12), (250, 24), (190, 40))},
    **{f"cifar-resnext29-{groups}x{width}d": partial(CifarResNext, 29, groups, width) for groups, width in ((8, 64), (16, 64), (32, 4))},
    **{f"osnet_x{name}": partial(OSNet, width) for name, width in WIDTHS.items()},
    "osnet_ibn_x1_0": partial(OSNet, 1.0, "ibn"),
    **{f"osnet_ain_x{name}": partial(OSNet, width, "ain") for name, width in WIDTHS.items()},
}
"""Backbones that timm does not have."""

IBN = ("none", "a")
"""Values of the option ``ibn`` of timm's ResNets."""

REFUSALS = (TypeError, ValueError, KeyError, AttributeError, AssertionError, RuntimeError, NotImplementedError, IndexError)
"""What timm's networks raise for options that they cannot have."""


def create_backbone(
    name: str, /, *, num_classes: int = 0, image_size: Grid | None = None, maps: Mapping[str, Any] | None = None, **options: Any
) -> nn.Module:
    """A network without trained weights.

    Args:
        name: one of ``OWN``, or of a network in timm, with the tag of its weights or without one.
        num_classes: of its classifier; 0 for none.
        image_size: (height, width) of its images, for networks that are built for one size, as transformers are.
        maps: options of timm's extractor of maps, with which ``features_only`` builds one; a task chooses them, never a user.
        **options: of the network: numbers, switches, names, and tuples of these. ``ibn="a"`` puts IBN-a into a ResNet of timm (``ibn.py``).

    Raises:
        InputError: there is no such network, or it has no weights of that tag.
        BackboneOptionError: it does not take these options.

    Example:
        >>> import torch
        >>> create_backbone("cifar-resnet20")(torch.rand(1, 3, 32, 32)).shape
        torch.Size([1, 64])
    """
    check_name(name)
    options = check_options(options)
    ibn = options.pop("ibn", "none") if name not in OWN else "none"
    if ibn not in IBN:
        raise BackboneOptionError(f"the backbone's option ibn is {' or '.join(IBN)}, got {ibn!r}")
    if image_size is not None and name not in OWN and getattr(get_pretrained_cfg(name), "fixed_input_size", False):
        options = {"img_size": tuple(image_size), **options}
    create = OWN[name] if name in OWN else partial(timm.create_model, name, **(maps or {}))
    try:
        backbone = create(num_classes=num_classes, **options)
    except REFUSALS as error:
        if not options:
            raise
        reason = f"there is no {error}" if isinstance(error, KeyError) else error or type(error).__name__
        raise BackboneOptionError(f"backbone {name!r} does not take the options {options}: {reason}") from error
    check_types(type(backbone), options)
    if ibn == "a":
        try:
            use_ibn(backbone)
        except InputError as error:
            raise BackboneOptionError(f"backbone {name!r} does not take the option ibn: {error}") from error
    return backbone


def check_name(name: str) -> None:
    """Raises an InputError if there is no such network, or if timm knows no weights of it by that tag."""
    if name in OWN:
        return
    network = name.split(".", maxsplit=1)[0]
    if not timm.is_model(network):
        alike = get_close_matches(name, [*OWN, *timm.list_models()], n=4, cutoff=0.5)
        near = f"; near to it are {', '.join(alike)}" if alike else ""
        raise InputError(f"unknown backbone {name!r}: choose one of timm.list_models() or {', '.join(OWN)}{near}")
    try:
        get_pretrained_cfg(name)
    except RuntimeError as error:
        known = [tagged for tagged in list_pretrained(f"{network}.*") if tagged.split(".", maxsplit=1)[0] == network]
        raise InputError(
            f"backbone {network!r} has no weights tagged {name[len(network) + 1 :]!r} in timm: choose {describe(known)}"
        ) from error


def describe(tagged: list[str]) -> str:
    """Names of backbones with tags, or what to write where there are none."""
    return f"one of {', '.join(tagged)}" if tagged else "the name without a tag"
