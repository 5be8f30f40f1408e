"""An image as a model sees it, so that maps can be laid over it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rga.backbones.model import BackboneModel
from rga.images.inputs import ImageLike
from rga.images.preprocessing import Preprocessing


def shown_image(model: BackboneModel, image: ImageLike) -> Image.Image:
    """The part of an image that a model sees, of the size in which it sees it.

    Args:
        model: of any task.
        image: one image; see ``rga.images.inputs``.

    Returns:
        An RGB image: resized for re-identification, resized and cropped for classification, whole or a window for segmentation.

    Example:
        >>> from rga.reid.model import ReidModel
        >>> model = ReidModel("resnet18", image_size=(64, 32))
        >>> shown_image(model, Image.new("RGB", (100, 300), "red")).size
        (32, 64)
    """
    return from_input(model.input_of(image), model.preprocessing)


def from_input(pixels: Tensor, preprocessing: Preprocessing) -> Image.Image:
    """The image of a normalised input (1, 3, H, W)."""
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    colours = (pixels[0].float().cpu() * std + mean).clamp(0, 1).mul(255).round()
    return Image.fromarray(colours.permute(1, 2, 0).numpy().astype(np.uint8), "RGB")
