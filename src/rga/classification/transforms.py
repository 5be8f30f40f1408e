"""What is done to images before the network sees them, in training and in testing; torchvision does it.

Two ways to crop: CIFAR's, of images that have the network's size already (padded by 4 pixels, a window of the size), and ImageNet's, of
images of any size (a part of .08 to 1 of the area, resized). In testing the shorter side is resized and the center cropped.
"""

from __future__ import annotations

from typing import Literal

from torch import nn
from torchvision.transforms import InterpolationMode, v2

from rga.images.preprocessing import Preprocessing
from rga.images.tensors import to_tensor

Crop = Literal["none", "padded", "resized"]
"""How a training image is cropped."""


def evaluation_transform(preprocessing: Preprocessing, crop_pct: float) -> v2.Transform:
    """Image -> normalised (3, size, size).

    Args:
        preprocessing: of a square network.
        crop_pct: share of the shorter side that the center crop keeps; .875 for ImageNet, 1 for all of it.
    """
    return v2.Compose([*whole(preprocessing, crop_pct), *to_tensor(preprocessing)])


def training_transform(
    preprocessing: Preprocessing,
    *,
    crop: Crop,
    padding: int = 4,
    scale: tuple[float, float] = (0.08, 1.0),
    flip: float = 0.5,
    random_erasing: float = 0.0,
    color_jitter: float = 0.0,
) -> v2.Transform:
    """Image -> augmented, normalised (3, size, size).

    Args:
        preprocessing: of a square network.
        crop: how it is cropped.
        padding: pixels of black on each side, for a padded crop.
        scale: smallest and largest share of the area that a resized crop takes.
        flip: probability of a horizontal flip.
        random_erasing: probability of erasing a rectangle of .02-.33 of the area to 0 after normalisation.
        color_jitter: strength of random brightness, contrast and saturation; 0 for none.
    """
    crops: dict[Crop, list[nn.Module]] = {
        "none": whole(preprocessing, 1.0),
        "padded": [*whole(preprocessing, 1.0), v2.RandomCrop(preprocessing.size, padding=padding)],
        "resized": [v2.RandomResizedCrop(preprocessing.size, scale=scale)],
    }
    steps = [*crops[crop], v2.RandomHorizontalFlip(flip)]
    if color_jitter:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    steps += to_tensor(preprocessing)
    if random_erasing:
        steps.append(v2.RandomErasing(p=random_erasing))
    return v2.Compose(steps)


def whole(preprocessing: Preprocessing, crop_pct: float) -> list[nn.Module]:
    """The steps that take the middle of an image of any size."""
    return [v2.Resize(round(preprocessing.height / crop_pct), InterpolationMode.BILINEAR), v2.CenterCrop(preprocessing.size)]


def mixing(mixup: float, cutmix: float, classes: int) -> v2.Transform | None:
    """What mixes the images of a batch, with their labels: (images, labels) -> (images, (B, classes) shares of the classes).

    Args:
        mixup: the alpha of mixup (Zhang et al., arXiv 1710.09412); 0 for none.
        cutmix: the alpha of CutMix (Yun et al., arXiv 1905.04899); 0 for none.
        classes: how many.

    Returns:
        The one that is asked for, or of both one at random for each batch; None for none.
    """
    chosen: list[v2.Transform] = []
    if mixup:
        chosen.append(v2.MixUp(alpha=mixup, num_classes=classes))
    if cutmix:
        chosen.append(v2.CutMix(alpha=cutmix, num_classes=classes))
    if not chosen:
        return None
    return chosen[0] if len(chosen) == 1 else v2.RandomChoice(chosen)
