"""What is done to images and their objects in training: resized as wholes, flipped, other colours, by torchvision's ``v2`` transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from rga.detection.datasets.targets import Target
from rga.detection.network.sizes import Size


class TrainingImage(NamedTuple):
    """An augmented image and its objects.

    Attributes:
        image: (3, h, w), in bytes.
        boxes: (N, 4): left, top, right, bottom in its pixels.
        labels: (N,), indices of categories.
        masks: (N, h, w), in bytes of 0 and 1.
    """

    image: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor


class TrainingTransform:
    """An image and its objects -> augmented; it draws from torch's generator.

    Args:
        shown_size: (size, scale) -> the (height, width) that an image of a size is resized to.
        scales: bounds of the random scale, drawn evenly.
        flip: probability of a horizontal flip.
        color_jitter: strength of random brightness, contrast and saturation; 0 for none.
    """

    def __init__(self, shown_size: Callable[[Size, float], Size], scales: tuple[float, float], flip: float, color_jitter: float) -> None:
        self.shown_size = shown_size
        self.scales = scales
        steps: list[Any] = [v2.RandomHorizontalFlip(flip)]
        if color_jitter:
            steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
        self.steps = v2.Compose([*steps, v2.ClampBoundingBoxes(), v2.ToImage()])

    def __call__(self, image: Image.Image, target: Target) -> TrainingImage:
        """An RGB image and its objects, augmented; objects that are left without width or height are left out."""
        size = (image.height, image.width)
        low, high = self.scales
        scale = low + (high - low) * float(torch.rand(()))
        parts = {
            "image": image,
            "boxes": tv_tensors.BoundingBoxes(torch.from_numpy(target.boxes), format="XYXY", canvas_size=size),
            "masks": tv_tensors.Mask(torch.from_numpy(target.masks).to(torch.uint8)),
        }
        resize = v2.Resize(self.shown_size(size, scale), interpolation=v2.InterpolationMode.BILINEAR)
        found: dict[str, Tensor] = self.steps(resize(parts))
        boxes, masks = found["boxes"].as_subclass(Tensor), found["masks"].as_subclass(Tensor)
        kept = (boxes[:, 2:] > boxes[:, :2]).all(1)
        labels = torch.from_numpy(target.labels)
        return TrainingImage(found["image"].as_subclass(Tensor), boxes[kept], labels[kept], masks[kept])
