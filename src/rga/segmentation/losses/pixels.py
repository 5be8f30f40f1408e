"""Cross-entropy over the pixels that count: over all, with weights of classes, focal, and over hard pixels alone.

All are means over varying numbers of pixels. Of several processes that train together each has the pixels of its part of the batch; its
loss is scaled such that the mean over the processes is the mean over the pixels of all, as if one process had computed it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.arrays import check_count, is_number
from rga.attention.precision import in_float32
from rga.errors import InputError
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.network.resolution import on_pixels
from rga.tensors import check_labels, check_scores
from rga.training.distributed import processes

LEAST = 1e-8
"""Of what focal loss raises to a power: at 0 a root has no gradient."""


def pixel_cross_entropy(scores: Tensor, labels: Tensor, class_weights: Tensor | None = None, focal_gamma: float = 0.0) -> Tensor:
    """Mean cross-entropy over the pixels that are not ignored; 0, with gradients of 0, where all are.

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.
        class_weights: (classes,), how much a pixel of each class counts in the mean, at least 0; None for all the same.
        focal_gamma: the loss of a pixel is multiplied by (1 - probability of its class)^gamma (focal loss: Lin et al., arXiv 1708.02002).

    Returns:
        A scalar.

    Raises:
        InputError: shapes or types do not fit, a label has no class, or a number is out of its range.

    Example:
        >>> scores, labels = torch.tensor([[[[0.0, 4.0]], [[0.0, 0.0]]]]), torch.tensor([[[0, 1]]])
        >>> pixel_cross_entropy(scores, labels), pixel_cross_entropy(scores, labels, torch.tensor([3.0, 1.0]))
        (tensor(2.3556), tensor(1.5244))
    """
    if not (is_number(focal_gamma) and focal_gamma >= 0):
        raise InputError(f"focal_gamma must be at least 0, got {focal_gamma!r}")
    losses = losses_of_pixels(scores, labels)
    if focal_gamma:
        losses = losses * (-torch.expm1(-losses)).clamp(min=LEAST) ** focal_gamma
    if class_weights is None:
        return mean_over_all(losses.sum(), (labels != IGNORED).sum())
    weights = weights_of_pixels(labels, class_weights, scores.shape[1]).to(losses)
    return mean_over_all((losses * weights).sum(), weights.sum())


def hard_cross_entropy(
    scores: Tensor, labels: Tensor, threshold: float = 0.7, keep: int = 100_000, class_weights: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy over the hard pixels: online hard example mining, as OCNet and HRNet train on Cityscapes.

    A pixel is hard if its own class has less than ``threshold`` of the probability. If fewer than ``keep`` pixels of the batch are, the
    ``keep`` hardest count (all that are not ignored, if there are fewer).

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.
        threshold: a probability, above 0.
        keep: pixels of a batch that count at least; of several processes each keeps an equal share of them.
        class_weights: (classes,), how much a hard pixel of each class counts in the mean, at least 0; None for all the same. Which pixels
            are hard does not depend on them.

    Returns:
        A scalar; 0, with gradients of 0, where all pixels are ignored.

    Raises:
        InputError: shapes or types do not fit, a label has no class, or a number is out of its range.

    Example:
        >>> scores = torch.tensor([[[[0.0, 4.0, 0.0]], [[0.0, 0.0, 4.0]]]])
        >>> hard_cross_entropy(scores, torch.zeros(1, 1, 3, dtype=torch.long), keep=1)
        tensor(2.3556)
    """
    if not (is_number(threshold) and 0 < threshold <= 1):
        raise InputError(f"threshold must be above 0 and at most 1, got {threshold!r}")
    check_count("keep", keep, 0)
    counted = labels != IGNORED
    losses = losses_of_pixels(scores, labels)[counted]  # (n,)
    chosen = (losses > -math.log(threshold)).nonzero()[:, 0]
    share = -(-keep // processes.count())
    if len(chosen) < share:
        chosen = losses.topk(min(share, len(losses))).indices
    hard = losses[chosen]
    if class_weights is None:
        return mean_over_all(hard.sum(), torch.tensor(len(hard)))
    weights = weights_of_pixels(labels, class_weights, scores.shape[1]).to(losses)[counted][chosen]
    return mean_over_all((hard * weights).sum(), weights.sum())


def mean_over_all(total: Tensor, count: Tensor) -> Tensor:
    """A sum over this process's pixels -> its share of the mean over those of all processes; 0 where there are none.

    Args:
        total: a scalar.
        count: a scalar, how many pixels it is the sum of, or how much they weigh: 0, or at least 1.
    """
    if processes.together():
        count = torch.tensor(processes.mean([float(count)])[0])
    return total / count.to(total).clamp(min=1 / processes.count())


@in_float32
def losses_of_pixels(scores: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each pixel (B, H, W), 0 for those that are ignored; in float32 at least."""
    return F.cross_entropy(checked_on_pixels(scores, labels), labels.long(), ignore_index=IGNORED, reduction="none")


def weights_of_pixels(labels: Tensor, class_weights: Tensor, classes: int) -> Tensor:
    """The weight of each pixel (B, H, W), 0 for those that are ignored and otherwise 0 or at least 1: a mean does not change by a factor.

    Raises:
        InputError: there are not as many weights as classes, one is negative or not finite, or all are 0.
    """
    check_scores(class_weights, ("classes",))
    if len(class_weights) != classes:
        raise InputError(f"class_weights must be {classes} numbers, one a class, got {len(class_weights)}")
    if class_weights.device.type == "cpu" and not (class_weights.isfinite().all() and class_weights.min() >= 0 and class_weights.any()):
        raise InputError(f"class_weights must be finite, at least 0, and not all 0, got {class_weights.tolist()}")
    weights = (class_weights / torch.where(class_weights > 0, class_weights, torch.inf).min()).to(labels.device)
    return torch.where(labels == IGNORED, 0, weights[torch.where(labels == IGNORED, 0, labels).long()])


def checked_on_pixels(scores: Tensor, labels: Tensor) -> Tensor:
    """The scores interpolated to the pixels of the labels, (B, classes, H, W).

    Raises:
        InputError: shapes or types do not fit, or a label has no class.
    """
    check_scores(scores, ("images", "classes", "height", "width"))
    check_labels(labels, (len(scores), -1, -1), scores.shape[1], IGNORED)
    return on_pixels(scores, (labels.shape[-2], labels.shape[-1]))
