"""The effective receptive field: which pixels the features of one position of the last map depend on, and how much.

Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NeurIPS 2016 (arXiv
1701.04128), on which the paper builds its motivation: the gradient of one position of the last map by the pixels, in absolute value, summed
over the colours and averaged over images. In theory the field is the whole image; in practice it is a small Gaussian in its middle.
Attention that sees all positions should widen it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rga.attachment import attached, detach
from rga.attachment.probe import evaluating
from rga.attention.recorder import Position, check_position
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.last_map import last_map
from rga.images.inputs import ImageLike, as_images

Kind = TypeVar("Kind", bound=BackboneModel)


def effective_receptive_field(
    model: BackboneModel, images: ImageLike | Iterable[ImageLike], position: Position = (0.5, 0.5)
) -> NDArray[np.float32]:
    """The effective receptive field of one position of the last map.

    Args:
        model: of any task.
        images: one image or many, over which it is averaged; the model must see all of them in one size.
        position: (down, across) in the image, each from 0 to 1.

    Returns:
        (H, W) for the pixels that the model sees; its sum is 1.

    Raises:
        InputError: there are no images, they are seen in different sizes, the position lies outside, or no pixel has an influence.
    """
    check_position(position)
    total: NDArray[np.float64] | None = None
    for image in as_images(images):
        field = influence(model, model.input_of(image), position)
        if total is not None and field.shape != total.shape:
            raise InputError(
                f"the model sees these images in different sizes ({total.shape[0]}x{total.shape[1]}, then {field.shape[0]}x"
                f"{field.shape[1]}), over which a receptive field has no mean: pass images of one size"
            )
        total = field if total is None else total + field
    if total is None:
        raise InputError("there are no images to compute a receptive field on: pass at least one")
    if not total.sum() > 0:
        raise InputError("no pixel has an influence on this position: the gradients are zero, or not finite")
    normalised: NDArray[np.float32] = (total / total.sum()).astype(np.float32)
    return normalised


def influence(model: BackboneModel, pixels: Tensor, position: Position) -> NDArray[np.float64]:
    """The absolute gradient of one position of the last map by the pixels (1, 3, H, W), summed over the colours: (H, W), with the sum 1."""
    with evaluating(model), torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        features = last_map(model, leaf)  # (1, C, h, w)
        (down, height), (across, width) = zip(position, features.shape[-2:], strict=True)
        chosen = features[0, :, min(int(down * height), height - 1), min(int(across * width), width - 1)]
        (gradient,) = torch.autograd.grad(chosen.sum(), leaf)
    field = gradient[0].abs().sum(0).double().cpu().numpy()
    found: NDArray[np.float64] = field / max(field.sum(), np.finfo(np.float64).tiny)
    return found


def area_holding(field: NDArray[np.floating], share: float) -> float:
    """The share of the image that holds a share of its receptive field: of its strongest pixels, as many as are needed.

    Args:
        field: (H, W), not negative.
        share: from 0 to 1.

    Example:
        >>> area_holding(np.array([[0.6, 0.3], [0.1, 0.0]]), 0.8)
        0.5
    """
    if not 0 <= share <= 1:
        raise InputError(f"share lies between 0 and 1, got {share}")
    strongest = np.sort(np.asarray(field, np.float64).ravel())[::-1]
    needed = int(np.searchsorted(np.cumsum(strongest), share * strongest.sum() * (1 - 1e-9))) + 1 if share else 0
    return min(needed, strongest.size) / strongest.size


def without_attention(model: Kind) -> Kind:
    """A copy of a model without its attention; all other weights are the same.

    Raises:
        InputError: it has none.
    """
    if not attached(model.backbone):
        raise InputError("the model has no attention to leave out: it is a plain network")
    plain = copy.deepcopy(model)
    detach(plain)
    return plain
