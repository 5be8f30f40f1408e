"""How an image of any size is predicted: whole or in windows, at which scales; and where the windows lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from rga.errors import InputError
from rga.segmentation.cells import Size

LARGEST_WINDOW, LARGEST_SCALE = 16_384, 16
"""Images are padded to windows, and resized by scales: a mistyped number must not take all memory."""


@dataclass(frozen=True)
class Inference:
    """How an image is predicted.

    Attributes:
        window: (height, width) of sliding windows; None predicts the image as a whole.
        overlap: the share of a window that the next one covers again, at least.
        scales: at which the image is predicted; the probabilities are averaged.
        flip: predict its mirror image, too.

    Raises:
        InputError: one of them is out of its range.
    """

    window: Size | None = None
    overlap: float = 1 / 3
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    def __post_init__(self) -> None:
        if self.window is not None and not (min(self.window) >= 1 and max(self.window) <= LARGEST_WINDOW):
            raise InputError(f"a window is (height, width) in pixels, up to {LARGEST_WINDOW}, got {self.window}")
        if not 0 <= self.overlap < 1:
            raise InputError(f"overlap must lie between 0 and 1, without 1, got {self.overlap}")
        if not self.scales or not all(0 < scale <= LARGEST_SCALE for scale in self.scales):
            raise InputError(f"scales are one or more positive numbers, up to {LARGEST_SCALE}, got {self.scales}")

    def __str__(self) -> str:
        scales = "single scale" if self.scales == (1.0,) else "scales " + ", ".join(f"{scale:g}" for scale in self.scales)
        window = "" if self.window is None else f", windows of {self.window[0]}x{self.window[1]}"
        return scales + window + (", flip" if self.flip else "")


def windows(size: Size, window: Size, overlap: float) -> Iterator[tuple[int, int]]:
    """The upper left corners of windows that cover an image; the last of each row and column ends with it.

    Example:
        >>> list(windows((4, 10), (4, 4), 0.25))
        [(0, 0), (0, 3), (0, 6)]
    """
    return product(starts(size[0], window[0], overlap), starts(size[1], window[1], overlap))


def starts(length: int, side: int, overlap: float) -> list[int]:
    """Where windows along one axis begin: evenly, overlapping at least as much as is asked for."""
    if length <= side:
        return [0]
    step = max(1, int(side * (1 - overlap)))
    count = -(-(length - side) // step) + 1
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def scaled(size: Size, scale: float) -> Size:
    """A size times a scale, at least one pixel."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
