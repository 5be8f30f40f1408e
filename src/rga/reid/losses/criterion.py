"""The loss of a recipe, in its parts, from what the network says of a batch, whatever its head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from rga.reid.heads.outputs import Learnt
from rga.reid.losses.center import CenterLoss
from rga.reid.losses.circle import circle
from rga.reid.losses.identity import SCORES, smoothed_cross_entropy
from rga.reid.losses.triplet import batch_hard_triplet, check_triplets, weighted_triplet
from rga.reid.recipe import ReidLossRecipe
from rga.training.distributed import processes


class ReidCriterion(nn.Module):
    """The losses of a recipe, weighted. Pairs and triplets are those of the batches of all processes that train together.

    Args:
        recipe: weights and forms of the losses.
        classes: identities that are trained on.
        dimensions: of the features that are compared, by their names.
        seed: of the centres.
    """

    def __init__(self, recipe: ReidLossRecipe, classes: int, dimensions: Mapping[str, int], seed: int) -> None:
        super().__init__()
        self.recipe = recipe
        centers = dimensions if recipe.center_weight else {}
        self.centers = nn.ModuleDict({name: CenterLoss(classes, width, seed) for name, width in centers.items()})

    def forward(self, learnt: Learnt, labels: Tensor) -> dict[str, Tensor]:
        """The parts of the loss, each a scalar: the sum over all logits or features of what is said of one.

        Args:
            learnt: features and logits by their names; the logits are cosines where the recipe's scores have a margin.
            labels: of this process's images, (B,), on the CPU, where they are looked at.

        Raises:
            TripletError: the batches of all processes have no triplets.
        """
        chosen, features = self.recipe, learnt.features
        device = next(iter((*features.values(), *learnt.logits.values()))).device
        own = labels.to(device, non_blocking=True)
        parts: dict[str, Tensor] = {}
        if chosen.identity_weight:
            each = [smoothed_cross_entropy(self.scores(logits, own), own, chosen.label_smoothing) for logits in learnt.logits.values()]
            parts["identity"] = chosen.identity_weight * total(each)
        if chosen.pairs:
            everyone = processes.gather_rows(labels)
            check_triplets(everyone)
            everyone = everyone.to(device, non_blocking=True)
            gathered = [processes.gather_with_gradients(feature.float()) for feature in features.values()]
            if chosen.triplet_weight:
                parts["triplet"] = chosen.triplet_weight * total([self.triplets(feature, everyone) for feature in gathered])
            if chosen.circle_weight:
                each = [circle(feature, everyone, chosen.circle_scale, chosen.circle_margin) for feature in gathered]
                parts["circle"] = chosen.circle_weight * total(each)
        if self.centers:
            parts["center"] = chosen.center_weight * total([center(features[name], own) for name, center in self.centers.items()])
        return parts

    def scores(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The scores that the cross-entropy compares, with the recipe's margin if it has one."""
        chosen = self.recipe
        if chosen.identity_loss == "softmax":
            return logits
        return SCORES[chosen.identity_loss](logits, labels, chosen.identity_scale, chosen.identity_margin)

    def triplets(self, features: Tensor, labels: Tensor) -> Tensor:
        """The recipe's triplet loss."""
        if self.recipe.triplet_mining == "weighted":
            return weighted_triplet(features, labels)
        return batch_hard_triplet(features, labels, self.recipe.margin)


def total(losses: Sequence[Tensor]) -> Tensor:
    """The sum of losses; one alone is itself."""
    return torch.stack(list(losses)).sum() if len(losses) > 1 else losses[0]
