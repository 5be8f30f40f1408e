"""The loss of a recipe, in its parts, from what the network says of a batch."""

from __future__ import annotations

from torch import Tensor, nn

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
        dimensions: of the features.
        seed: of the centres.
    """

    def __init__(self, recipe: ReidLossRecipe, classes: int, dimensions: int, seed: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.center = CenterLoss(classes, dimensions, seed) if recipe.center_weight else None

    def forward(self, pooled: Tensor, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The parts of the loss, each a scalar.

        Args:
            pooled: the features before the neck, (B, D).
            logits: of the classifier, (B, classes); cosines where the recipe's scores have a margin.
            labels: of this process's images, (B,), on the CPU, where they are looked at.

        Raises:
            TripletError: the batches of all processes have no triplets.
        """
        chosen = self.recipe
        own = labels.to(pooled.device, non_blocking=True)
        parts: dict[str, Tensor] = {}
        if chosen.identity_weight:
            scores = self.scores(logits, own)
            parts["identity"] = chosen.identity_weight * smoothed_cross_entropy(scores, own, chosen.label_smoothing)
        if chosen.triplet_weight or chosen.circle_weight:
            everyone = processes.gather_rows(labels)
            check_triplets(everyone)
            features = processes.gather_with_gradients(pooled.float())
            everyone = everyone.to(pooled.device, non_blocking=True)
            if chosen.triplet_weight:
                parts["triplet"] = chosen.triplet_weight * self.triplets(features, everyone)
            if chosen.circle_weight:
                parts["circle"] = chosen.circle_weight * circle(features, everyone, chosen.circle_scale, chosen.circle_margin)
        if self.center is not None:
            parts["center"] = chosen.center_weight * self.center(pooled, own)
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
