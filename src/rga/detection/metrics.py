"""COCO's metrics of boxes and masks, by pycocotools itself: average precision over IoU thresholds, by size and by category.

Objects are those of the dataset, with crowd regions and the areas of its annotations; detections come in any order. What pycocotools
cannot take as it is, is brought into its form first: an empty list of detections, and numbers of annotations from 0 on, of which it would
take the first for none.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rga.detection.datasets.categories import Categories
from rga.detection.datasets.masks import encode
from rga.detection.datasets.samples import AnnotatedObject
from rga.detection.found import Detections
from rga.errors import InputError
from rga.extras import require

Kind = Literal["bbox", "segm"]

MOST = 100
"""Detections of an image that count: the surest."""

SIZES = ("all", "small", "medium", "large")
"""Sizes of objects: all, below 32², to 96², and above, in pixels of their area."""

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Of the IoU, from which on a detection is right."""


@dataclass(frozen=True, eq=False)
class EncodedDetections:
    """What was found in one image, its masks in run lengths, which take little memory.

    Attributes:
        boxes: (N, 4): left, top, width, height.
        labels: (N,), indices of categories.
        scores: (N,).
        masks: compressed run lengths, as pycocotools has them.
    """

    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    masks: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, found: Detections) -> EncodedDetections:
        """Encodes what a model found."""
        boxes = found.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        return cls(boxes, found.labels, found.scores.astype(np.float64), tuple(encode(mask) for mask in found.masks))


@dataclass(frozen=True, eq=False)
class Precision:
    """Average precision and recall of boxes or of masks, as fractions; NaN where no object counts.

    Attributes:
        precision: (thresholds, categories, sizes): the mean precision over 101 points of recall.
        recall: (thresholds, categories, sizes): the largest recall.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Checks the shapes and makes the arrays read-only."""
        if self.precision.shape != self.recall.shape or self.precision.ndim != 3 or self.precision.shape[::2] != (10, len(SIZES)):
            raise InputError(f"precision and recall are (10, categories, {len(SIZES)}), got {self.precision.shape} and {self.recall.shape}")
        self.precision.setflags(write=False)
        self.recall.setflags(write=False)

    @property
    def AP(self) -> float:  # noqa: N802  the field's own name
        """The mean over categories and the thresholds .50, .55, ... .95."""
        return mean(self.precision[..., 0])

    @property
    def AP50(self) -> float:  # noqa: N802  likewise
        """At an IoU of .50."""
        return mean(self.precision[0, :, 0])

    @property
    def AP75(self) -> float:  # noqa: N802  likewise
        """At an IoU of .75."""
        return mean(self.precision[5, :, 0])

    @property
    def by_size(self) -> dict[str, float]:
        """AP of small, medium and large objects."""
        return {name: mean(self.precision[..., index]) for index, name in enumerate(SIZES) if index}

    @property
    def by_class(self) -> NDArray[np.float64]:
        """AP of each category (categories,); NaN for those without objects."""
        return np.array([mean(self.precision[:, index, 0]) for index in range(self.precision.shape[1])])

    @property
    def AR(self) -> float:  # noqa: N802  likewise
        """Average recall with 100 detections an image."""
        return mean(self.recall[..., 0])

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """The figures as JSON can hold them; None where no object counts.

        Args:
            names: of the categories.
        """
        figures = {"AP": self.AP, "AP50": self.AP50, "AP75": self.AP75, "AR": self.AR}
        sizes = {f"AP_{name}": value for name, value in self.by_size.items()}
        classes = dict(zip(names, self.by_class.tolist(), strict=True))
        return {
            **{name: known(value) for name, value in {**figures, **sizes}.items()},
            "by_class": {k: known(v) for k, v in classes.items()},
        }


def coco_metrics(
    objects: Sequence[Sequence[AnnotatedObject]],
    found: Sequence[EncodedDetections],
    sizes: Sequence[tuple[int, int]],
    categories: Categories,
    kind: Kind,
) -> Precision:
    """COCO's metrics of what was found in some images.

    Args:
        objects: of each image, with crowd regions.
        found: in each image.
        sizes: (height, width) of each image.
        categories: of both.
        kind: bbox for boxes, segm for masks.

    Raises:
        InputError: the lists differ in their lengths, or an object has no mask and masks are measured.
        MissingPackageError: pycocotools is not installed.
    """
    if not len(objects) == len(found) == len(sizes):
        raise InputError(f"got objects of {len(objects)} images, detections in {len(found)} and sizes of {len(sizes)}")
    require("pycocotools")
    from pycocotools.coco import COCO  # noqa: PLC0415  an optional dependency
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

    images = [{"id": index, "height": size[0], "width": size[1]} for index, size in enumerate(sizes)]
    named = [{"id": index, "name": name} for index, name in enumerate(categories.names)]
    truth = [annotation(each, image, kind) for image, those in enumerate(objects) for each in those]
    answers = [each for image, those in enumerate(found) for each in detection_entries(those, image, kind)]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints how long it took
        sides = []
        for entries in (truth, answers):
            side: Any = COCO()
            numbered = [{**entry, "id": number} for number, entry in enumerate(entries, start=1)]
            side.dataset = {"images": images, "categories": named, "annotations": numbered}
            side.createIndex()
            sides.append(side)
        evaluation: Any = COCOeval(*sides, kind)
        evaluation.params.maxDets = [1, 10, MOST]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: NDArray[np.float64] = evaluation.eval["precision"][..., -1]  # (thresholds, recalls, categories, sizes)
    recall: NDArray[np.float64] = evaluation.eval["recall"][..., -1]  # (thresholds, categories, sizes)
    return Precision(np.where(precision[:, 0] < 0, np.nan, precision.mean(1)), np.where(recall < 0, np.nan, recall))


def annotation(each: AnnotatedObject, image: int, kind: Kind) -> dict[str, Any]:
    """An object as pycocotools takes it.

    Raises:
        InputError: it has no mask, and masks are measured.
    """
    entry: dict[str, Any] = {
        "image_id": image,
        "category_id": each.category,
        "bbox": list(each.box),
        "area": each.area,
        "iscrowd": int(each.crowd),
    }
    if kind == "segm":
        if each.segmentation is None:
            raise InputError("an object has no segmentation: masks cannot be measured on it; measure boxes")
        entry["segmentation"] = each.segmentation.encoded()
    return entry


def detection_entries(found: EncodedDetections, image: int, kind: Kind) -> list[dict[str, Any]]:
    """What was found in an image as pycocotools takes it: its area is that of the box, or of the mask."""
    require("pycocotools")
    from pycocotools import mask  # noqa: PLC0415  an optional dependency

    entries = []
    for box, label, score, rle in zip(found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), found.masks, strict=True):
        entry: dict[str, Any] = {"image_id": image, "category_id": label, "score": score, "iscrowd": 0, "bbox": box}
        if kind == "segm":
            entry |= {"segmentation": rle, "area": float(mask.area(rle))}
        else:
            entry["area"] = box[2] * box[3]
        entries.append(entry)
    return entries


def mean(values: NDArray[np.float64]) -> float:
    """The mean of the values that are known; NaN if none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def known(value: float) -> float | None:
    """A figure for JSON: None for one that is not known."""
    return None if np.isnan(value) else value
