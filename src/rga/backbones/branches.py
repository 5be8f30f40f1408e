"""Branches of a ResNet: all behind the first block of its third stage is there several times, each with weights of its own (MGN).

The network itself is the first branch. The others lie in its child ``branches``, under the names that the network has for its own:
``branches.0.layer3.1.conv1.weight``. They start with its weights.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from timm.models.resnet import ResNet
from torch import Tensor, nn

from rga.errors import InputError

CHILD = "branches"
"""The name of the child that holds the branches."""

NAME = re.compile(rf"^{CHILD}\.\d+\.")
"""How names of weights of branches begin; the rest is the name of the network's own."""


def add_branches(network: nn.Module, others: Sequence[nn.Module]) -> None:
    """Adds branches to a ResNet, in place, each with the weights that the network has.

    Args:
        network: a ResNet of timm, plain or with attention attached, without branches.
        others: as many more such networks, whose last layers are taken; their strides and the grids of their attention may differ.

    Raises:
        InputError: one of them is no ResNet of two stages of blocks at least.
    """
    for each in (network, *others):
        if not isinstance(each, ResNet) or not all(isinstance(getattr(each, name, None), nn.Sequential) for name in ("layer3", "layer4")):
            raise InputError(
                f"branches share the first stages of a ResNet, and the backbone is a {type(each).__name__}: choose head global, or a "
                "ResNet such as resnet50"
            )
    tails = [nn.Sequential(OrderedDict(layer3=behind_the_first_block(other), layer4=stage(other, "layer4"))) for other in others]
    network.add_module(CHILD, nn.ModuleList(tails))
    begin_alike(network)


def stage(network: nn.Module, name: str) -> nn.Sequential:
    """A stage of a ResNet."""
    return cast("nn.Sequential", network.get_submodule(name))


def behind_the_first_block(network: nn.Module) -> nn.Sequential:
    """The third stage of a ResNet without its first block, under the same names."""
    _, *rest = stage(network, "layer3").named_children()
    return nn.Sequential(OrderedDict(rest))


def branch_maps(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The last map of each branch, (B, C, H, W) each, that of the network itself first.

    Args:
        network: with branches.
        images: (B, 3, H, W), normalised.
    """
    shared = images
    for name in ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2"):
        shared = network.get_submodule(name)(shared)
    first, *rest = stage(network, "layer3").children()
    shared = first(shared)
    own = shared
    for block in (*rest, stage(network, "layer4")):
        own = block(own)
    return [own, *(tail(shared) for tail in cast("nn.ModuleList", network.get_submodule(CHILD)))]


def with_branches(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a file, with those of the network itself for branches that the file does not have.

    Args:
        state: the weights under a network's names.
        own: those of a network that may have branches.

    Example:
        >>> list(with_branches({"layer4.0.bn1.weight": torch.ones(2)}, {"branches.0.layer4.0.bn1.weight": torch.zeros(2)}))
        ['layer4.0.bn1.weight', 'branches.0.layer4.0.bn1.weight']
    """
    found = dict(state)
    for name, value in own.items():
        twin = state.get(NAME.sub("", name)) if NAME.match(name) else None
        if twin is not None and twin.shape == value.shape:
            found.setdefault(name, twin)
    return found


@torch.no_grad()
def begin_alike(network: nn.Module) -> None:
    """Gives the branches of a network, where it has some, the weights and statistics that it has itself.

    Attention for another grid keeps what it has.
    """
    own = network.state_dict()
    of_itself = {name: value for name, value in own.items() if not NAME.match(name)}
    for name, value in with_branches(of_itself, own).items():
        own[name].copy_(value)
