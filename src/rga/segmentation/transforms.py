"""What is done to pictures and their masks in training: random scale, crop, flip and colours, as in the field (PSPNet, DANet).

Pictures and masks travel together as torchvision's ``tv_tensors``: the geometry is the same for both, a mask is never interpolated, and
where a crop reaches beyond the picture its mask is filled with ``IGNORED``.
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

from rga.data.preprocessing import Preprocessing
from rga.segmentation.classes import IGNORED


class RandomScale(nn.Module):
    """Resizes picture and mask by one factor, drawn evenly between two bounds.

    Args:
        low: the smallest factor.
        high: the largest.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def forward(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Picture (3, H, W) and mask (H, W) at their new size; torchvision takes the nearest pixel of masks."""
        factor = self.low + (self.high - self.low) * float(torch.rand(()))
        size = [max(1, round(side * factor)) for side in image.shape[-2:]]
        return TF.resize(image, size, antialias=True), TF.resize(labels, size)


def training_transform(
    preprocessing: Preprocessing,
    *,
    resolution: float = 1.0,
    scales: tuple[float, float] = (0.5, 2.0),
    flip: float = 0.5,
    color_jitter: float = 0.0,
) -> nn.Module:
    """Picture and mask -> augmented crops: normalised (3, height, width), and (height, width).

    Args:
        preprocessing: of the network; its size is that of the crops.
        resolution: by which pictures are resized in any case.
        scales: bounds of the random factor that comes on top of it.
        flip: probability of a horizontal flip.
        color_jitter: strength of random brightness, contrast and saturation; 0 for none.
    """
    filling = {tv_tensors.Image: [round(255 * mean) for mean in preprocessing.mean], tv_tensors.Mask: IGNORED}
    steps: list[nn.Module] = [
        RandomScale(resolution * scales[0], resolution * scales[1]),
        v2.RandomCrop(preprocessing.size, pad_if_needed=True, fill=filling),
        v2.RandomHorizontalFlip(flip),
    ]
    if color_jitter:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    steps.append(v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True))
    steps.append(v2.Normalize(list(preprocessing.mean), list(preprocessing.std)))
    transform: nn.Module = v2.Compose(steps)
    return transform


def as_tensors(image: Image.Image, labels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """A picture (3, H, W) in bytes and its mask (H, W), as the transforms take them."""
    return TF.to_image(image), tv_tensors.Mask(torch.from_numpy(labels))
