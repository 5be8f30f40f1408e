"""How good a crop is for recognising the person on it, as a figure from 0 to 1.

quality = sharpness x size x wholeness x visibility, each from 0 to 1:

- sharpness: ``v / (v + 300)``, v being the variance of the Laplacian of the grey crop, made smaller if it is larger than 64x128 pixels:
  below 100 for a blurred crop, and 1,000 and more for a sharp one;
- size: height of the box in pixels over 256, the height that re-identification models read, at most 1;
- wholeness: the share of the box that lies in the frame, and half of that for a box that reaches the frame's edge, where people are cut;
- visibility: 1 minus the largest share of the box that a box covers whose lower edge is lower: of a person nearer to the camera.

The figure compares crops of one track with each other. It is no probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.gallery.crop import Box
from rga.gallery.enrolment.boxes import Boxes, cut, shared_area

SIZE = (64, 128)
"""Width and height up to which sharpness is measured: a large crop is not blurred because it has more pixels than it needs."""

SHARP = 300.0
"""Variance of the Laplacian at which sharpness is one half."""

TALL = 256.0
"""Height in pixels from which more pixels are of no use."""

EDGE = 1.5
"""Pixels from the frame's edge within which a box reaches it."""


def qualities(image: NDArray[np.uint8], boxes: Boxes) -> list[float]:
    """The qualities of all crops of a frame.

    Args:
        image: the whole frame, (H, W, 3).
        boxes: (N, 4).
    """
    return [quality(image, Box(*map(float, row)), np.delete(boxes, index, axis=0)) for index, row in enumerate(boxes)]


def quality(image: NDArray[np.uint8], box: Box, others: Boxes) -> float:
    """The quality of a crop.

    Args:
        image: the whole frame, (H, W, 3).
        box: of the person in it.
        others: (N, 4), boxes of other people in it.

    Returns:
        From 0 to 1; 0 if no pixel of the frame lies in the box.
    """
    part = cut(image, box)
    if part is None:
        return 0.0
    return sharpness(part) * min(1.0, box.height / TALL) * wholeness(box, image.shape[:2]) * visibility(box, others)


def sharpness(crop: NDArray[np.uint8]) -> float:
    """How sharp a crop is.

    Args:
        crop: (h, w, 3).
    """
    image = Image.fromarray(crop).convert("L")
    scale = min(1.0, SIZE[0] / image.width, SIZE[1] / image.height)
    size = max(3, round(scale * image.width)), max(3, round(scale * image.height))
    grey = np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    variance = float(laplacian.var())
    return variance / (variance + SHARP)


def wholeness(box: Box, size: tuple[int, ...]) -> float:
    """How much of a person is in the frame.

    Args:
        box: of the person.
        size: height and width of the frame.
    """
    height, width = size
    right, bottom = box.left + box.width, box.top + box.height
    inside = max(0.0, min(right, width) - max(box.left, 0)) * max(0.0, min(bottom, height) - max(box.top, 0))
    reaches = box.left <= EDGE or box.top <= EDGE or right >= width - EDGE or bottom >= height - EDGE
    return inside / (box.width * box.height) * (0.5 if reaches else 1.0)


def visibility(box: Box, others: Boxes) -> float:
    """How much of a person nobody else covers.

    Args:
        box: of the person.
        others: (N, 4), boxes of other people.
    """
    nearer = others[others[:, 1] + others[:, 3] > box.top + box.height]
    covered = shared_area(np.array([box], dtype=np.float64), nearer) / (box.width * box.height)
    return 1.0 - float(covered.max(initial=0.0))
