"""Boxes as arrays: how far they overlap, the best of those around one person, and which pixels they cover.

Arrays of boxes are (N, 4), float64: left, top, width, height, in pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rga.gallery.crop import Box

Boxes = NDArray[np.float64]
"""(N, 4): left, top, width, height."""


def from_corners(corners: NDArray[np.floating]) -> Boxes:
    """Boxes from their corners.

    Args:
        corners: (N, 4): left, top, right, bottom.

    Example:
        >>> from_corners(np.array([[1.0, 2.0, 4.0, 8.0]])).tolist()
        [[1.0, 2.0, 3.0, 6.0]]
    """
    corners = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def shared_area(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """The area that boxes have in common.

    Args:
        first: (N, 4).
        second: (M, 4).

    Returns:
        (N, M), in square pixels.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])  # (N, M, 2)
    high = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])  # (N, M, 2)
    sides: NDArray[np.float64] = np.clip(high - low, 0, None)
    return sides[..., 0] * sides[..., 1]


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union (IoU) of boxes.

    Args:
        first: (N, 4).
        second: (M, 4).

    Returns:
        (N, M), from 0 to 1.

    Example:
        >>> overlaps(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0]])).round(3).tolist()
        [[0.333, 0.0]]
    """
    shared = shared_area(first, second)
    union = (first[:, 2] * first[:, 3])[:, None] + (second[:, 2] * second[:, 3])[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def suppress(boxes: Boxes, scores: NDArray[np.float64], max_overlap: float) -> NDArray[np.int64]:
    """Non-maximum suppression: of boxes that overlap, the one with the highest score stays.

    Args:
        boxes: (N, 4).
        scores: (N,).
        max_overlap: IoU up to which two boxes are of two people, from 0 to 1.

    Returns:
        Indices of the boxes that stay, by falling score; of equal ones the first comes first.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[overlaps(boxes[best : best + 1], boxes[order])[0] <= max_overlap]
    return np.array(kept, dtype=np.int64)


def cut(image: NDArray[np.uint8], box: Box, margin: float = 0.0) -> NDArray[np.uint8] | None:
    """The part of an image within a box, as an array of its own.

    Args:
        image: (H, W, 3).
        box: in its pixels; what lies outside of the image is left out.
        margin: added at each side, as a fraction of the box's width or height.

    Returns:
        (h, w, 3), None if no pixel of the image lies in the box.
    """
    height, width = image.shape[:2]
    across, down = margin * box.width, margin * box.height
    left, right = (int(np.clip(round(x), 0, width)) for x in (box.left - across, box.left + box.width + across))
    top, bottom = (int(np.clip(round(y), 0, height)) for y in (box.top - down, box.top + box.height + down))
    return image[top:bottom, left:right].copy() if top < bottom and left < right else None
