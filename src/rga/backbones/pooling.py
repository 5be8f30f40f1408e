"""Global pooling of a backbone's last map: the mean, the generalised mean, or mean plus maximum.

A network keeps its own pooling. What is chosen here comes before it and leaves it one position, of which it takes the mean; so layers
between pooling and features, as MobileNetV3 and OSNet have them, stay in their place.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.errors import InputError

Pooling = Literal["average", "gem", "average+max"]
"""Names of poolings; ``average`` is the networks' own."""

P_RANGE = (1.0, 10.0)
"""Smallest and largest exponent of GeM: at 1 it is the mean, and at 10 the mean of two positions, 1 and 0, is .93, close to the maximum."""

SMALLEST = 1e-6
"""Activations below this count as this, since a power of a negative number or a root at zero has no gradient."""

CLOSE = 1e-4
"""Of the largest feature: how far a network that pools at its end may be from itself with its last map pooled before."""


def generalised_mean(maps: Tensor, p: Tensor) -> Tensor:
    """GeM, equation 3 of Radenovic et al., "Fine-tuning CNN Image Retrieval with No Human Annotation" (arXiv 1711.02512).

    It is computed in float32 at least, on maps that are divided by their maximum: no power overflows, whatever the activations, and the
    mean holds a 1, so that the root has a gradient. The maximum needs no gradient, since GeM of a multiple is the multiple of GeM.

    Args:
        maps: (B, C, H, W).
        p: the exponent, (1,).

    Returns:
        (B, C, 1, 1), of the type of the maps.
    """
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32)).clamp(min=SMALLEST)
    exponent = p.to(wide.dtype)
    largest = wide.detach().amax((2, 3), keepdim=True)  # (B, C, 1, 1)
    mean = (wide / largest).pow(exponent).mean((2, 3), keepdim=True)
    return (largest * mean.pow(1 / exponent)).to(maps.dtype)


class GeneralizedMean(nn.Module):
    """GeM with an exponent that is learned.

    An exponent outside of ``P_RANGE`` counts as the end of the range, and keeps its gradient, by which it finds its way back.

    Args:
        p: the exponent at the start.

    Example:
        >>> GeneralizedMean()(torch.rand(2, 64, 16, 8)).shape
        torch.Size([2, 64, 1, 1])
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 1, 1)."""
        outside = (self.p.clamp(*P_RANGE) - self.p).detach()
        return generalised_mean(maps, self.p + outside)


class AverageAndMax(nn.Module):
    """The sum of mean and maximum of each channel.

    Example:
        >>> AverageAndMax()(torch.tensor([[[[0.0, 1.0]]]])).item()
        1.5
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 1, 1)."""
        return maps.mean((2, 3), keepdim=True) + maps.amax((2, 3), keepdim=True)


def create_pooling(name: str) -> nn.Module | None:
    """A pooling by its name; None for ``average``, the network's own.

    Raises:
        InputError: there is no such pooling.
    """
    if name == "average":
        return None
    if name == "gem":
        return GeneralizedMean()
    if name == "average+max":
        return AverageAndMax()
    raise InputError(f"pooling is one of {', '.join(get_args(Pooling))}, got {name!r}")


def pooled_features(backbone: nn.Module, pooling: nn.Module | None, images: Tensor) -> Tensor:
    """The features of images (B, C, H, W) by a backbone without a classifier, its last map pooled as chosen: (B, D)."""
    features: Tensor = (
        backbone(images) if pooling is None else backbone.forward_head(pooling(backbone.forward_features(images)))  # type: ignore[operator]
    )
    return features


def check_pools_last(backbone: nn.Module, name: str, image_size: Grid) -> None:
    """Refuses a network that does more to its last map than pooling it, for which another pooling would change that as well.

    Args:
        backbone: the network, in any mode.
        name: of the network, for the error.
        image_size: (height, width) of its images.

    Raises:
        InputError: the mean of its last map does not give its features.
    """
    fits = hasattr(backbone, "forward_features") and hasattr(backbone, "forward_head")
    if fits:
        images = torch.rand(1, 3, *image_size, generator=torch.Generator().manual_seed(0))
        with evaluating(backbone), torch.inference_mode():
            maps, own = backbone.forward_features(images), backbone(images)  # type: ignore[operator]
            fits = isinstance(maps, Tensor) and maps.dim() == 4
            if fits:
                features = backbone.forward_head(maps.mean((2, 3), keepdim=True))  # type: ignore[operator]
                fits = features.shape == own.shape and bool((features - own).abs().max() <= CLOSE * own.abs().max())
    if not fits:
        raise InputError(
            f"the features of backbone {name!r} are not those of the mean of its last map, so no other pooling can take the mean's place: "
            "choose pooling average, or a CNN such as resnet50"
        )
