"""How many cells of an output stride hold the pixels of an image; ``rga.segmentation.network.resolution`` says why images are padded."""

from __future__ import annotations

Size = tuple[int, int]
"""Height and width in pixels."""


def padded_size(size: Size, multiple: int) -> Size:
    """The smallest size that holds another one and is a multiple.

    Example:
        >>> padded_size((193, 288), 16)
        (208, 288)
    """
    return cells(size[0], multiple) * multiple, cells(size[1], multiple) * multiple


def cells(pixels: int, stride: int) -> int:
    """How many cells of a stride hold so many pixels: the quotient, rounded up."""
    return -(-pixels // stride)


def stride_between(positions: int, pixels: int) -> int:
    """The power of two s with ceil(pixels / s) positions; 0 if there is none.

    From two positions on there is at most one. A single position has the same score at all pixels whatever its stride.

    Example:
        >>> stride_between(5, 35), stride_between(4, 35)
        (8, 0)
    """
    stride = 1
    while cells(pixels, stride) > positions:
        stride *= 2
    return stride if cells(pixels, stride) == positions else 0
