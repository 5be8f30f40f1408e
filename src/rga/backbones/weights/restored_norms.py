"""Batch normalisations that were part of the layers before them get their statistics back, from images."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attachment.probe import evaluating
from rga.attention.acceleration.folded import fold_norm
from rga.errors import InputError


@torch.no_grad()
def restore_norms(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Gives the BNs of a network with the weights of ``onnx_weights`` back what they normalise, in place.

    What it computes in evaluation mode stays. Its BNs get the mean and the variance that their inputs have on images, and the scale and
    the shift that undo them; so in training mode, which normalises by batches, it computes nearly the same.

    Args:
        network: with BNs that hold running statistics.
        batches: of images as the network sees them, (B, 3, H, W); a few hundred images do.

    Raises:
        InputError: there are no images.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.affine and module.running_var is not None]
    sums: dict[nn.Module, list[Tensor]] = {norm: [torch.zeros(3, norm.num_features, dtype=torch.float64)] for norm in norms}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        wide = inputs[0].double().transpose(0, 1).flatten(1)  # (C, values)
        counted = torch.full((len(wide),), wide.shape[1], dtype=torch.float64)
        sums[norm][0] += torch.stack([counted, wide.sum(1).cpu(), wide.square().sum(1).cpu()])

    handles = [norm.register_forward_pre_hook(note) for norm in norms]
    try:
        with evaluating(network):
            for images in batches:
                network(images)
    finally:
        for handle in handles:
            handle.remove()
    for norm in norms:
        count, total, squares = sums[norm][0]
        if not count.all():
            raise InputError("no image went through the network, whose statistics are to be restored: give it some")
        mean, variance = total / count, (squares / count - (total / count).square()).clamp(min=0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale, shift = (each.cpu() for each in fold_norm(norm))
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.bias.copy_(shift + mean * scale)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
