"""What is done to images and their masks in training: random scale, crop, flip and colours, as in the field (PSPNet, DANet).

Scale and crop are one step on Pillow's images, which computes the crop alone and not the whole image at its new size. What follows
works on torchvision's ``tv_tensors``. The geometry is the same for image and mask, a mask is never interpolated, and where a crop reaches
beyond the image its mask is filled with ``IGNORED``.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF

from rga.images.preprocessing import Preprocessing
from rga.segmentation.datasets.classes import IGNORED


class RandomScaledCrop(nn.Module):
    """A crop of image and mask after both were resized by one factor, drawn evenly between two bounds.

    An image that is smaller than the crop lies anywhere in it; around it are ``filling`` and ``IGNORED``.

    Args:
        size: (height, width) of the crop.
        low: the smallest factor.
        high: the largest.
        filling: the colour beyond the image.
    """

    def __init__(self, size: tuple[int, int], low: float, high: float, filling: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = size
        self.low = low
        self.high = high
        self.filling = filling

    def forward(self, image: Image.Image, labels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Image and mask (H, W) -> a crop in bytes (3, height, width) and its mask (height, width)."""
        factor = self.low + (self.high - self.low) * float(torch.rand(()))
        (height, width), (whole_height, whole_width) = self.size, labels.shape
        top, rows, down = place_window(height, max(1, round(factor * whole_height)), whole_height)
        left, columns, right = place_window(width, max(1, round(factor * whole_width)), whole_width)
        box = (left[0], top[0], left[1], top[1])
        seen = image.resize((columns, rows), Image.Resampling.BILINEAR, box)
        mask = Image.fromarray(labels).resize((columns, rows), Image.Resampling.NEAREST, box)
        if (rows, columns) != self.size:
            seen, mask = (pad_to(part, self.size, (down, right), colour) for part, colour in ((seen, self.filling), (mask, IGNORED)))
        return TF.to_image(seen), tv_tensors.Mask(torch.from_numpy(np.array(mask)))


def place_window(size: int, scaled: int, whole: int) -> tuple[tuple[float, float], int, int]:
    """Draws where a window lies on a side that is ``scaled`` long; or, if it is the longer one, where the side lies in the window.

    Args:
        size: of the window.
        scaled: length of the side at its new size.
        whole: its length as it is.

    Returns:
        The part of the side that is seen, in its pixels as it is; how many pixels of the window that makes; the first of them.
    """
    if scaled <= size:
        return (0.0, float(whole)), scaled, int(torch.randint(0, size - scaled + 1, ()))
    start = int(torch.randint(0, scaled - size + 1, ()))
    return (start * whole / scaled, min((start + size) * whole / scaled, float(whole))), size, 0


def pad_to(part: Image.Image, size: tuple[int, int], corner: tuple[int, int], colour: int | tuple[int, int, int]) -> Image.Image:
    """Pads an image to a size (height, width) with a colour; its corner lies at (row, column) of the result."""
    canvas = Image.new(part.mode, size[::-1], colour)
    canvas.paste(part, corner[::-1])
    return canvas


def training_transform(
    preprocessing: Preprocessing,
    *,
    resolution: float = 1.0,
    scales: tuple[float, float] = (0.5, 2.0),
    flip: float = 0.5,
    color_jitter: float = 0.0,
) -> nn.Module:
    """A Pillow image and its mask (H, W) -> an augmented crop in bytes (3, height, width), and its mask (height, width).

    Bytes travel from the processes that read to the one that trains, where a whole batch is normalised on the network's device.

    Args:
        preprocessing: of the network; its size is that of the crops.
        resolution: by which images are resized in any case.
        scales: bounds of the random factor that comes on top of it.
        flip: probability of a horizontal flip.
        color_jitter: strength of random brightness, contrast and saturation; 0 for none.
    """
    red, green, blue = (round(255 * mean) for mean in preprocessing.mean)
    steps: list[nn.Module] = [
        RandomScaledCrop(preprocessing.size, resolution * scales[0], resolution * scales[1], (red, green, blue)),
        v2.RandomHorizontalFlip(flip),
    ]
    if color_jitter:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    transform: nn.Module = v2.Compose(steps)
    return transform
