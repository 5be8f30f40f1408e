"""The objects of generated street scenes in COCO's format (Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014).

Categories have Cityscapes' numbers, between which there are gaps, as in COCO. Masks are run-length encoded and show what can be seen of an
object. What is too small to be told apart is one crowd region (``iscrowd``) for each category, as COCO marks what is not to be counted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.synthetic.streets.canvas import Label

CATEGORIES: dict[Label, str] = {Label.TRAFFIC_SIGN: "traffic sign", Label.PERSON: "person", Label.CAR: "car"}

SMALLEST_AREA, SMALLEST_SIDE = 48, 4
"""Pixels of an object, and of its box's shorter side, from which on it is told apart."""


class CocoFile:
    """The annotations of one split, as they come together."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, name: str, objects: NDArray[np.int32], labels: Sequence[Label]) -> None:
        """Adds an image.

        Args:
            name: of its file.
            objects: (H, W), the number of the object that each pixel shows, from 1; 0 for none.
            labels: of the objects.
        """
        height, width = objects.shape
        image = len(self.images) + 1
        self.images.append({"id": image, "file_name": name, "width": width, "height": height})
        crowds: dict[Label, NDArray[np.bool_]] = {}
        for number, label in enumerate(labels, start=1):
            mask = objects == number
            if not mask.any():
                continue  # hidden by others, or out of the image
            if mask.sum() < SMALLEST_AREA or min(box_of(mask)[2:]) < SMALLEST_SIDE:
                crowds[label] = crowds.get(label, np.zeros_like(mask)) | mask
            else:
                self.annotate(image, label, mask, crowd=False)
        for label, mask in crowds.items():
            self.annotate(image, label, mask, crowd=True)

    def annotate(self, image: int, label: Label, mask: NDArray[np.bool_], *, crowd: bool) -> None:
        """Adds an object, or a crowd, of an image."""
        self.annotations.append(
            {
                "id": len(self.annotations) + 1,
                "image_id": image,
                "category_id": int(label),
                "bbox": list(box_of(mask)),
                "area": int(mask.sum()),
                "iscrowd": int(crowd),
                "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
            }
        )

    def write(self, path: Path) -> None:
        """Writes the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        categories = [{"id": int(label), "name": name, "supercategory": "street"} for label, name in CATEGORIES.items()]
        content = {"images": self.images, "annotations": self.annotations, "categories": categories}
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height of what a mask shows.

    Example:
        >>> box_of(np.array([[False, False, False], [False, True, True]]))
        (1, 1, 2, 1)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """COCO's run lengths of a mask: pixels outside and inside in turn, column by column, beginning with those outside.

    Example:
        >>> run_lengths(np.array([[True, False], [True, True]]))
        [0, 2, 1, 1]
    """
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels)) + 1
    runs = np.diff(np.concatenate(([0], changes, [pixels.size])))
    return [*([0] if pixels[0] else []), *map(int, runs)]
