"""Prediction on images of any size: whole or by sliding windows, at several scales, with and without a flip, in bounded memory.

Whatever is asked for, probabilities (not scores) are averaged, in one buffer of the image's size; there is one forward pass of one
window at a time. Scores are brought to pixels at the scale and in the window that they were computed in
(``rga.segmentation.network.resolution``). Only then are they flipped back and resized to the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.errors import InputError
from rga.segmentation.network.resolution import Size, on_pixels

LARGEST_WINDOW, LARGEST_SCALE = 16_384, 16
"""Images are padded to windows, and resized by scales: a mistyped number must not take all memory."""

Network = Callable[[Tensor], Tensor]
"""Images (1, 3, H, W) -> scores (1, classes, ceil(H / s), ceil(W / s)) for an output stride s that is a power of two."""


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


def predict(network: Network, image: Tensor, inference: Inference, resolution: float = 1.0) -> Tensor:
    """The probabilities of the classes for each pixel of an image.

    Args:
        network: in evaluation mode.
        image: (3, H, W), normalised.
        inference: whole or in windows, at which scales.
        resolution: every scale is multiplied with it: that of the images that the network was trained on.

    Returns:
        (classes, H, W), float32, on the image's own resolution.

    Raises:
        InputError: the network's scores are not finite, or have a resolution that is not that of an output stride.
    """
    size: Size = (image.shape[1], image.shape[2])
    total: Tensor | None = None
    views = list(product(inference.scales, (False, True) if inference.flip else (False,)))
    for scale, flip in views:
        shown = resized(image[None], scaled(size, scale * resolution))  # (1, 3, h, w)
        probabilities = on_size(network, shown.flip(-1) if flip else shown, inference)
        probabilities = resized(probabilities.flip(-1) if flip else probabilities, size)
        total = probabilities if total is None else total.add_(probabilities)
    assert total is not None
    if not total.isfinite().all():
        raise InputError("the network's scores are not finite: its weights are those of a training that diverged, or damaged")
    return total[0].div_(len(views))


def on_size(network: Network, image: Tensor, inference: Inference) -> Tensor:
    """The probabilities (1, classes, H, W) for an image (1, 3, H, W), whole or in windows."""
    size: Size = (image.shape[2], image.shape[3])
    if inference.window is None:
        return probabilities_of(network, image, size)
    height, width = inference.window
    total: Tensor | None = None
    times = image.new_zeros(size)
    for top, left in windows(size, inference.window, inference.overlap):
        seen = image[:, :, top : top + height, left : left + width]
        rows, columns = seen.shape[2], seen.shape[3]
        padded = F.pad(seen, (0, width - columns, 0, height - rows))  # with the mean, which is 0 in a normalised image
        found = probabilities_of(network, padded, (rows, columns))
        if (rows, columns) == size:
            return found
        if total is None:
            total = found.new_zeros(1, found.shape[1], *size)
        total[:, :, top : top + rows, left : left + columns] += found
        times[top : top + rows, left : left + columns] += 1
    assert total is not None
    return total.div_(times)


def probabilities_of(network: Network, image: Tensor, size: Size) -> Tensor:
    """The probabilities (1, classes, *size) from one pass over an image (1, 3, H, W) that is padded beyond a size."""
    return torch.softmax(on_pixels(network(image).float(), size, (image.shape[2], image.shape[3])), 1)


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


def middle(image: Tensor, window: Size) -> Tensor:
    """The window in the middle of an image (1, 3, H, W), padded with the mean, 0, at the bottom and at the right.

    Example:
        >>> middle(torch.arange(5.0).view(1, 1, 1, 5), (1, 3)).flatten(), middle(torch.ones(1, 1, 1, 2), (1, 3)).flatten()
        (tensor([1., 2., 3.]), tensor([1., 1., 0.]))
    """
    (height, width), (rows, columns) = window, image.shape[-2:]
    top, left = max(0, rows - height) // 2, max(0, columns - width) // 2
    seen = image[..., top : top + height, left : left + width]
    return F.pad(seen, (0, width - seen.shape[-1], 0, height - seen.shape[-2]))


def scaled(size: Size, scale: float) -> Size:
    """A size times a scale, at least one pixel."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resized(maps: Tensor, size: Size) -> Tensor:
    """Maps (1, C, H, W) interpolated to a size, antialiased where they shrink."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    shrinks = maps.shape[-2] > size[0] or maps.shape[-1] > size[1]
    return F.interpolate(maps, size=size, mode="bilinear", antialias=shrinks)
