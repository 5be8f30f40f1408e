"""What a classifier is worth: the result of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError


@dataclass(frozen=True, eq=False)
class ClassificationResult:
    """The figures of one evaluation.

    Attributes:
        classes: their names, in the order of the confusion matrix.
        confusion: (classes, classes), how many images of the class of the row were taken for that of the column.
        top5: share of the images whose class is among the five likeliest; None where there are five classes or fewer.
        calibration_error: expected calibration error, in [0, 1]: how far the probability of the answers is from the share that is right.
        cross_entropy: mean of -log of the probability of the right class.
        split: of the dataset that was measured on; empty where it has no name.
    """

    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    top5: float | None
    calibration_error: float
    cross_entropy: float
    split: str = ""

    def __post_init__(self) -> None:
        """Checks ranges and makes the matrix read-only."""
        if self.confusion.shape != (len(self.classes),) * 2 or self.confusion.min() < 0 or not self.confusion.sum():
            raise InputError(
                f"a confusion matrix of {len(self.classes)} classes counts images, got the shape {self.confusion.shape} and "
                f"{self.confusion.sum()} images"
            )
        for name in ("top5", "calibration_error"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} must be within [0, 1], got {value}")
        self.confusion.setflags(write=False)

    @property
    def images(self) -> int:
        """How many were classified."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float:
        """Share of the images that were classified right."""
        return float(self.confusion.trace() / self.images)

    @property
    def recall(self) -> NDArray[np.float64]:
        """(classes,) share of the images of each class that were classified right; NaN for a class without images."""
        return divide(self.confusion.diagonal(), self.confusion.sum(1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """(classes,) share of the images taken for each class that are of it; NaN for a class that was never answered."""
        return divide(self.confusion.diagonal(), self.confusion.sum(0))

    def confusions(self, most: int) -> list[tuple[str, str, int]]:
        """The commonest mistakes: a class, what it was taken for, and how often."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        rows, columns = np.unravel_index(order, wrong.shape)
        cells = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(self.classes[row], self.classes[column], int(wrong[row, column])) for row, column in cells if wrong[row, column]]

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {
            "split": self.split,
            "images": self.images,
            "top1": self.top1,
            "top5": self.top5,
            "calibration_error": self.calibration_error,
            "cross_entropy": self.cross_entropy,
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
        }

    def __str__(self) -> str:
        """The figures in percent, and what they were measured on."""
        top5 = "" if self.top5 is None else f", top-5 {self.top5:.2%}"
        return (
            f"top-1 {self.top1:.2%}{top5}, calibration error {self.calibration_error:.2%}, cross-entropy {self.cross_entropy:.3f}; "
            f"{self.images:,} images of {len(self.classes)} classes{f' in {self.split}' if self.split else ''}"
        )


def divide(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares; NaN where the whole is 0."""
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
