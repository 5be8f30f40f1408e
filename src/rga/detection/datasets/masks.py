"""The pixels of objects as COCO's format has them: polygons, and run lengths as numbers or as text; checked, and turned into masks.

COCO's compressed run lengths are text: each number is written in groups of 5 bits, the lowest first, as the characters from "0" on; a bit
says that more groups follow, the highest bit of the last one that the number is negative. From the fourth number on, each is the difference
to the number two before (``maskApi.c`` of pycocotools).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.extras import require

Mask = NDArray[np.bool_]
"""(H, W)."""

SIZE_LIMIT = 2**31
"""Pixels of an image that a mask may have."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The pixels of an object.

    Attributes:
        size: (height, width) of the image.
        counts: run lengths column by column, those outside first; None for polygons.
        polygons: of x and y in turn, in pixels of the image; empty for run lengths.
    """

    size: tuple[int, int]
    counts: NDArray[np.uint32] | None = None
    polygons: tuple[NDArray[np.float64], ...] = ()

    @cached_property
    def key(self) -> str:
        """Text that tells it from others."""
        parts = self.polygons if self.counts is None else (self.counts,)
        return " ".join(",".join(map(str, part.tolist())) for part in parts)

    def mask(self) -> Mask:
        """The pixels (H, W) that belong to it.

        Raises:
            MissingPackageError: it is drawn by polygons, and pycocotools is not installed.
        """
        if self.counts is not None:
            inside = np.arange(len(self.counts)) % 2 == 1
            return np.repeat(inside, self.counts).reshape(self.size, order="F")
        rle: Any = coco_masks()
        drawn = rle.frPyObjects([polygon.tolist() for polygon in self.polygons], *self.size)
        mask: Mask = rle.decode(rle.merge(drawn)).astype(np.bool_)
        return mask

    def encoded(self) -> dict[str, Any]:
        """Compressed run lengths as pycocotools takes them: ``size`` and ``counts`` in bytes."""
        rle: Any = coco_masks()
        if self.counts is not None:
            found: dict[str, Any] = rle.frPyObjects({"size": list(self.size), "counts": self.counts.tolist()}, *self.size)
            return found
        merged: dict[str, Any] = rle.merge(rle.frPyObjects([polygon.tolist() for polygon in self.polygons], *self.size))
        return merged


def coco_masks() -> Any:
    """The masks of pycocotools.

    Raises:
        MissingPackageError: it is not installed.
    """
    require("pycocotools")
    from pycocotools import mask  # noqa: PLC0415  an optional dependency

    return mask


def encode(mask: Mask) -> dict[str, Any]:
    """A mask (H, W) as compressed run lengths: ``size`` and ``counts`` in bytes."""
    found: dict[str, Any] = coco_masks().encode(np.asfortranarray(mask, dtype=np.uint8))
    return found


def read_segmentation(value: Any, size: tuple[int, int]) -> Segmentation | None:
    """An object's pixels from what its annotation says.

    Args:
        value: a list of polygons, or ``size`` and ``counts``; None or an empty list where nobody drew them.
        size: (height, width) of the image.

    Returns:
        The pixels; None where there are none, or no polygon has three points.

    Raises:
        InputError: it is something else, or does not fit the image.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        return Segmentation(size, counts=read_counts(value, size))
    if not isinstance(value, list):
        raise InputError(f"the segmentation is a {type(value).__name__}: expected a list of polygons, or size and counts")
    polygons = tuple(read_polygon(each, size) for each in value)
    polygons = tuple(each for each in polygons if len(each) >= 6)
    return Segmentation(size, polygons=polygons) if polygons else None


def read_polygon(value: Any, size: tuple[int, int]) -> NDArray[np.float64]:
    """A polygon: x and y in turn.

    Raises:
        InputError: it is none, or lies far outside of the image.
    """
    numbers = isinstance(value, list) and all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in value)
    if not numbers or len(value) % 2 or not all(map(math.isfinite, value)):
        raise InputError(f"a polygon is a list of x and y in turn, got {shortened(value)}")
    points = np.array(value, np.float64)
    for axis, side in ((points[0::2], size[1]), (points[1::2], size[0])):
        if axis.size and not (-side <= axis.min() and axis.max() <= 2 * side):
            raise InputError(f"a polygon lies far outside of its image of {size[1]}x{size[0]}: {shortened(value)}")
    return points


def read_counts(value: dict[str, Any], size: tuple[int, int]) -> NDArray[np.uint32]:
    """Run lengths from numbers or text.

    Raises:
        InputError: they are none, or of an image of another size.
    """
    if value.get("size") != list(size):
        raise InputError(f"the run lengths are of the size {value.get('size')}, their image is {list(size)} (height, width)")
    counts = value.get("counts")
    if isinstance(counts, str):
        counts = decompressed(counts)
    if not isinstance(counts, list) or not all(type(each) is int and 0 <= each < SIZE_LIMIT for each in counts):
        raise InputError(f"run lengths are whole numbers from 0 on, or their compressed text; got {shortened(counts)}")
    if sum(counts) != size[0] * size[1]:
        raise InputError(f"the run lengths cover {sum(counts):,} pixels, their image has {size[0] * size[1]:,}")
    return np.array(counts, np.uint32)


def decompressed(text: str) -> list[int]:
    """Run lengths from COCO's text.

    Raises:
        InputError: it is cut off, or has a character that does not belong there.

    Example:
        >>> decompressed("1341")  # 1, 3, 4, and 1 more than 3
        [1, 3, 4, 4]
    """
    counts: list[int] = []
    number = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise InputError(f"compressed run lengths have the character {character!r}, which does not belong there: the text is damaged")
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        number += counts[-2] if len(counts) > 2 else 0
        if number < 0:
            raise InputError(f"compressed run lengths have a run of {number} pixels: the text is damaged")
        counts.append(number)
        number = shift = 0
    if shift:
        raise InputError("compressed run lengths end within a number: the text is cut off")
    return counts


def shortened(value: Any) -> str:
    """A value for an error, cut where it is long."""
    text = repr(value[:12] if isinstance(value, Sequence) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
