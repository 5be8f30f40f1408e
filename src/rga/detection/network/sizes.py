"""The sizes of images that a detector sees: resized as wholes, then padded to a multiple of the coarsest stride."""

from __future__ import annotations

from rga.errors import InputError

Size = tuple[int, int]
"""Height and width in pixels."""

COARSEST = 32
"""Pixels of an image for one position of the last stage's map; torchvision pads to it, too."""


def within(size: Size, bounds: Size, scale: float = 1.0) -> Size:
    """The largest size of the same aspect whose shorter and longer sides are within bounds, whichever is the height.

    Args:
        size: (height, width).
        bounds: most pixels of the shorter and of the longer side.
        scale: of the bounds.

    Example:
        >>> within((480, 640), (800, 1333)), within((640, 480), (800, 1333)), within((100, 400), (800, 1333))
        ((800, 1067), (1067, 800), (333, 1333))
    """
    short, long = sorted(bounds)
    return scaled(size, scale * min(short / min(size), long / max(size)))


def inside(size: Size, canvas: Size, scale: float = 1.0) -> Size:
    """The largest size of the same aspect that a canvas (height, width) holds.

    Args:
        size: (height, width).
        canvas: likewise.
        scale: of the size; at most 1.

    Example:
        >>> inside((480, 640), (800, 1333)), inside((640, 480), (800, 1333))
        ((800, 1067), (800, 600))
    """
    if not 0 < scale <= 1:
        raise InputError(f"images of fit exact have one size, and a scale of {scale:g} would leave it: choose scales up to 1, or fit pool")
    return scaled(size, scale * min(canvas[0] / size[0], canvas[1] / size[1]))


def scaled(size: Size, factor: float) -> Size:
    """A size times a factor, in whole pixels."""
    return max(1, round(factor * size[0])), max(1, round(factor * size[1]))


def to_multiple(size: Size, multiple: int = COARSEST) -> Size:
    """The smallest size that holds another one and is a multiple.

    Example:
        >>> to_multiple((800, 1333))
        (800, 1344)
    """
    return -(-size[0] // multiple) * multiple, -(-size[1] // multiple) * multiple
