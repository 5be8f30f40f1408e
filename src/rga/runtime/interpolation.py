"""Maps of numbers at another size, and sizes of images: what PyTorch's and torchvision's interpolation computes, without them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.segmentation.cells import Size, cells, stride_between


def resized(maps: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Maps (C, H, W) interpolated to a size, bilinear, antialiased where they shrink.

    Example:
        >>> resized(np.array([[[0.0, 4.0]]], np.float32), (1, 4)).tolist()
        [[[0.0, 1.0, 3.0, 4.0]]]
    """
    if maps.shape[1:] == size:
        return maps
    height, width = size
    each = [np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR)) for part in maps]
    return np.stack(each).astype(np.float32, copy=False)


def on_pixels(scores: NDArray[np.float32], size: Size, shown: Size) -> NDArray[np.float32]:
    """Interpolates the scores of an image to its pixels, each score in the middle of its cell.

    Args:
        scores: (C, h, w), of the image with its padding.
        size: (H, W) of the image.
        shown: (H, W) of the image that the network saw, padded at the bottom and at the right; multiples of the stride.

    Returns:
        (C, H, W).
    """
    down, across = (stride_between(*pair) for pair in zip(scores.shape[1:], shown, strict=True))
    scores = scores[:, : cells(size[0], down), : cells(size[1], across)]
    return resized(scores, (scores.shape[1] * down, scores.shape[2] * across))[:, : size[0], : size[1]]


def softmax(scores: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Probabilities along an axis."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    found: NDArray[np.float32] = powers / powers.sum(axis=axis, keepdims=True)
    return found


def middle(image: Image.Image, size: int, crop_pct: float) -> Image.Image:
    """The middle square of an image whose shorter side is ``size / crop_pct``, as torchvision resizes and crops it.

    Args:
        image: of any size.
        size: of the square.
        crop_pct: share of the shorter side that is kept.
    """
    short = round(size / crop_pct)
    width, height = image.size
    if width <= height:
        width, height = short, int(short * height / width)
    else:
        width, height = int(short * width / height), short
    image = image.resize((width, height), Image.Resampling.BILINEAR) if image.size != (width, height) else image
    left, top = round((width - size) / 2.0), round((height - size) / 2.0)
    return image.crop((left, top, left + size, top + size))
