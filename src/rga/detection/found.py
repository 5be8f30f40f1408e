"""What a model finds in one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.detection.datasets.masks import encode
from rga.errors import InputError


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects in an image, the surest first.

    Attributes:
        boxes: (N, 4): left, top, right, bottom in pixels of the image.
        labels: (N,), the index of each object's category.
        scores: (N,), from 0 to 1.
        masks: (N, H, W), the pixels of each object, at the image's size.

    Raises:
        InputError: the arrays do not fit together, or a box or a score cannot be.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.boxes)
        shapes = (self.boxes.shape, self.labels.shape, self.scores.shape, self.masks.shape[:1])
        if shapes != ((count, 4), (count,), (count,), (count,)) or self.masks.ndim != 3:
            raise InputError(
                f"boxes {self.boxes.shape}, labels {self.labels.shape}, scores {self.scores.shape} and masks {self.masks.shape} do not fit "
                "together: expected (N, 4), (N,), (N,) and (N, H, W)"
            )
        if not np.isfinite(self.boxes).all() or (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise InputError("a box is not finite, or ends before it begins: expected left, top, right, bottom")
        if count and not (self.scores.min() >= 0 and self.scores.max() <= 1):
            raise InputError(f"scores lie between 0 and 1, got {self.scores.min():g} to {self.scores.max():g}")
        if count and self.labels.min() < 0:
            raise InputError(f"labels are indices of categories, from 0, got {self.labels.min()}")

    def __len__(self) -> int:
        """How many objects."""
        return len(self.boxes)

    def above(self, score: float) -> Detections:
        """Those whose score is at least this."""
        kept = self.scores >= score
        return Detections(self.boxes[kept], self.labels[kept], self.scores[kept], self.masks[kept])

    def to_dicts(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """The objects as JSON can hold them: class, score, box as COCO has it, and the mask in compressed run lengths.

        Args:
            names: of the categories.
        """
        found = []
        for box, label, score, mask in zip(self.boxes.tolist(), self.labels.tolist(), self.scores.tolist(), self.masks, strict=True):
            rle = encode(mask)
            found.append(
                {
                    "class": names[label],
                    "score": score,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "segmentation": {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")},
                }
            )
        return found
