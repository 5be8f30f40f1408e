"""What a segmentation is worth, and what it says about one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.segmentation.confusion import Matrix, class_accuracy, class_iou


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a model sees in an image.

    Attributes:
        labels: (H, W), the index of each pixel's class.
        confidence: (H, W), the probability that the model gives it.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or self.labels.shape != self.confidence.shape:
            raise InputError(f"labels and confidence are maps of one size, got the shapes {self.labels.shape} and {self.confidence.shape}")


@dataclass(frozen=True, eq=False)
class SegmentationResult:
    """The figures of one evaluation; all are fractions in [0, 1], from one confusion matrix over all pixels.

    Attributes:
        matrix: (classes, classes): pixels by their class (rows) and their predicted class (columns).
        names: of the classes.
        images: how many images.
        method: how they were predicted, in words.

    Raises:
        InputError: the matrix is not one of the classes, or counts no pixel.
    """

    matrix: Matrix
    names: tuple[str, ...]
    images: int
    method: str = "single scale"

    def __post_init__(self) -> None:
        """Checks the matrix and makes it read-only."""
        matrix = np.array(self.matrix, dtype=np.int64)
        if matrix.shape != (len(self.names),) * 2 or (matrix < 0).any():
            raise InputError(f"a confusion matrix of {len(self.names)} classes is square and counts, got the shape {matrix.shape}")
        if not matrix.any():
            raise InputError("no pixel counts: all are ignored, so there is nothing to measure")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class; NaN for those that are neither there nor predicted."""
        return class_iou(self.matrix)

    @property
    def mIoU(self) -> float:  # noqa: N802 - the field's own name
        """The mean of ``iou`` over the classes that are there or predicted."""
        return float(np.nanmean(self.iou))

    @property
    def pixel_accuracy(self) -> float:
        """The share of the pixels that are right."""
        return float(np.diag(self.matrix).sum() / self.matrix.sum())

    @property
    def mean_accuracy(self) -> float:
        """The mean over the classes of the share of their pixels that are right."""
        return float(np.nanmean(class_accuracy(self.matrix)))

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them; None for classes that are neither there nor predicted."""
        return {
            "mIoU": self.mIoU,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "iou": {name: None if np.isnan(iou) else float(iou) for name, iou in zip(self.names, self.iou, strict=True)},
            "images": self.images,
            "pixels": int(self.matrix.sum()),
            "method": self.method,
            "confusion_matrix": self.matrix.tolist(),
        }

    def __str__(self) -> str:
        """The figures in percent, class by class, and what they were measured on."""
        width = max(map(len, self.names))
        classes = [f"{name:<{width}}  {'-' if np.isnan(iou) else f'{iou:.1%}':>6}" for name, iou in zip(self.names, self.iou, strict=True)]
        figures = f"mIoU {self.mIoU:.2%}, pixel accuracy {self.pixel_accuracy:.2%}, mean accuracy {self.mean_accuracy:.2%}"
        lines = [*classes, figures, f"{self.images:,} images, {int(self.matrix.sum()):,} pixels, {self.method}"]
        there = [name for name, pixels in zip(self.names, self.matrix.sum(1), strict=True) if pixels]
        if len(there) == 1:
            lines.append(f"beware: the masks show {there[0]!r} alone: these figures say nothing about the other classes")
        return "\n".join(lines)
