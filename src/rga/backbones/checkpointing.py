"""Activation checkpointing (Chen et al., arXiv 1604.06174): memory for time.

In training each block of a backbone, and each attention on it, keeps only its input; its activations are recomputed in the backward pass.
timm's own way (``set_grad_checkpointing``) works on attended networks, too. This one works on networks of every origin, and leaves the
running statistics of normalisations alone in the second pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from rga.attachment import attached
from rga.attention.acceleration.recompute import without_recompute
from rga.errors import InputError


def checkpoint_blocks(backbone: nn.Module) -> None:
    """Turns on activation checkpointing for the blocks of a backbone and the attentions on it, in place.

    Losses, gradients and running statistics stay what they are. A module's ``forward`` is set on the instance, so that keys, copies and
    hooks stay what they are, too.

    Args:
        backbone: a convolutional network, with attention attached or without.

    Raises:
        InputError: it has no blocks.

    Example:
        >>> import timm
        >>> backbone = timm.create_model("resnet18")
        >>> checkpoint_blocks(backbone)
        >>> backbone(torch.rand(2, 3, 64, 64)).sum().backward()
    """
    attentions = list(attached(backbone).values())
    blocks = [block for child in backbone.children() for block in blocks_of(child) if block not in attentions]
    if not blocks:
        raise InputError(f"{type(backbone).__name__} has no blocks in a row that could be recomputed: leave activation_checkpointing off")
    inside = {module for block in blocks for module in block.modules()}
    for module in (*blocks, *(attention for attention in attentions if attention not in inside)):
        module.forward = partial(run_again, module)


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The blocks in a row, or in rows of rows: what stands in sequences and has two convolutions or more."""
    if not isinstance(module, (nn.Sequential, nn.ModuleList)):
        return
    for child in module.children():
        if isinstance(child, nn.Sequential):
            yield from blocks_of(child)
        elif sum(isinstance(part, nn.Conv2d) for part in child.modules()) >= 2:
            yield child


def run_again(module: nn.Module, *inputs: Any) -> Any:
    """A module's forward pass, of which in training the inputs alone are kept.

    Args:
        module: a block or an attention.
        *inputs: of the module.
    """
    forward = partial(type(module).forward, module)
    if not (module.training and torch.is_grad_enabled()):
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=partial(both_passes, module))


def both_passes(owner: nn.Module) -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
    """The contexts of the first pass and of the second, which must not count as another batch."""
    return without_recompute(), second_pass(owner)


@contextmanager
def second_pass(owner: nn.Module) -> Iterator[None]:
    """Within the block batch normalisations leave their running statistics alone, and keep for the backward pass what they always keep."""
    norms = {norm for norm in owner.modules() if isinstance(norm, _BatchNorm)}
    before = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm, _, batches in before:  # a counter there must be: torch's SyncBatchNorm wants one
            norm.momentum, norm.num_batches_tracked = 0.0, None if batches is None else batches.clone()
        with without_recompute():
            yield
    finally:
        for norm, momentum, batches in before:
            norm.momentum, norm.num_batches_tracked = momentum, batches
