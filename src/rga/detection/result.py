"""What a detection model is worth: COCO's metrics of boxes and masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rga.detection.metrics import Precision
from rga.errors import InputError


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """The figures of one evaluation.

    Attributes:
        boxes: of the boxes.
        masks: of the masks; None where the dataset has objects without masks.
        names: of the categories.
        images: how many.
        objects: how many, without crowd regions.

    Raises:
        InputError: the figures are of other categories, or no object counts.
    """

    boxes: Precision
    masks: Precision | None
    names: tuple[str, ...]
    images: int
    objects: int

    def __post_init__(self) -> None:
        for figures in (self.boxes, self.masks):
            if figures is not None and figures.precision.shape[1] != len(self.names):
                raise InputError(f"the figures are of {figures.precision.shape[1]} categories, and there are {len(self.names)} names")
        if not self.objects:
            raise InputError("no object counts, so there is nothing to measure")

    @property
    def main(self) -> float:
        """The AP that models are compared by: of masks where there are some, else of boxes."""
        return self.boxes.AP if self.masks is None else self.masks.AP

    def figures(self) -> dict[str, float]:
        """The figures of a training's log."""
        kinds = {"box": self.boxes, **({} if self.masks is None else {"mask": self.masks})}
        return {
            f"{kind}_{name}": value for kind, of in kinds.items() for name, value in (("AP", of.AP), ("AP50", of.AP50), ("AP75", of.AP75))
        }

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them; None where no object counts."""
        return {
            "boxes": self.boxes.to_dict(self.names),
            "masks": None if self.masks is None else self.masks.to_dict(self.names),
            "images": self.images,
            "objects": self.objects,
        }

    def __str__(self) -> str:
        """The figures in percent, category by category, and what they were measured on."""
        kinds = {"box": self.boxes, **({} if self.masks is None else {"mask": self.masks})}
        width = max(map(len, (*self.names, "category")))
        lines = [f"{'category':<{width}}" + "".join(f" {kind + ' AP':>8}" for kind in kinds)]
        for index, name in enumerate(self.names):
            lines.append(f"{name:<{width}}" + "".join(f" {percent(of.by_class[index]):>8}" for of in kinds.values()))
        for kind, of in kinds.items():
            sizes = ", ".join(f"{size} {percent(value)}" for size, value in of.by_size.items())
            lines.append(
                f"{kind} AP {percent(of.AP)}, AP50 {percent(of.AP50)}, AP75 {percent(of.AP75)}, AR {percent(of.AR)}; AP of {sizes}"
            )
        return "\n".join([*lines, f"{self.images:,} images, {self.objects:,} objects, at most 100 detections an image"])


def percent(value: float) -> str:
    """A share in percent.

    Example:
        >>> percent(0.1234), percent(float("nan"))
        ('12.3%', '-')
    """
    return "-" if np.isnan(value) else f"{value:.1%}"
