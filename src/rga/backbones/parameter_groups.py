"""A model's weights in groups for an optimizer: the backbone's own, and all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from rga.attachment import attached
from rga.backbones.classifier import classifier_names


def parameter_groups(model: nn.Module, backbone: nn.Module, backbone_lr_scale: float) -> list[dict[str, Any]]:
    """The weights of a model that learn, in two groups for an optimiser: the backbone's own, with their ``scale``, and all others.

    Args:
        model: the whole network.
        backbone: the part of it that started from trained weights; its attention and its classifier learn with the others.
        backbone_lr_scale: the backbone's learning rate as a share of the others'.
    """
    own = {id(parameter) for parameter in own_parameters(backbone)}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in learning if id(parameter) in own], "scale": backbone_lr_scale},
        {"params": [parameter for parameter in learning if id(parameter) not in own], "scale": 1.0},
    ]


def own_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """A backbone's parameters without those of the attention attached to it and of its classifier."""
    classifier = classifier_names(backbone)
    of_attention = {id(p) for attention in attached(backbone).values() for p in attention.parameters()}
    return (p for name, p in backbone.named_parameters() if id(p) not in of_attention and name not in classifier)
