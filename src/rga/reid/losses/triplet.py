"""Triplet losses: with the hardest positive and negative in the batch, as in the authors' code, and with all of them, weighted.

In half precision a difference of two large numbers would decide which positive is the hardest.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.attention.precision import in_float32
from rga.errors import InputError
from rga.tensors import check_labels, check_scores


class TripletError(InputError):
    """A batch from which no triplets can be made."""


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
    anchors, positive, negative = anchors_and_pairs(features, labels)
    distance = euclidean(features)
    hardest_positive = distance.masked_fill(~positive, -torch.inf).amax(1)
    hardest_negative = distance.masked_fill(~negative, torch.inf).amin(1)
    gap = hardest_positive - hardest_negative  # -inf where there is no positive, whose loss and gradient are 0
    losses = F.softplus(gap) if margin is None else F.relu(gap + margin)
    return losses.sum() / anchors.sum()


@in_float32
def weighted_triplet(features: Tensor, labels: Tensor) -> Tensor:
    """Weighted regularised triplet loss (AGW: Ye et al., arXiv 2001.04193, equation 14).

    Log(1 + exp(d_p - d_n)), where d_p is the mean distance of an anchor to its positives, weighted by the softmax of these distances, and
    d_n that to its negatives, weighted by the softmax of their negatives: the harder a pair, the more it counts. There is no margin. In the
    authors' code an anchor is its own positive, at a distance of 0; here it is not, as in their equation.

    Args:
        features: (B, D), compared by Euclidean distance as they are.
        labels: (B,), the identities.

    Returns:
        A scalar, the mean over the anchors that have a positive.

    Raises:
        TripletError: all images show one identity, or no two show the same; on a GPU the loss is NaN instead.
        InputError: features are no matrix of floating-point numbers, or labels not as many integers.

    Example:
        >>> features = torch.tensor([[0.0], [1.0], [3.0], [3.5]])
        >>> weighted_triplet(features, torch.tensor([0, 0, 1, 1]))
        tensor(0.1570)
    """
    anchors, positive, negative = anchors_and_pairs(features, labels)
    distance = euclidean(features)
    gap = weighted_mean(distance, distance, positive) - weighted_mean(distance, -distance, negative)
    return (F.softplus(gap) * anchors).sum() / anchors.sum()


def weighted_mean(values: Tensor, logits: Tensor, counted: Tensor) -> Tensor:
    """The mean along the rows of (B, B), weighted by the softmax of logits over what is counted; 0 where nothing is."""
    weights = logits.masked_fill(~counted, torch.finfo(logits.dtype).min).softmax(1) * counted  # (B, B)
    return (weights * values).sum(1)


def anchors_and_pairs(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which images of a batch are anchors (B,), and which pairs are positive and negative, (B, B) each.

    An image is not its own positive. An anchor has a positive and a negative.

    Raises:
        TripletError: there is no anchor; on a GPU nobody looks.
        InputError: features are no matrix of floating-point numbers, or labels not as many integers.
    """
    check_scores(features, ("images", "dimensions"))
    check_labels(labels, (len(features),))
    if labels.device.type == "cpu":
        check_triplets(labels)
    same = labels[:, None] == labels[None, :]  # (B, B)
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return positive.any(1) & ~same.all(1), positive, ~same


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
