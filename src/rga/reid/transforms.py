"""What is done to images before the network sees them, in training and in testing.

The recipe of the paper's code: with probability .5 a resize to 9/8 and a random crop, otherwise a resize; a flip; normalisation; random
erasing to 0 after it (Zhong et al., arXiv 1708.04896; aspect ratios are drawn uniformly, as in the reference).

In training images stay bytes until they are a batch on the network's device, where they are normalised and ``random_erasing`` finishes
them: a quarter of the memory travels, and the work is done at once.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as TF

from rga.images.preprocessing import Preprocessing
from rga.images.tensors import to_tensor

LARGER = 9 / 8
"""By which images are enlarged before a random crop."""
AREAS = (0.02, 0.4)
"""Share of an image that is erased."""
ASPECTS = (0.3, 1 / 0.3)
"""Height by width of what is erased."""
BLURRED = 5
"""Rows and columns of the kernel of a blur."""
DEVIATIONS = (0.1, 1.5)
"""Of a blur, in pixels."""
GREY = [128, 128, 128]
"""What images are filled with where a policy of augmentation moves them."""


def test_transform(preprocessing: Preprocessing) -> v2.Transform:
    """Image -> normalised (3, height, width)."""
    return v2.Compose([v2.Resize(preprocessing.size, InterpolationMode.BILINEAR), *to_tensor(preprocessing)])


class Augmentation(nn.Module):
    """Bytes (H, W, 3) -> augmented bytes (height, width, 3), and the rectangle that is to be erased.

    The frames of a tracklet, (T, H, W, 3), are all changed in the same way.

    Args:
        height: of the network's input.
        width: of the network's input.
        crop: probability of a resize to 9/8 and a random crop.
        padding: pixels of black around the image, of which a random window is taken; 0 for none.
        flip: probability of a horizontal flip.
        random_erasing: probability of erasing a rectangle of .02-.4 of the area, aspect .3-3.3.
        color_jitter: strength of random brightness, contrast and saturation; 0 (the paper's recipe) for none.
        white_balance: strength of random gains of the colour channels.
        grayscale: probability of a grey image.
        blur: probability of a Gaussian blur.
        policy: of further changes of the colours and of the geometry, before those of the colours; see ``policy``.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        crop: float = 0.5,
        padding: int = 0,
        flip: float = 0.5,
        random_erasing: float = 0.5,
        color_jitter: float = 0.0,
        white_balance: float = 0.0,
        grayscale: float = 0.0,
        blur: float = 0.0,
        policy: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.size = (height, width)
        self.crop = crop
        self.padding = padding
        self.flip = flip
        self.random_erasing = random_erasing
        self.colors: list[nn.Module] = [] if policy is None else [policy]
        if color_jitter:
            self.colors.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
        if white_balance:
            self.colors.append(WhiteBalance(white_balance))
        if grayscale:
            self.colors.append(v2.RandomGrayscale(grayscale))
        if blur:
            self.colors.append(v2.RandomApply([v2.GaussianBlur(BLURRED, DEVIATIONS)], blur))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Bytes (..., H, W, 3) -> bytes (..., height, width, 3), and top, left, height and width of a rectangle, 0 and 0 for none."""
        height, width = self.size
        image = pixels.movedim(-1, -3)  # (..., H, W, 3) -> (..., 3, H, W)
        to_crop, down, across, to_flip, to_erase = torch.rand(5).tolist()
        if to_crop < self.crop:
            larger = [round(height * LARGER), round(width * LARGER)]
            top, left = int(down * (larger[0] - height + 1)), int(across * (larger[1] - width + 1))
            image = TF.resize_image(image, larger)[..., top : top + height, left : left + width]
        else:
            image = TF.resize_image(image, [height, width])
        if self.padding:
            top, left = torch.randint(2 * self.padding + 1, (2,)).tolist()
            image = F.pad(image, [self.padding] * 4)[..., top : top + height, left : left + width]
        if to_flip < self.flip:
            image = image.flip(-1)
        for change in self.colors:
            image = change(image)
        rectangle = draw_rectangle(height, width) if to_erase < self.random_erasing else (0, 0, 0, 0)
        return image.movedim(-3, -1).contiguous(), torch.tensor(rectangle)


def policy(name: Literal["none", "autoaugment", "randaugment"], probability: float, operations: int, magnitude: int) -> nn.Module | None:
    """Changes of bytes (..., 3, H, W) by a policy of torchvision; what comes in from outside of the image is grey.

    Args:
        name: autoaugment (Cubuk et al., arXiv 1805.09501, the policy for ImageNet), randaugment (arXiv 1909.13719), or none.
        probability: that an image is changed.
        operations: one after the other, of randaugment.
        magnitude: of randaugment, 0 to 30.

    Returns:
        The policy; None for none.
    """
    if name == "none":
        return None
    learnt = name == "autoaugment"
    changes = v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET, fill=GREY) if learnt else v2.RandAugment(operations, magnitude, fill=GREY)
    chosen: nn.Module = v2.RandomApply([changes], probability)
    return chosen


class WhiteBalance(nn.Module):
    """Multiplies red, green and blue by random gains, as cameras in another light do.

    Args:
        strength: gains are drawn uniformly from 1 - strength to 1 + strength.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, image: Tensor) -> Tensor:
        """Bytes (..., 3, H, W) -> bytes (..., 3, H, W).

        Example:
            >>> _ = torch.manual_seed(0)
            >>> WhiteBalance(0.5)(torch.full((3, 1, 1), 100, dtype=torch.uint8)).flatten()
            tensor([100, 127,  59], dtype=torch.uint8)
        """
        gains = 1 + self.strength * (2 * torch.rand(3, 1, 1) - 1)
        return (image * gains).round_().clamp_(0, 255).to(torch.uint8)


def draw_rectangle(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random rectangle inside of an image.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> draw_rectangle(256, 128)
        (10, 10, 134, 51)
    """
    for _ in range(100):
        area, aspect, down, across = torch.rand(4).tolist()
        area, aspect = (AREAS[0] + area * (AREAS[1] - AREAS[0])) * height * width, ASPECTS[0] + aspect * (ASPECTS[1] - ASPECTS[0])
        rows, columns = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if rows < height and columns < width:
            return int(down * (height - rows + 1)), int(across * (width - columns + 1)), rows, columns
    return 0, 0, 0, 0


def erase(images: Tensor, rectangles: Tensor) -> Tensor:
    """Sets rectangles of images to 0, in place.

    Args:
        images: (B, 3, H, W), normalised.
        rectangles: (B, 4): top, left, height and width.
    """
    for image, (top, left, rows, columns) in zip(images, rectangles.tolist(), strict=True):
        image[:, top : top + rows, left : left + columns] = 0
    return images


def flipped(images: Tensor) -> Tensor:
    """A batch (B, 3, H, W) mirrored, for testing with flips."""
    return images.flip(-1)
