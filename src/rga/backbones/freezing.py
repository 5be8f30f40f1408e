"""Freezing of a backbone in the first epochs of a training, while what was put on it learns: attention, neck, head, classifier."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attachment import attached
from rga.backbones.own_parameters import own_parameters
from rga.errors import InputError


class FrozenStart:
    """A backbone whose own weights stay as they are in the first epochs, with its batch normalisation in evaluation mode.

    Its attention and its classifier learn all the time.

    Args:
        model: the whole network.
        backbone: the part of it.
        epochs: that it is frozen; 0 for none.

    Raises:
        InputError: nothing of the model would learn in these epochs.
    """

    def __init__(self, model: nn.Module, backbone: nn.Module, epochs: int) -> None:
        self.backbone = backbone
        self.epochs = epochs
        self.weights = [parameter for parameter in own_parameters(backbone) if parameter.requires_grad]
        self.frozen = False
        if epochs and len(self.weights) == sum(parameter.requires_grad for parameter in model.parameters()):
            raise InputError(f"nothing learns while the backbone is frozen: freeze_epochs must be 0 here, got {epochs}")

    def begin_epoch(self, epoch: int) -> bool:
        """Freezes the backbone or lets it learn, as it is due in an epoch, counted from 0; the model is in training mode.

        Returns:
            Whether it learns and did not before, or the other way round.
        """
        before, self.frozen = self.frozen, epoch < self.epochs
        for weight in self.weights:
            weight.requires_grad_(not self.frozen)
        if self.frozen:
            for norm in own_norms(self.backbone):
                norm.eval()
        return before != self.frozen


def own_norms(backbone: nn.Module) -> Iterator[nn.Module]:
    """A backbone's batch normalisations without those of the attention attached to it."""
    of_attention = {id(module) for attention in attached(backbone).values() for module in attention.modules()}
    return (module for module in backbone.modules() if isinstance(module, _BatchNorm) and id(module) not in of_attention)
