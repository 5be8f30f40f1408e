"""Prediction on images of any size: whole or by sliding windows, at several scales, with and without a flip, in bounded memory.

Whatever is asked for, probabilities (not scores) are averaged, in one buffer of the image's size; there is one forward pass of one
window at a time. Scores are brought to pixels at the scale and in the window that they were computed in
(``rga.segmentation.network.resolution``). Only then are they flipped back and resized to the image.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.errors import InputError
from rga.segmentation.cells import Size
from rga.segmentation.inference import Inference, scaled, windows
from rga.segmentation.network.resolution import on_pixels

Network = Callable[[Tensor], Tensor]
"""Images (1, 3, H, W) -> scores (1, classes, ceil(H / s), ceil(W / s)) for an output stride s that is a power of two."""


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


def resized(maps: Tensor, size: Size) -> Tensor:
    """Maps (1, C, H, W) interpolated to a size, antialiased where they shrink."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    shrinks = maps.shape[-2] > size[0] or maps.shape[-1] > size[1]
    return F.interpolate(maps, size=size, mode="bilinear", antialias=shrinks)
