"""RPP, refined part pooling, of the paper of PCB (``pcb.py``), and its training in stages.

A classifier of parts says of each position of the map how much it belongs to each of the six parts, P = softmax(W f). The vector of a part
is the sum over all positions f, weighted by P, times parts / positions as in the authors' code: where P cuts the map into equal stripes,
it is PCB's mean. The training begins as PCB's. Then the stripes give way to the classifier of parts, which first learns alone, induced by
the classifiers of identities that stay as they are, and then with all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attention.grid import Grid
from rga.backbones.own_parameters import own_parameters
from rga.reid.classifier import Classifier
from rga.reid.heads.pcb import PCB
from rga.reid.heads.stripes import rows_of


class RPP(PCB):
    """PCB whose parts are found by the network, once ``refined`` is 1; until then they are PCB's stripes.

    Example:
        >>> head = RPP(64, (12, 4), (6,), classes=5).eval()
        >>> _ = head.refined.fill_(1)
        >>> head([torch.rand(2, 64, 12, 4)]).pooled.shape
        torch.Size([2, 384])
    """

    refined: Tensor
    stripe_weights: Tensor

    def __init__(self, channels: int, grid: Grid, parts: Sequence[int], classes: int, classifier: Classifier = "linear") -> None:
        super().__init__(channels, grid, parts, classes, classifier)
        self.part_classifier = nn.Conv2d(channels, self.parts[0], 1, bias=False)
        nn.init.normal_(self.part_classifier.weight, std=0.001)
        self.height = grid[0]
        self.register_buffer("refined", torch.tensor(0))
        self.register_buffer("stripe_weights", stripe_weights(self.parts[0], self.height), persistent=False)

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The weighted sum over all positions, for each part."""
        (found,) = maps
        shares = self.part_classifier(found).softmax(1)  # (B, parts, H, W)
        stripes = self.stripe_weights
        if found.shape[2] != self.height:  # the attention was moved to images of another size
            stripes = stripe_weights(self.parts[0], found.shape[2]).to(stripes.device)
        shares = torch.where(self.refined.bool(), shares, stripes.to(shares.dtype))
        sums = shares.flatten(2) @ found.flatten(2).mT  # (B, parts, N) (B, N, C) -> (B, parts, C)
        vectors = sums * (self.parts[0] / (found.shape[2] * found.shape[3]))
        return dict(zip(self.names, vectors.unbind(1), strict=True))

    def set_stripes(self) -> None:
        """Computes the weights of the stripes on the device of ``refined``: not saved, and without values on the meta device."""
        weights = stripe_weights(self.parts[0], self.height)
        self.stripe_weights = weights.to(self.refined.device, self.stripe_weights.dtype)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Applies a conversion (``to_empty``, ``half``, ...): the weights of the stripes are computed anew."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.set_stripes()
        return self

    def _load_from_state_dict(self, *args: Any) -> None:
        """Weights that are assigned to a module on the meta device say on which device they are."""
        super()._load_from_state_dict(*args)
        if self.stripe_weights.device != self.refined.device:
            self.set_stripes()


def stripe_weights(stripes: int, height: int) -> Tensor:
    """The weights (stripes, height, 1) of rows by which the weighted sum is the mean of each stripe.

    Example:
        >>> stripe_weights(2, 4)[..., 0]
        tensor([[1., 1., 0., 0.],
                [0., 0., 1., 1.]])
    """
    weights = torch.zeros(stripes, height, 1)
    for stripe in range(stripes):
        first, end = rows_of(stripe, stripes, height)
        weights[stripe, first:end] = height / stripes / (end - first)
    return weights


class Refinement:
    """The stages of a training with RPP: PCB, the classifier of parts alone, and all together.

    Args:
        model: the whole network; its weights that learn now are those that learn in the last stage.
        backbone: the part of it whose own weights are frozen and let learn at the start of each epoch, before the stage begins.
        head: of the model; nothing is done where it has no parts to refine.
        after: epochs of PCB.
        alone: epochs in which the classifier of parts learns alone, after these. All batch normalisations are in evaluation mode then.
    """

    def __init__(self, model: nn.Module, backbone: nn.Module, head: nn.Module | None, after: int, alone: int) -> None:
        self.model = model
        self.head = head if isinstance(head, RPP) else None
        self.after, self.alone = after, alone
        learning = [each for each in model.parameters() if each.requires_grad]
        self.refining = [] if self.head is None else list(self.head.part_classifier.parameters())
        own = set(own_parameters(backbone))
        self.of_backbone = [each for each in learning if each in own]
        self.others = [each for each in learning if each not in own.union(self.refining)]
        self.stage: int | None = None

    def begin_epoch(self, epoch: int) -> bool:
        """Begins the stage that is due in an epoch, counted from 0; the model is in training mode.

        Returns:
            Whether it is another stage than in the epoch before.
        """
        if self.head is None:
            return False
        before, self.stage = self.stage, (epoch >= self.after) + (epoch >= self.after + self.alone)
        self.head.refined.fill_(self.stage > 0)
        for weight in self.refining:
            weight.requires_grad_(self.stage > 0)
        for weight in self.others:
            weight.requires_grad_(self.stage != 1)
        if self.stage == 1:
            for weight in self.of_backbone:
                weight.requires_grad_(False)
            for module in self.model.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return before != self.stage
