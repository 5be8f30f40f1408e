"""The losses of a segmentation: cross-entropy over the pixels that count, and its form that looks at hard pixels alone.

Both are means over varying numbers of pixels. Of several processes that train together each has the pixels of its part of the batch; its
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


def pixel_cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the pixels that are not ignored; 0, with gradients of 0, where all are.

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.

    Returns:
        A scalar.

    Raises:
        InputError: shapes or types do not fit, or a label has no class.
    """
    return mean_over_all(losses_of_pixels(scores, labels).sum(), (labels != IGNORED).sum())


def hard_cross_entropy(scores: Tensor, labels: Tensor, threshold: float = 0.7, keep: int = 100_000) -> Tensor:
    """Mean cross-entropy over the hard pixels: online hard example mining, as OCNet and HRNet train on Cityscapes.

    A pixel is hard if its own class has less than ``threshold`` of the probability. If fewer than ``keep`` pixels of the batch are, the
    ``keep`` hardest count (all that are not ignored, if there are fewer).

    Args:
        scores: (B, classes, ceil(H / s), ceil(W / s)) of an output stride s: each is interpolated to the pixels of its cell.
        labels: (B, H, W), indices of classes, and ``IGNORED``.
        threshold: a probability, above 0.
        keep: pixels of a batch that count at least; of several processes each keeps an equal share of them.

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
    losses = losses_of_pixels(scores, labels)[labels != IGNORED]  # (n,)
    hard = losses[losses > -math.log(threshold)]
    share = -(-keep // processes.count())
    if len(hard) < share:
        hard = losses.topk(min(share, len(losses))).values
    return mean_over_all(hard.sum(), torch.tensor(len(hard)))


def mean_over_all(total: Tensor, count: Tensor) -> Tensor:
    """A sum over this process's pixels -> its share of the mean over those of all processes; 0 where there are none.

    Args:
        total: a scalar.
        count: a scalar, how many pixels it is the sum of.
    """
    if processes.together():
        count = torch.tensor(processes.mean([float(count)])[0])
    return total / count.to(total).clamp(min=1 / processes.count())


@in_float32
def losses_of_pixels(scores: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each pixel (B, H, W), 0 for those that are ignored; in float32 at least."""
    check_scores(scores, ("images", "classes", "height", "width"))
    check_labels(labels, (len(scores), -1, -1), scores.shape[1], IGNORED)
    scores = on_pixels(scores, (labels.shape[-2], labels.shape[-1]))
    return F.cross_entropy(scores, labels.long(), ignore_index=IGNORED, reduction="none")
