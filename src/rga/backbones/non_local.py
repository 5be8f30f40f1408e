"""The non-local blocks of AGW in a ResNet: Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook".

arXiv 2001.04193. As in their code and in fast-reid, a block (Wang et al., arXiv 1711.07971) comes after each of the last two blocks of the
second stage and the last three of the third. There are as published embedded Gaussians of half of the channels; in their code one channel
is left by a division of a number by itself. They are attached as any attention is, so that pretrained weights, learning rates and freezing
know them from the network's own.
"""

from __future__ import annotations

from torch import nn

from rga.attachment import attach
from rga.attention.grid import Grid
from rga.errors import InputError

LAST_BLOCKS = {"layer2": 2, "layer3": 3}
"""Stage of a ResNet -> after how many of its last blocks one comes; after all where there are fewer."""

REDUCTION = 2
"""Channels of a stage by those inside of the block, as published."""


def add_non_local(network: nn.Module, image_size: Grid) -> None:
    """Adds the non-local blocks to a ResNet, in place; they start as the identity.

    Args:
        network: a ResNet of timm, before other attention is attached.
        image_size: (height, width) of its images.

    Raises:
        InputError: it is another network.

    Example:
        >>> import timm
        >>> from rga.attachment import attached
        >>> network = timm.create_model("resnet50")
        >>> add_non_local(network, (64, 32))
        >>> list(attached(network))
        ['layer2.2', 'layer2.3', 'layer3.3', 'layer3.4', 'layer3.5']
    """
    stages = dict(network.named_children())
    if not all(isinstance(stages.get(name), nn.Sequential) for name in LAST_BLOCKS):
        raise InputError(
            f"non_local is of ResNets, whose stages {', '.join(LAST_BLOCKS)} are rows of blocks, and the backbone is a "
            f"{type(network).__name__}: leave it out, or choose a ResNet such as resnet50"
        )
    after = [f"{name}.{block}" for name, count in LAST_BLOCKS.items() for block, _ in list(stages[name].named_children())[-count:]]
    attach(network, "non-local", image_size=image_size, after=after, reduction=REDUCTION)
