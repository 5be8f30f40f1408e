"""The figures of a classifier from its probabilities: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rga.arrays import read_array, read_integers
from rga.classification.result import ClassificationResult
from rga.errors import InputError

BINS = 15
"""Of the calibration error, as in Guo et al."""


def evaluate(probabilities: NDArray[np.floating], labels: NDArray[np.integer], classes: Sequence[str]) -> ClassificationResult:
    """Measures the answers of a classifier.

    Of equal probabilities the first class is the answer.

    Args:
        probabilities: (n, C), each row sums to 1.
        labels: (n,) the right classes, from 0.
        classes: C names.

    Raises:
        InputError: shapes do not fit, there is no image, a label has no class, a row is no distribution, or not of numbers.

    Example:
        >>> result = evaluate(np.array([[0.8, 0.2], [0.6, 0.4]]), np.array([0, 1]), ["cat", "dog"])
        >>> result.top1, result.confusion.tolist()
        (0.5, [[1, 0], [1, 0]])
    """
    probabilities, labels, count = read_array(probabilities, "probabilities"), read_integers(labels, "labels"), len(classes)
    if probabilities.dtype.kind != "f":
        raise InputError(f"probabilities must be floating-point numbers, got {probabilities.dtype}")
    if probabilities.ndim != 2 or labels.ndim != 1 or probabilities.shape != (len(labels), count) or not len(labels):
        raise InputError(f"expected probabilities (images, {count}) and as many labels, got {probabilities.shape} and {labels.shape}")
    if labels.min() < 0 or labels.max() >= count:
        raise InputError(f"labels must lie between 0 and {count - 1}, got {labels.min()} to {labels.max()}")
    broken = int((~np.isfinite(probabilities).all(1)).sum())
    if broken:
        raise InputError(
            f"the probabilities of {broken} of {len(labels)} images are NaN or infinite: the model has diverged, or was trained for too "
            "few steps for its normalisation; lower the learning rate, or train longer before it is evaluated"
        )
    if not np.allclose(probabilities.sum(1), 1, atol=1e-3) or probabilities.min() < 0:
        raise InputError("each row of the probabilities must be a distribution: not negative, with the sum 1 (pass the softmax of scores)")
    answers = probabilities.argmax(1)
    confusion = np.bincount(labels * count + answers, minlength=count**2).reshape(count, count).astype(np.int64)
    of_the_right = probabilities[np.arange(len(labels)), labels]
    return ClassificationResult(
        tuple(classes),
        confusion,
        top5=top_share(probabilities, labels, 5) if count > 5 else None,
        calibration_error=calibration_error(probabilities.max(1), answers == labels),
        cross_entropy=float(-np.log(np.maximum(of_the_right, 1e-12)).mean()),
    )


def top_share(probabilities: NDArray[np.floating], labels: NDArray[np.integer], top: int) -> float:
    """Share of the images whose class is among the ``top`` likeliest; of equally likely ones the first come first."""
    right = probabilities[np.arange(len(labels)), labels][:, None]
    before = np.arange(probabilities.shape[1])[None] < labels[:, None]
    ranks = (probabilities > right).sum(1) + ((probabilities == right) & before).sum(1)
    return float((ranks < top).mean())


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv 1706.04599, equation 3.

    Answers are sorted into bins of equal width by their probability; in each, the mean probability is compared with the share of right
    answers. The mean of the differences by the number of answers is returned, in [0, 1].

    Args:
        confidence: (n,) probabilities of the answers.
        right: (n,) whether they are right.
        bins: how many.

    Example:
        >>> round(calibration_error(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False])), 6)
        0.1
    """
    bin_index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)  # bins are open below and closed above
    gap = np.bincount(bin_index, weights=right - confidence.astype(np.float64), minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))
