"""The trunks by name: our own for small pictures, and every CNN of timm."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any

import timm
from torch import nn

from rga.trunks.cifar_densenet import CifarDenseNet
from rga.trunks.cifar_resnet import CifarResNet
from rga.trunks.cifar_resnext import CifarResNext

OWN: dict[str, Callable[..., nn.Module]] = {
    **{f"cifar-resnet{depth}": partial(CifarResNet, depth) for depth in (20, 32, 44, 56, 110, 1202)},
    **{f"cifar-densenet{depth}-k{growth}": partial(CifarDenseNet, depth, growth) for depth, growth in ((100, 12), (250, 24), (190, 40))},
    **{f"cifar-resnext29-{groups}x{width}d": partial(CifarResNext, 29, groups, width) for groups, width in ((8, 64), (16, 64), (32, 4))},
}
"""Trunks that timm does not have."""


class TrunkOptionError(ValueError):
    """An option that a network does not have."""


def create_trunk(name: str, *, num_classes: int = 0, **options: Any) -> nn.Module:
    """A network without trained weights.

    Args:
        name: one of ``OWN``, or of a CNN in timm.
        num_classes: of its classifier; 0 for none.
        **options: of the network.

    Raises:
        ValueError: there is no such network.
        TrunkOptionError: it does not take these options.

    Example:
        >>> import torch
        >>> create_trunk("cifar-resnet20")(torch.rand(1, 3, 32, 32)).shape
        torch.Size([1, 64])
    """
    if name not in OWN and not timm.is_model(name.split(".", maxsplit=1)[0]):
        alike = get_close_matches(name, [*OWN, *timm.list_models()], n=4, cutoff=0.5)
        raise ValueError(f"unknown trunk {name!r}: choose one of timm.list_models() or {', '.join(OWN)}; near to it are {', '.join(alike)}")
    create = OWN[name] if name in OWN else partial(timm.create_model, name)
    try:
        return create(num_classes=num_classes, **options)
    except TypeError as error:
        raise TrunkOptionError(f"trunk {name!r} does not take the options {options}: {error}") from error
