"""The networks that are exported: of each task what its graph takes and gives, and what the file says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

import rga
from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.errors import InputError
from rga.images.preprocessing import Preprocessing
from rga.loading import task_of
from rga.reid.model import ReidModel
from rga.runtime.description import OUTPUTS, Description, Takes, Task
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import weights_fingerprint

LARGEST = 1 << 14
"""Pixels of the longer side of an image with a free size, at most."""


class Outputs(nn.Module):
    """A model as a function of normalised images (N, 3, H, W) to the outputs of its task."""

    def __init__(self, model: BackboneModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The outputs in the order of ``OUTPUTS``."""
        if isinstance(self.model, ReidModel):
            pooled, neck, _ = self.model(images)
            return pooled, neck
        found: Tensor | Sequence[Tensor] = self.model(images)
        return (found if isinstance(found, Tensor) else found[0],)


class Feature(nn.Module):
    """A re-ID model as a function of normalised images (N, 3, H, W) to what ``embed`` returns, (N, D), alone."""

    def __init__(self, model: ReidModel) -> None:
        super().__init__()
        self.outputs = Outputs(model)
        self.index = OUTPUTS["reid"].index(model.feature)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The feature."""
        found: Tensor = self.outputs(images)[self.index]
        return (found,)


class FromBytes(nn.Module):
    """The same as a function of bytes (N, H, W, 3), RGB, of any size, which are resized and normalised within the graph."""

    mean: Tensor
    std: Tensor

    def __init__(self, outputs: Outputs, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.outputs = outputs
        self.size = preprocessing.size
        for name in ("mean", "std"):
            self.register_buffer(name, 255 * torch.tensor(getattr(preprocessing, name)).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The outputs in the order of ``OUTPUTS``."""
        pixels = images.permute(0, 3, 1, 2).float()
        # Pillow rounds what it has resized; here it stays as it is, since runtimes would round some numbers apart
        resized = F.interpolate(pixels, size=self.size, mode="bilinear", antialias=True)
        found: tuple[Tensor, ...] = self.outputs((resized - self.mean) / self.std)
        return found


def graph_of(model: BackboneModel, takes: Takes) -> nn.Module:
    """The network that is exported, in evaluation mode.

    Raises:
        InputError: bytes are asked for, and the model is not one of re-identification.
    """
    outputs = Outputs(model)
    if takes == "bytes" and not isinstance(model, ReidModel):
        raise InputError(
            f"preprocessing goes into the graph for re-identification alone, and this model is for {task_of(model)}: the size of what a "
            "network sees of an image depends on the image there, and rga.load prepares images by what the file says"
        )
    return (outputs if takes == "normalised" else FromBytes(outputs, model.preprocessing)).eval()


def takes_any_size(model: BackboneModel) -> bool:
    """Whether the graph has no size of its own: a segmentation model whose attention takes maps of any size."""
    return isinstance(model, SegmentationModel) and model.fixed_size is None


def free_sizes(model: BackboneModel, takes: Takes) -> dict[int, Any]:
    """Axis of the input -> what is known of its size, for the axes that are free."""
    batch = {0: Dim("batch")}
    if takes == "bytes":
        return {**batch, 1: Dim("rows", min=2, max=LARGEST), 2: Dim("columns", min=2, max=LARGEST)}
    if not takes_any_size(model):
        return batch
    assert isinstance(model, SegmentationModel)
    rows, columns = (Dim(name, min=2, max=LARGEST // model.multiple) for name in ("rows", "columns"))
    return {**batch, 2: model.multiple * rows, 3: model.multiple * columns}


def as_task(model: BackboneModel) -> Task:
    """The task of a model."""
    return cast("Task", task_of(model))


def description_of(model: BackboneModel, takes: Takes) -> Description:
    """What the file says about a model."""
    own: dict[str, Any] = {}
    if isinstance(model, ReidModel):
        own = {"feature": model.feature, "threshold": None if model.threshold is None else asdict(model.threshold)}
    elif isinstance(model, SegmentationModel):
        own = {
            "classes": model.classes.to_dict(),
            "multiple": model.multiple,
            "any_size": takes_any_size(model),
            "resolution": model.resolution,
        }
    elif isinstance(model, ClassificationModel):
        own = {"classes": {"names": list(model.classes)}, "crop_pct": model.crop_pct}
    return Description(
        as_task(model), model.preprocessing, takes, weights_fingerprint(model), model.trained_on, version=rga.__version__, **own
    )


def output_names(model: BackboneModel) -> tuple[str, ...]:
    """The names of the graph's outputs."""
    return OUTPUTS[as_task(model)]
