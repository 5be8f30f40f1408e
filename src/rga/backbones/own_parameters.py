"""Whose the parameters of a network are: its backbone's own, the attention's on it, its classifier's."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from rga.attachment import attached
from rga.backbones.classifier import classifier_names


def attention_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of the attention attached to a backbone."""
    return (parameter for attention in attached(backbone).values() for parameter in attention.parameters())


def own_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """A backbone's parameters without those of the attention attached to it and of its classifier."""
    classifier = classifier_names(backbone)
    of_attention = {id(parameter) for parameter in attention_parameters(backbone)}
    return (p for name, p in backbone.named_parameters() if id(p) not in of_attention and name not in classifier)
