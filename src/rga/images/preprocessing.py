"""How images become the tensors that a network takes, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

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

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bytes (B, H, W, 3) -> normalised (B, 3, H, W), float32.

        Example:
            >>> preprocessing = Preprocessing(1, 1, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
            >>> preprocessing.normalise(torch.tensor([[[[0, 255, 51]]]], dtype=torch.uint8)).flatten()
            tensor([-1.0000,  1.0000, -0.6000])
        """
        images = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        mean, std = (in_bytes(tuple(each), images.device) for each in (self.mean, self.std))
        return images.sub_(mean).div_(std)


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)
def in_bytes(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A number for each channel, times 255, (3, 1, 1) on a device; kept, since it takes a wait to bring it to a GPU."""
    return 255 * torch.tensor(values, device=device).view(3, 1, 1)


def to_tensor(preprocessing: Preprocessing) -> list[nn.Module]:
    """The steps from an image of the right size to a normalised tensor."""
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(preprocessing.mean), list(preprocessing.std))]
