"""Cross-entropy over identities, with label smoothing as in the authors' code; and scores with margins, from cosines.

A classifier of cosines compares the direction of a feature with one direction an identity. A margin makes the score of an image's own
identity worse than it is, so that training goes on until the image is that much nearer to it: ArcFace adds an angle (Deng et al., arXiv
1801.07698), CosFace subtracts from the cosine (Wang et al., arXiv 1801.09414), circle loss weights each score by how far it is from its
optimum, too (Sun et al., arXiv 2002.10857, with labels of classes). The scores then go to ``smoothed_cross_entropy``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.arrays import is_number
from rga.attention.precision import in_float32
from rga.errors import InputError
from rga.tensors import check_labels, check_scores

LEAST_SQUARED_SINE = 1e-7
"""Below it a sine has no gradient: that of the root would be infinite where a feature has its identity's direction."""


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
def arcface_scores(cosines: Tensor, labels: Tensor, scale: float = 64.0, margin: float = 0.5) -> Tensor:
    """ArcFace: scale * cos(angle + margin) for an image's own identity, scale * cosine for all others.

    Where angle + margin is beyond pi, the score goes on falling as cosine - margin * sin(margin), as in the authors' code.

    Args:
        cosines: (B, classes), between the features and the directions of the identities.
        labels: (B,), integers.
        scale: s of the paper, above 0.
        margin: m of the paper, an angle in radians, from 0 to pi.

    Returns:
        Scores (B, classes).

    Raises:
        InputError: shapes or types do not fit, a label has no class, or a number is out of its range.

    Example:
        >>> arcface_scores(torch.tensor([[0.5, 0.25]]), torch.tensor([0]), scale=1.0, margin=math.pi / 3)
        tensor([[-0.5000,  0.2500]])
    """
    own = own_cosines(cosines, labels, scale)
    check_margin(margin, math.pi)
    sines = (1 - own.square()).clamp(min=LEAST_SQUARED_SINE).sqrt()
    moved = own * math.cos(margin) - sines * math.sin(margin)
    moved = torch.where(own >= -math.cos(margin), moved, own - margin * math.sin(margin))
    return scale * cosines.scatter(1, labels.long()[:, None], moved)


@in_float32
def cosface_scores(cosines: Tensor, labels: Tensor, scale: float = 64.0, margin: float = 0.35) -> Tensor:
    """CosFace: scale * (cosine - margin) for an image's own identity, scale * cosine for all others.

    Args:
        cosines: (B, classes), between the features and the directions of the identities.
        labels: (B,), integers.
        scale: s of the paper, above 0.
        margin: m of the paper, at least 0.

    Returns:
        Scores (B, classes).

    Raises:
        InputError: shapes or types do not fit, a label has no class, or a number is out of its range.

    Example:
        >>> cosface_scores(torch.tensor([[0.5, 0.25]]), torch.tensor([0]), scale=2.0, margin=0.25)
        tensor([[0.5000, 0.5000]])
    """
    own = own_cosines(cosines, labels, scale)
    check_margin(margin)
    return scale * cosines.scatter(1, labels.long()[:, None], own - margin)


@in_float32
def circle_scores(cosines: Tensor, labels: Tensor, scale: float = 64.0, margin: float = 0.35) -> Tensor:
    """Circle loss with labels of classes: each cosine is weighted by its distance from its optimum, 1 + margin or -margin.

    An image's own identity has scale * [1 + margin - cosine]+ * (cosine - 1 + margin), all others scale * [cosine + margin]+ *
    (cosine - margin). Gradients do not flow through the weights [.]+.

    Args:
        cosines: (B, classes), between the features and the directions of the identities.
        labels: (B,), integers.
        scale: gamma of the paper, above 0; fast-reid's SBS recipe has 64, and a margin of .35.
        margin: m of the paper, at least 0.

    Returns:
        Scores (B, classes).

    Raises:
        InputError: shapes or types do not fit, a label has no class, or a number is out of its range.

    Example:
        >>> circle_scores(torch.tensor([[0.5, 0.25]]), torch.tensor([0]), scale=4.0, margin=0.25)
        tensor([[-0.7500,  0.0000]])
    """
    own = own_cosines(cosines, labels, scale)
    check_margin(margin)
    positive = (1 + margin - own.detach()).clamp(min=0) * (own - 1 + margin)
    negative = (cosines.detach() + margin).clamp(min=0) * (cosines - margin)
    return scale * negative.scatter(1, labels.long()[:, None], positive)


SCORES = {"arcface": arcface_scores, "cosface": cosface_scores, "circle": circle_scores}
"""Names in recipes -> scores with a margin."""


def own_cosines(cosines: Tensor, labels: Tensor, scale: float) -> Tensor:
    """The cosine of each image with its own identity (B, 1); raises an InputError if something does not fit."""
    check_scores(cosines, ("images", "classes"))
    check_labels(labels, (len(cosines),), cosines.shape[1])
    if not (is_number(scale) and scale > 0):
        raise InputError(f"scale must be above 0, got {scale!r}")
    return cosines.gather(1, labels.long()[:, None])


def check_margin(margin: float, largest: float = math.inf) -> None:
    """Raises an InputError if a margin is out of its range."""
    if not (is_number(margin) and 0 <= margin <= largest):
        raise InputError(f"margin must lie between 0 and {largest:.5g}, got {margin!r}")
