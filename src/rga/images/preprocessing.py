"""How images become what a network takes, whatever its task; the steps on tensors are in ``rga.images.tensors``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels: what most pretrained networks expect, and not all; see ``rga.backbones.normalisation``."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a tensor.

    Attributes:
        height: of the network's input.
        width: of the network's input.
        mean: of each channel, subtracted after scaling to 0-1.
        std: of each channel, divided by.

    Raises:
        InputError: a size is not positive, a mean is not in [0, 1], or a deviation not in (0, 1].
    """

    height: int
    width: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        """Checks the numbers: a deviation of 0 would turn images into infinities, and numbers up to 255 belong to unscaled pixels."""
        if self.height < 1 or self.width < 1:
            raise InputError(f"the size of a network's input is positive, got {self.height}x{self.width}")
        if not all(0 <= value <= 1 for value in self.mean):
            raise InputError(f"mean holds numbers between 0 and 1, got {self.mean}: divide those of pixels up to 255 by 255")
        if not all(0 < value <= 1 for value in self.std):
            raise InputError(f"std holds numbers above 0 and at most 1, got {self.std}: divide those of pixels up to 255 by 255")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    def as_array(self, image: Image.Image) -> NDArray[np.float32]:
        """An image of any size -> normalised (3, H, W), without PyTorch; to the last rounding what ``to_tensor`` makes of it.

        Example:
            >>> preprocessing = Preprocessing(1, 2, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
            >>> preprocessing.as_array(Image.new("RGB", (2, 1), (0, 255, 51)))[:, 0].tolist()
            [[-1.0, -1.0], [1.0, 1.0], [-0.6000000238418579, -0.6000000238418579]]
        """
        pixels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
        mean, std = (np.asarray(values, np.float32) for values in (self.mean, self.std))
        return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1))
