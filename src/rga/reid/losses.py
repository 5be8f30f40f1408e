"""The losses of the re-ID recipe, as in the authors' code: cross-entropy with label smoothing, and batch-hard triplets.

Both compute in float32 at least, also where they are called under autocast: a difference of two large numbers decides which positive is the
hardest, and half precision has too few digits for it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.arrays import is_number
from rga.attention.precision import in_float32
from rga.errors import InputError
from rga.tensors import check_labels, check_scores


class TripletError(InputError):
    """A batch from which no triplets can be made."""


@in_float32
def smoothed_cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.1) -> Tensor:
    """Cross-entropy against (1 - smoothing) one-hot + smoothing / classes.

    Args:
        logits: (B, classes).
        labels: (B,), integers.
        label_smoothing: share of the mass that is spread over all classes.

    Returns:
        A scalar, the mean over the batch.

    Raises:
        InputError: shapes or types do not fit, there is no image, a label has no class, or the share is not within [0, 1].
    """
    check_scores(logits, ("images", "classes"))
    check_labels(labels, (len(logits),), logits.shape[1])
    if not (is_number(label_smoothing) and 0 <= label_smoothing <= 1):
        raise InputError(f"label_smoothing must lie between 0 and 1, got {label_smoothing!r}")
    return F.cross_entropy(logits, labels.long(), label_smoothing=label_smoothing)


@in_float32
def batch_hard_triplet(features: Tensor, labels: Tensor, margin: float | None = 0.3) -> Tensor:
    """Triplet loss with the hardest positive and negative of each anchor in the batch (Hermans, Beyer, Leibe, arXiv 1703.07737).

    Identities may have any number of images in the batch. An image is not its own positive: one that is alone of its identity is no anchor.

    Args:
        features: (B, D), compared by Euclidean distance as they are.
        labels: (B,), the identities.
        margin: between the distances; None for the soft margin, log(1 + exp(.)).

    Returns:
        A scalar, the mean over the anchors that have a positive.

    Raises:
        TripletError: all images show one identity, or no two show the same; on a GPU the loss is NaN instead.
        InputError: features are no matrix of floating-point numbers, or labels not as many integers.

    Example:
        >>> features = torch.tensor([[0.0], [1.0], [3.0], [3.5]])
        >>> batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]), margin=2.0)
        tensor(0.3750)
    """
    check_scores(features, ("images", "dimensions"))
    check_labels(labels, (len(features),))
    if labels.device.type == "cpu":
        check_triplets(labels)
    same = labels[:, None] == labels[None, :]  # (B, B)
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    distance = euclidean(features)
    hardest_positive = distance.masked_fill(~positive, -torch.inf).amax(1)
    hardest_negative = distance.masked_fill(same, torch.inf).amin(1)
    gap = hardest_positive - hardest_negative  # -inf where there is no positive, whose loss and gradient are 0
    losses = F.softplus(gap) if margin is None else F.relu(gap + margin)
    return losses.sum() / (positive.any(1) & ~same.all(1)).sum()


def check_triplets(labels: Tensor) -> None:
    """Checks that a batch has triplets. ``batch_hard_triplet`` does so on a CPU alone: to look at labels on a GPU is to wait for it.

    Args:
        labels: (B,), the identities.

    Raises:
        TripletError: all images show one identity, or no two show the same.
    """
    identities = len(labels.unique())
    if identities == 1:
        raise TripletError(f"a batch of {len(labels)} images of one identity has no negatives: triplets need at least two identities")
    if identities == len(labels):
        raise TripletError(f"a batch of {len(labels)} images of as many identities has no positives: triplets need two images of one")


@in_float32
def euclidean(features: Tensor) -> Tensor:
    """Distances between all pairs of (B, D): (B, B); never less than 1e-6, where the root has no gradient.

    What all features have in common is taken off first: it changes no distance, and would drown small ones in rounding.
    """
    features = features - features.detach().mean(0)
    squares = features.square().sum(1)
    squared = squares[:, None] + squares[None, :] - 2 * features @ features.T
    return squared.clamp(min=1e-12).sqrt()
