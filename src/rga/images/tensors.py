"""Images as tensors, as a network takes them: normalised by its ``Preprocessing``."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from rga.images.preprocessing import Preprocessing


def normalise(preprocessing: Preprocessing, pixels: Tensor) -> Tensor:
    """Bytes (B, H, W, 3) -> normalised (B, 3, H, W), float32.

    Example:
        >>> preprocessing = Preprocessing(1, 1, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        >>> normalise(preprocessing, torch.tensor([[[[0, 255, 51]]]], dtype=torch.uint8)).flatten()
        tensor([-1.0000,  1.0000, -0.6000])
    """
    images = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    mean, std = (in_bytes(tuple(each), images.device) for each in (preprocessing.mean, preprocessing.std))
    return images.sub_(mean).div_(std)


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)
def in_bytes(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A number for each channel, times 255, (3, 1, 1) on a device; kept, since it takes a wait to bring it to a GPU."""
    return 255 * torch.tensor(values, device=device).view(3, 1, 1)


def to_tensor(preprocessing: Preprocessing) -> list[nn.Module]:
    """The steps from an image of the right size to a normalised tensor."""
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(preprocessing.mean), list(preprocessing.std))]
