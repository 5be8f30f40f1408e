"""Losses of the overlap of regions, class by class: Dice, and the Lovasz extension of the Jaccard index.

Classes of large and of small areas count the same. Both take softmax probabilities of all pixels that are not ignored.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.attention.precision import in_float32
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.losses.pixels import checked_on_pixels, mean_over_all
from rga.training.distributed import processes


@in_float32
def dice(scores: Tensor, labels: Tensor) -> Tensor:
    """1 - Dice of each class that is in the labels, the mean over these classes (Milletari et al., arXiv 1606.04797, without squares).

    The Dice of a class is twice the sum of its probability over its own pixels, divided by its number of pixels plus the sum of its
    probability over all pixels; sums are those over the whole batch, of all processes.

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.

    Returns:
        A scalar, the same in all processes; 0, with gradients of 0, where all pixels are ignored.

    Raises:
        InputError: shapes or types do not fit, or a label has no class.

    Example:
        >>> scores = torch.tensor([[[[0.0, 0.0]], [[0.0, 0.0]]]])
        >>> dice(scores, torch.tensor([[[0, 1]]]))
        tensor(0.5000)
    """
    probabilities, own = probabilities_and_own(scores, labels)
    sums = torch.stack([(probabilities * own).sum((0, 2)), probabilities.sum((0, 2)), own.sum((0, 2))])  # (3, C)
    overlap, predicted, labelled = processes.gather_with_gradients(sums[None]).sum(0)
    there = labelled > 0
    losses = 1 - 2 * overlap / (predicted + labelled).clamp(min=1)  # a class that is there has a pixel at least
    mean: Tensor = torch.where(there, losses, 0).sum() / there.sum().clamp(min=1)
    return mean


@in_float32
def lovasz_softmax(scores: Tensor, labels: Tensor) -> Tensor:
    """The Lovasz-softmax loss (Berman, Triki, Blaschko, CVPR 2018, arXiv 1705.08790), image by image: a convex stand-in for 1 - IoU.

    Of each image it is the mean over the classes that are in its labels. An image on its own has the same loss in any batch and in any
    process.

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.

    Returns:
        A scalar, the mean over the images that have a pixel that is not ignored; 0, with gradients of 0, where none has.

    Raises:
        InputError: shapes or types do not fit, or a label has no class.

    Example:
        >>> scores = torch.tensor([[[[9.0, 0.0]], [[0.0, 0.0]]]])
        >>> lovasz_softmax(scores, torch.tensor([[[0, 1]]]))
        tensor(0.3750)
    """
    probabilities, own = probabilities_and_own(scores, labels)
    counted = (labels != IGNORED).flatten(1)  # (B, N)
    losses = []
    for image in range(len(labels)):  # one at a time: their errors are sorted, in the memory of the indices
        errors = (own[image] - probabilities[image]).abs()  # (C, N), 0 where ignored: those are sorted to the end, where they add nothing
        sorted_errors, order = errors.sort(dim=1, descending=True)
        there = own[image].any(1)
        by_class = (sorted_errors * jaccard_gradient(own[image].gather(1, order))).sum(1)
        losses.append(torch.where(there, by_class, 0).sum() / there.sum().clamp(min=1))
    return mean_over_all(torch.stack(losses).sum(), counted.any(1).sum())


def jaccard_gradient(own: Tensor) -> Tensor:
    """How much the Jaccard loss of a class grows with each pixel that is wrong, in the order of their errors (algorithm 1 of the paper).

    Args:
        own: (C, N), 1 for the pixels of the class, the largest error first.
    """
    labelled = own.sum(1, keepdim=True)
    intersection = labelled - own.cumsum(1)
    union = labelled + (1 - own).cumsum(1)
    jaccard = 1 - intersection / union  # of the first pixels wrong; a pixel at least is in the union
    return torch.cat([jaccard[:, :1], jaccard.diff(dim=1)], dim=1)


def probabilities_and_own(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities of the pixels and which class they are of, (B, C, N) each; 0 for ignored pixels."""
    scores = checked_on_pixels(scores, labels)
    counted = labels != IGNORED
    own = F.one_hot(torch.where(counted, labels, 0).long(), scores.shape[1]).movedim(-1, 1)  # (B, H, W, C) -> (B, C, H, W)
    own = (own * counted[:, None]).to(scores.dtype)
    return (scores.softmax(1) * counted[:, None]).flatten(2), own.flatten(2)
