"""The mean and the standard deviation of the pixels that a backbone takes: those that its weights were trained with."""

from __future__ import annotations

from collections.abc import Sequence

from timm.models import get_pretrained_cfg

from rga.backbones.catalog import OWN, check_name
from rga.errors import InputError
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


def backbone_normalisation(
    backbone: str, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> tuple[Channels, Channels]:
    """Mean and standard deviation of the pixels of a backbone's images, scaled to 0-1, by channel.

    Weights expect the images that they were trained on. timm writes in a network's ``pretrained_cfg`` what these were: ImageNet's
    statistics for most, .5 and .5 for EfficientNet-Lite, EfficientNetV2, ResNetV2, Inception and others. Our own networks for small images
    have none, and get ImageNet's.

    Args:
        backbone: name of a network, with the tag of its weights or without one.
        mean: chosen instead of the backbone's, three numbers.
        std: chosen instead of the backbone's, three numbers.

    Returns:
        The mean, and the standard deviation.

    Raises:
        InputError: there is no such network, or there are not three numbers.

    Example:
        >>> backbone_normalisation("tf_efficientnet_lite0")
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    """
    check_name(backbone)
    known = None if backbone in OWN else get_pretrained_cfg(backbone)
    own_mean, own_std = (IMAGENET_MEAN, IMAGENET_STD) if known is None else (known.mean, known.std)
    return three("mean", own_mean if mean is None else mean), three("std", own_std if std is None else std)


def three(name: str, values: Sequence[float]) -> Channels:
    """Three numbers, one for each channel; others are refused by their name."""
    if len(values) != 3:
        raise InputError(f"{name} is one number for each of red, green and blue, got {list(values)}")
    red, green, blue = map(float, values)
    return red, green, blue
