"""Grad-CAM: where an image speaks for a class, or for being like another image, and where against.

Selvaraju et al., "Grad-CAM", ICCV 2017 (arXiv 1610.02391): the channels of the last map, weighted by the mean of their gradients. The paper
compares the plain network and RGA-SC by it. For segmentation the class's scores are summed over its pixels (Vinogradova, Dibrov, Myers,
"Towards Interpretable Semantic Segmentation via Gradient-Weighted Class Activation Mapping", AAAI 2020). For two images the score is the
cosine of their features. It does not depend on the length of the features, so that its map sums to about zero: positive where an image is
more like the other one than the image as a whole is, negative where it is less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rga.attachment.probe import evaluating
from rga.backbones.model import BackboneModel
from rga.checks import nearest
from rga.classification.model import ClassificationModel
from rga.errors import InputError
from rga.explanation.last_map import last_layer
from rga.extras import require
from rga.images.inputs import ImageLike
from rga.reid.model import ReidModel
from rga.segmentation.model import SegmentationModel


@dataclass(frozen=True)
class ClassScore:
    """The score of a class.

    Attributes:
        name: of the class; for re-identification the number of a training identity; None for the likeliest one.
    """

    name: str | int | None = None


@dataclass(frozen=True)
class Similarity:
    """The similarity with another image: the cosine of their features, for re-identification.

    Attributes:
        image: the other one.
    """

    image: ImageLike


Score = Callable[[Tensor], Tensor]
"""Normalised images (B, 3, H, W) -> a number for each, (B,)."""


def grad_cam(model: BackboneModel, image: ImageLike, target: ClassScore | Similarity) -> NDArray[np.float32]:
    """Where an image speaks for a target, and where against.

    Args:
        model: of any task; for ``Similarity`` one for re-identification.
        image: one image.
        target: a class, or another image.

    Returns:
        (H, W) for the pixels that the model sees, interpolated from the last map. Positive where the image speaks for the target, negative
        where against; the scale has no unit.

    Raises:
        MissingPackageError: captum is not installed.
        InputError: the class is unknown, or the target is none of this model.
    """
    require("captum")
    from captum.attr import LayerGradCam  # noqa: PLC0415  an optional dependency

    pixels = model.input_of(image)
    with evaluating(model):
        score = score_of(model, target, pixels)
        with torch.enable_grad():
            found: Any = LayerGradCam(score, last_layer(model)).attribute(pixels, relu_attributions=False)
    size = (pixels.shape[2], pixels.shape[3])
    cam: NDArray[np.float32] = F.interpolate(found.detach().float(), size=size, mode="bilinear")[0, 0].cpu().numpy()
    return cam


def score_of(model: BackboneModel, target: ClassScore | Similarity, pixels: Tensor) -> Score:
    """What Grad-CAM differentiates.

    Args:
        model: in evaluation mode.
        target: a class, or another image.
        pixels: the input (1, 3, H, W) of the image that is explained.
    """
    if isinstance(target, Similarity):
        if not isinstance(model, ReidModel):
            raise InputError("the similarity of two images is that of re-identification: name a class of this model")
        return similarity_with(model, target.image)
    if isinstance(model, ReidModel):
        return identity_score(model, target.name, pixels)
    if isinstance(model, ClassificationModel):
        chosen = class_index(target.name, model.classes) if target.name is not None else int(scores(model, pixels)[0].argmax())
        return lambda images: model(images)[:, chosen]
    if isinstance(model, SegmentationModel):
        return pixels_score(model, target.name, pixels)
    raise InputError(
        f"a {type(model).__name__} has no score of a whole image to explain: draw its gates and relations alone "
        "(rga explain --write gates explorer)"
    )


def similarity_with(model: ReidModel, other: ImageLike) -> Score:
    """The cosine of features with those of another image."""
    which = ("pooled", "neck").index(model.feature)
    with torch.no_grad():
        reference = model(model.input_of(other))[which]  # (1, D)
    return lambda images: F.cosine_similarity(model(images)[which], reference)


def identity_score(model: ReidModel, name: str | int | None, pixels: Tensor) -> Score:
    """The score of a training identity."""
    with torch.no_grad():
        chosen = int(model.identity_scores(pixels)[0].argmax())
    if name is not None:
        chosen = int(name) if str(name).isdecimal() else -1
        if not 0 <= chosen < model.identities:
            raise InputError(f"training identities are numbered from 0 to {model.identities - 1}, got {name!r}")
    return lambda images: model.identity_scores(images)[:, chosen]


def pixels_score(model: SegmentationModel, name: str | int | None, pixels: Tensor) -> Score:
    """The scores of a class, summed over the positions where it is the likeliest one; over all positions, where it is nowhere."""
    with torch.no_grad():
        best = model(pixels)[0][0].argmax(0)  # (h, w)
    chosen = int(best.flatten().mode().values) if name is None else class_index(name, model.classes.names)
    mask = best == chosen
    if not mask.any():
        mask = torch.ones_like(mask)
    return lambda images: (model(images)[0][:, chosen] * mask).sum((1, 2))


def scores(model: ClassificationModel, pixels: Tensor) -> Tensor:
    """The scores of the classes (1, classes), without gradients."""
    with torch.no_grad():
        found: Tensor = model(pixels)
    return found


def class_index(name: str | int, names: tuple[str, ...]) -> int:
    """The index of a class by its name.

    Raises:
        InputError: there is none of this name.
    """
    if str(name) not in names:
        raise InputError(f"there is no class {str(name)!r}{nearest(str(name), names)}")
    return names.index(str(name))
