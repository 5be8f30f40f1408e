"""The confusion matrix of a segmentation, and the figures that follow from it.

All figures of this project come from one matrix, pooled over all pixels of all images, as Cityscapes' and CamVid's do; means over
images are another measure and are not offered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rga.arrays import check_count, read_integers
from rga.errors import InputError
from rga.segmentation.datasets.classes import IGNORED

Matrix = NDArray[np.int64]
"""(classes, classes): pixels by their class (rows) and their predicted class (columns)."""


def confusion_matrix(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> Matrix:
    """Counts pixels by class and predicted class.

    Args:
        truth: indices of classes, and ``IGNORED``; any shape.
        predicted: indices of classes, of the same shape.
        classes: how many.

    Raises:
        InputError: they are not integers, the shapes differ, or an index is none of a class.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 0]), 2)
        array([[1, 1],
               [0, 1]])
    """
    classes = check_count("classes", classes)
    truth, predicted = read_integers(truth, "the mask"), read_integers(predicted, "the prediction")
    if truth.shape != predicted.shape:
        raise InputError(f"the prediction's shape {predicted.shape} is not that of the mask, {truth.shape}")
    counted = truth != IGNORED
    rows, columns = truth[counted], predicted[counted]
    for what, indices in (("mask", rows), ("prediction", columns)):
        if indices.size and not 0 <= indices.min() <= indices.max() < classes:
            raise InputError(f"the {what} has indices from {indices.min()} to {indices.max()}: there are {classes} classes")
    return np.bincount(classes * rows + columns, minlength=classes**2).reshape(classes, classes)


def class_iou(matrix: Matrix) -> NDArray[np.float64]:
    """Intersection over union of each class (classes,); NaN for those that are neither there nor predicted."""
    matrix = checked(matrix)
    both = np.diag(matrix).astype(np.float64)
    return divide(both, matrix.sum(0) + matrix.sum(1) - both)


def class_accuracy(matrix: Matrix) -> NDArray[np.float64]:
    """The share of each class's pixels that are predicted as it (classes,); NaN for those that are not there."""
    matrix = checked(matrix)
    return divide(np.diag(matrix).astype(np.float64), matrix.sum(1))


def checked(matrix: Matrix) -> Matrix:
    """A confusion matrix; raises an InputError for what is none."""
    matrix = read_integers(matrix, "the confusion matrix")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"a confusion matrix is square, (classes, classes), got the shape {matrix.shape}")
    return matrix


def divide(parts: NDArray[np.float64], wholes: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares, NaN where there is no whole."""
    shares = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
