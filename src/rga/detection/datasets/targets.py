"""An image and what is to be found in it, as arrays: read, checked against its annotations, and without what cannot be learnt from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.datasets.layout import DataError
from rga.detection.datasets.samples import AnnotatedObject, Sample
from rga.images.images import read_image


class Target(NamedTuple):
    """The objects of an image.

    Attributes:
        boxes: (N, 4), float32: left, top, right, bottom in pixels, within the image.
        labels: (N,): indices of categories.
        masks: (N, H, W), none of which is empty.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_]


def read_checked(sample: Sample) -> Image.Image:
    """Reads an image as RGB, turned as its EXIF orientation says.

    Raises:
        MissingFileError: there is no such file.
        DamagedImageError: it is no image, or a damaged one.
        DataError: it is of another size than its annotations say.
    """
    image = read_image(sample.image)
    height, width = sample.size
    if image.size != (width, height):
        turned = "; its EXIF orientation turns it, and the annotations do not" if image.size == (height, width) else ""
        raise DataError(
            f"{sample.image} is {image.width}x{image.height} as a viewer shows it, its annotations are of {width}x{height}{turned}: "
            "boxes would lie elsewhere; fix the image or the annotations"
        )
    return image


def clipped(each: AnnotatedObject, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the part of an object's box that is in its image of (height, width)."""
    left, top, width, height = each.box
    return max(left, 0.0), max(top, 0.0), min(left + width, size[1]), min(top + height, size[0])


def unlearnable(each: AnnotatedObject, size: tuple[int, int]) -> str:
    """Why nothing can be learnt from an object; empty if something can."""
    left, top, right, bottom = clipped(each, size)
    if right <= left or bottom <= top:
        return "a box without width or height in its image"
    return "" if each.segmentation is not None else "no mask"


def read_target(sample: Sample) -> Target:
    """The objects that can be learnt from, without crowd regions: those with a box and a mask."""
    objects = [each for each in sample.told if not unlearnable(each, sample.size)]
    masks = np.zeros((len(objects), *sample.size), np.bool_)
    for index, each in enumerate(objects):
        assert each.segmentation is not None
        masks[index] = each.segmentation.mask()
    seen = masks.any((1, 2))  # a polygon may lie between the centres of pixels
    boxes = np.array([clipped(each, sample.size) for each in objects], np.float32).reshape(-1, 4)
    labels = np.array([each.category for each in objects], np.int64)
    return Target(boxes[seen], labels[seen], masks[seen])
