"""What is done to pictures before the network sees them, in training and in testing.

The recipe of the paper's code: with probability .5 a resize to 9/8 and a random crop, otherwise a resize; a flip; normalisation; random
erasing to 0 after it. torchvision's erasing draws the aspect ratio log-uniformly, the reference uniformly; the range is the same.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.transforms import InterpolationMode, v2

from rga.data.preprocessing import Preprocessing, to_tensor


def test_transform(preprocessing: Preprocessing) -> v2.Transform:
    """Picture -> normalised (3, height, width)."""
    return v2.Compose([v2.Resize(preprocessing.size, InterpolationMode.BILINEAR), *to_tensor(preprocessing)])


def training_transform(
    preprocessing: Preprocessing, *, crop: float = 0.5, flip: float = 0.5, erase: float = 0.5, color_jitter: float = 0.0
) -> v2.Transform:
    """Picture -> augmented, normalised (3, height, width).

    Args:
        preprocessing: of the network.
        crop: probability of a resize to 9/8 and a random crop.
        flip: probability of a horizontal flip.
        erase: probability of erasing a rectangle of .02-.4 of the area, aspect .3-3.3, to 0 after normalisation.
        color_jitter: strength of random brightness, contrast and saturation; 0 (the paper's recipe) for none.
    """
    height, width = preprocessing.size
    larger = (round(height * 1.125), round(width * 1.125))
    enlarge = v2.Compose([v2.Resize(larger, InterpolationMode.BILINEAR), v2.RandomCrop((height, width))])
    fit = v2.Resize((height, width), InterpolationMode.BILINEAR)
    steps: list[nn.Module] = [v2.RandomChoice([enlarge, fit], p=[crop, 1 - crop]), v2.RandomHorizontalFlip(flip)]
    if color_jitter:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    steps += to_tensor(preprocessing)
    steps.append(v2.RandomErasing(p=erase, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3), value=0.0))
    return v2.Compose(steps)


def flipped(images: Tensor) -> Tensor:
    """A batch (B, 3, H, W) mirrored, for testing with flips."""
    return images.flip(-1)
