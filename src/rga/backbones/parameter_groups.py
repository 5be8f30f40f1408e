"""A model's weights in groups for an optimizer: the backbone's own, its attention's where they learn differently, and all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from rga.attachment import attached
from rga.backbones.classifier import classifier_names


def parameter_groups(
    model: nn.Module,
    backbone: nn.Module,
    backbone_lr_scale: float,
    *,
    attention_lr_scale: float = 1.0,
    attention_weight_decay: float | None = None,
) -> list[dict[str, Any]]:
    """The weights of a model that learn, in groups for an optimiser, each with its ``scale`` of the learning rate.

    Args:
        model: the whole network.
        backbone: the part of it that started from trained weights; its attention and its classifier learn with the others.
        backbone_lr_scale: the backbone's learning rate as a share of the others'.
        attention_lr_scale: the learning rate of the attached attention as a multiple of the others'.
        attention_weight_decay: the weight decay of the attached attention; None for that of the optimiser.

    Returns:
        The backbone's own weights; all others; and those of the attention, which are a group of their own only where there are some and
        they learn differently from the others. So the optimiser's state fits that of checkpoints of two groups otherwise.
    """
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    own = {id(parameter) for parameter in own_parameters(backbone)}
    differs = attention_lr_scale != 1 or attention_weight_decay is not None
    apart = {id(parameter) for parameter in attention_parameters(backbone)} if differs else set()
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in learning if id(parameter) in own], "scale": backbone_lr_scale},
        {"params": [parameter for parameter in learning if id(parameter) not in own | apart], "scale": 1.0},
    ]
    attention = [parameter for parameter in learning if id(parameter) in apart]
    if attention:
        decay = {} if attention_weight_decay is None else {"weight_decay": attention_weight_decay}
        groups.append({"params": attention, "scale": attention_lr_scale, **decay})
    return groups


def attention_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of the attention attached to a backbone."""
    return (parameter for attention in attached(backbone).values() for parameter in attention.parameters())


def own_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """A backbone's parameters without those of the attention attached to it and of its classifier."""
    classifier = classifier_names(backbone)
    of_attention = {id(parameter) for parameter in attention_parameters(backbone)}
    return (p for name, p in backbone.named_parameters() if id(p) not in of_attention and name not in classifier)
