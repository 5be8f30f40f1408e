"""From the pixels of an image to the coarse scores of a network and back, without moving anything.

A network of output stride s has one score for each cell of s x s pixels: score i belongs to pixels s*i to s*(i + 1) - 1. Where s does not
divide the size of an image, the last cell reaches beyond the image. Resizing the scores to the image then moves all edges, by up to s
pixels at the far end. So the image is padded at the bottom and at the right, the scores are interpolated by exactly s
(``align_corners=False``: the centre of a score lies in the centre of its cell), and the result is cropped.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from rga.errors import InputError
from rga.segmentation.cells import Size, cells, padded_size, stride_between


def padded(images: Tensor, multiple: int) -> Tensor:
    """Pads images with zeros at the bottom and at the right to a multiple; in normalised images zero is the mean of the dataset.

    Args:
        images: (B, C, H, W).
        multiple: of pixels; all strides of the network divide it.
    """
    size = (images.shape[-2], images.shape[-1])
    height, width = padded_size(size, multiple)
    return images if size == (height, width) else F.pad(images, (0, width - size[1], 0, height - size[0]))


def without_padding(scores: Tensor, size: Size, stride: int) -> Tensor:
    """The scores of the cells that hold pixels of an image: (B, C, h, w) -> (B, C, ceil(H / stride), ceil(W / stride)).

    Args:
        scores: of the padded image.
        size: of the image without padding.
        stride: of the scores.
    """
    return scores[..., : cells(size[0], stride), : cells(size[1], stride)]


def on_pixels(scores: Tensor, size: Size, shown: Size | None = None) -> Tensor:
    """Interpolates the scores of an image to its pixels, each score in the middle of its cell.

    Args:
        scores: (B, C, ceil(H / s), ceil(W / s)) for an output stride s that is a power of two.
        size: (H, W) of the image.
        shown: (H, W) of the image that the network saw, if it was padded at the bottom and at the right: the scores are those of the padded
            image, and cells that hold nothing but padding do not count.

    Returns:
        (B, C, H, W) of the image without padding.

    Raises:
        InputError: the scores are those of no such stride.

    Example:
        >>> import torch
        >>> on_pixels(torch.tensor([[[[0.0, 4.0]]]]), (1, 7))
        tensor([[[[0.0000, 0.0000, 0.5000, 1.5000, 2.5000, 3.5000, 4.0000]]]])
    """
    positions, pixels = (scores.shape[-2], scores.shape[-1]), shown or size
    down, across = (stride_between(*pair) for pair in zip(positions, pixels, strict=True))
    if not (down and across):
        raise InputError(
            f"scores on {positions[0]}x{positions[1]} positions are not those of an image of {pixels[0]}x{pixels[1]} pixels: expected "
            "ceil(pixels / stride) positions, with a stride that is a power of two; pad the image to a multiple of the stride"
        )
    scores = scores[..., : cells(size[0], down), : cells(size[1], across)]
    if down > 1 or across > 1:
        whole = (scores.shape[-2] * down, scores.shape[-1] * across)
        scores = F.interpolate(scores, size=whole, mode="bilinear", align_corners=False)
    return scores[..., : size[0], : size[1]]
