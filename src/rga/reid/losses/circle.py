"""Circle loss with labels of pairs (Sun et al., CVPR 2020, arXiv 2002.10857, equation 6)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.arrays import is_number
from rga.attention.precision import in_float32
from rga.errors import InputError
from rga.reid.losses.triplet import anchors_and_pairs


@in_float32
def circle(features: Tensor, labels: Tensor, scale: float = 128.0, margin: float = 0.25) -> Tensor:
    """Circle loss over all positive and negative pairs of a batch, each image in turn the anchor.

    Of an anchor with cosines s_p to its positives and s_n to its negatives it is log(1 + sum_n exp(scale * a_n * (s_n - margin)) * sum_p
    exp(-scale * a_p * (s_p - 1 + margin))) with the weights a_p = [1 + margin - s_p]+ and a_n = [s_n + margin]+, through which no gradients
    flow.

    Args:
        features: (B, D), compared by cosine. A feature of zeros has a cosine of 0 with all others.
        labels: (B,), the identities.
        scale: gamma of the paper, which has 128 for persons; above 0.
        margin: m of the paper.

    Returns:
        A scalar, the mean over the anchors that have a positive and a negative.

    Raises:
        TripletError: all images show one identity, or no two show the same; on a GPU the loss is NaN instead.
        InputError: features are no matrix of floating-point numbers, labels not as many integers, or a number is out of its range.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
        >>> circle(features, torch.tensor([0, 0, 1]), scale=8.0)
        tensor(1.3575)
    """
    if not (is_number(scale) and scale > 0):
        raise InputError(f"scale must be above 0, got {scale!r}")
    if not is_number(margin):
        raise InputError(f"margin must be a number, got {margin!r}")
    anchors, positive, negative = anchors_and_pairs(features, labels)
    directions = F.normalize(features)
    cosines = directions @ directions.T
    weights = cosines.detach()
    of_positives = -scale * (1 + margin - weights).clamp(min=0) * (cosines - 1 + margin)
    of_negatives = scale * (weights + margin).clamp(min=0) * (cosines - margin)
    losses = F.softplus(log_sum_exp(of_positives, positive) + log_sum_exp(of_negatives, negative))
    return torch.where(anchors, losses, 0).sum() / anchors.sum()


def log_sum_exp(values: Tensor, counted: Tensor) -> Tensor:
    """Log of the sum of exponentials along the rows of (B, B), over what is counted; a low number where nothing is, with gradients of 0."""
    return values.masked_fill(~counted, torch.finfo(values.dtype).min / 4).logsumexp(1)
