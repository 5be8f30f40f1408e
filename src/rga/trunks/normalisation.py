"""The mean and the standard deviation of the pixels that a trunk takes: those that its weights were trained with."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from rga.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


def trunk_normalisation(
    trunk: nn.Module, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> tuple[Channels, Channels]:
    """Mean and standard deviation of the pixels of a trunk's images, scaled to 0-1, by channel.

    Weights expect the images that they were trained on. timm writes in a network's ``pretrained_cfg`` what these were: ImageNet's
    statistics for most, .5 and .5 for EfficientNet-Lite, EfficientNetV2, ResNetV2, Inception and others. A network without one, such as our
    own for small images, gets ImageNet's.

    Args:
        trunk: a network, of timm or another.
        mean: chosen instead of the trunk's, three numbers.
        std: chosen instead of the trunk's, three numbers.

    Returns:
        The mean, and the standard deviation.

    Raises:
        ValueError: there are not three numbers.

    Example:
        >>> import timm
        >>> trunk_normalisation(timm.create_model("test_resnet"))
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    """
    known = getattr(trunk, "pretrained_cfg", None) or {}
    return (
        three("mean", known.get("mean", IMAGENET_MEAN) if mean is None else mean),
        three("std", known.get("std", IMAGENET_STD) if std is None else std),
    )


def three(name: str, values: Sequence[float]) -> Channels:
    """Three numbers, one for each channel; others are refused by their name."""
    if len(values) != 3:
        raise ValueError(f"{name} is one number for each of red, green and blue, got {list(values)}")
    red, green, blue = map(float, values)
    return red, green, blue
