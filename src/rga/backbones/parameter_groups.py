"""A model's weights in groups for an optimizer: the backbone's own, its attention's where they learn differently, and all others."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from torch import nn

from rga.backbones.depth import layers_to_the_end
from rga.backbones.own_parameters import attention_parameters, own_parameters


def parameter_groups(
    model: nn.Module,
    backbone: nn.Module,
    backbone_lr_scale: float,
    *,
    attention_lr_scale: float = 1.0,
    attention_weight_decay: float | None = None,
    layer_lr_decay: float = 1.0,
    decay_norms: bool = True,
) -> list[dict[str, Any]]:
    """The weights of a model that learn, in groups for an optimiser, each with its ``scale`` of the learning rate.

    Args:
        model: the whole network.
        backbone: the part of it that started from trained weights; its attention and its classifier learn with the others.
        backbone_lr_scale: the backbone's learning rate as a share of the others'.
        attention_lr_scale: the learning rate of the attached attention as a multiple of the others'.
        attention_weight_decay: the weight decay of the attached attention; None for that of the optimiser.
        layer_lr_decay: the learning rate of each layer of the backbone as a multiple of the next one's; the last layer's is already less
            than ``backbone_lr_scale`` says.
        decay_norms: False leaves weight decay out for norms and biases, and for what the backbone itself excepts (position embeddings).

    Returns:
        The backbone's own weights; all others; and those of the attention, which are a group of their own only where there are some and
        they learn differently from the others. So the optimiser's state fits that of checkpoints of two groups otherwise. With the last
        two arguments each of these is divided further.

    Raises:
        InputError: the layers of the backbone are not known, and their learning rates are to differ.
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
    depths = layers_to_the_end(backbone) if layer_lr_decay != 1 else {}
    spared = set() if decay_norms else set(map(id, norms_and_biases(model, backbone)))
    if not (depths or spared):
        return groups
    return [part for group in groups for part in divided(group, layer_lr_decay, depths, spared)]


def divided(group: dict[str, Any], layer_lr_decay: float, depths: Mapping[int, int], spared: Container[int]) -> list[dict[str, Any]]:
    """A group of parameters in parts of one learning rate and one weight decay each, in the order of their first parameters.

    Args:
        group: its parameters, scale and perhaps weight decay.
        layer_lr_decay: what the scale is multiplied by for each layer to the end.
        depths: id of a parameter -> layers to the end of the backbone, for those that are in it.
        spared: ids of the parameters without weight decay.
    """
    parts: dict[tuple[int, bool], dict[str, Any]] = {}
    for parameter in group["params"]:
        depth, alone = depths.get(id(parameter), 0), id(parameter) in spared
        decay = {"weight_decay": 0.0} if alone else {}
        part = {**group, "params": [], "scale": group["scale"] * layer_lr_decay**depth, **decay}
        parts.setdefault((depth, alone), part)["params"].append(parameter)
    return list(parts.values())


def norms_and_biases(model: nn.Module, backbone: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of a model that timm spares from weight decay: of one dimension, biases, and those that the backbone names."""
    excepted: Container[str] = getattr(backbone, "no_weight_decay", frozenset)()
    named = {id(parameter) for name, parameter in backbone.named_parameters() if name in excepted}
    for name, parameter in model.named_parameters():
        if parameter.ndim <= 1 or name.endswith(".bias") or id(parameter) in named:
            yield parameter
