"""The fields of a recipe that choose the backbone, the weights that it starts from, and its attention."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from rga.attachment import BLOCKS, attached
from rga.attention.relation import EmbeddingKind
from rga.backbones.catalog import check_name
from rga.backbones.classifier import classifier_names
from rga.backbones.options import BackboneOption, check_options
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

RGA_OPTIONS = ("reduction", "hidden_reduction", "embedding", "relation", "original")
"""Fields that shape RGA and have no meaning for another attention."""


@dataclass(frozen=True, kw_only=True)
class BackboneRecipe:
    """A backbone with attention; a task's recipe has these fields among its own."""

    backbone: str = "resnet50.tv_in1k"
    """Name of a CNN in timm; behind the dot the tag of its weights. The paper's are torchvision's first ones, not timm's choice."""
    backbone_options: dict[str, BackboneOption] = dataclasses.field(default_factory=dict)
    """Options of timm's create_model for the backbone, names and values in turn: act_layer silu drop_rate 0.1 stem_type deep."""
    weights: str = "pretrained"
    """Weights that the backbone starts from: pretrained (timm's, of this name), none, or a file (.safetensors, or .pth of tensors only)."""
    backbone_lr_scale: float = 1.0
    """Multiply the learning rate of the backbone's own weights by this; below 1 where they are pretrained."""
    mean: tuple[float, float, float] | None = None
    """Mean of the pixels (0 to 1) by channel, subtracted; None for what the backbone's pretrained weights expect."""
    std: tuple[float, float, float] | None = None
    """Standard deviation of the pixels by channel, divided by; None for what the backbone's pretrained weights expect."""

    attention: str = "rga-sc"
    """Name of the attention after the stages; none for the plain backbone."""
    after: tuple[str, ...] = ()
    """Stages to attend to; all by default."""
    inside_blocks: bool = False
    """Attend inside of every block, before the shortcut is added (where SE and CBAM sit as published), instead of after stages."""
    reduction: int = 8
    """RGA: the paper's s1."""
    hidden_reduction: int = 8
    """RGA: the paper's s2."""
    embedding: EmbeddingKind = "asymmetric"
    """RGA: how nodes are embedded."""
    relation: bool = True
    """RGA: use the relation vectors; --no-relation is the paper's "w/o Rel."."""
    original: bool = True
    """RGA: use the nodes' own features; --no-original is the paper's "w/o Ori."."""
    initial_gate: float | None = None
    """Where RGA's gates start; None starts them near .5 as the paper's code does. Other attentions start as they always do."""

    def __post_init__(self) -> None:
        """Checks what can be checked without building the backbone."""
        check_name(self.backbone)
        object.__setattr__(self, "backbone_options", check_options(self.backbone_options))  # tuples, which JSON gives back as lists
        Preprocessing(1, 1, self.mean or IMAGENET_MEAN, self.std or IMAGENET_STD)  # which checks their numbers
        for name in ("reduction", "hidden_reduction"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.inside_blocks and self.after:
            raise ValueError("inside_blocks attends inside of every block: leave after out, or name the blocks' modules in it")
        if not self.attention.startswith("rga"):
            defaults = {field.name: field.default for field in dataclasses.fields(self)}
            changed = [name for name in RGA_OPTIONS if getattr(self, name) != defaults[name]]
            if changed:
                raise ValueError(
                    f"{', '.join(changed)}: RGA's alone, while attention is {self.attention!r}; choose rga-sc, or leave them out"
                )

    def attention_options(self) -> dict[str, Any]:
        """The options of the attention: RGA's, none for the others."""
        if not self.attention.startswith("rga"):
            return {}
        return {name: getattr(self, name) for name in (*RGA_OPTIONS, "initial_gate")}

    def attention_after(self) -> Sequence[str] | None:
        """What ``rga.attach`` takes as ``after``."""
        return BLOCKS if self.inside_blocks else list(self.after) or None


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
