"""How pictures become the tensors that a network takes, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.transforms import v2

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a tensor.

    Attributes:
        height: of the network's input.
        width: of the network's input.
        mean: of each channel, subtracted after scaling to 0-1.
        std: of each channel, divided by.
    """

    height: int
    width: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


def to_tensor(preprocessing: Preprocessing) -> list[nn.Module]:
    """The steps from a picture of the right size to a normalised tensor."""
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(preprocessing.mean), list(preprocessing.std))]
