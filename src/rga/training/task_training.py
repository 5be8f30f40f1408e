"""What the trainings of all tasks have in common: a recipe, a model on a backbone, and batches of images from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import Dataset

from rga.backbones.checkpointing import checkpoint_blocks
from rga.backbones.model import BackboneModel
from rga.backbones.pretrained import load_backbone_weights
from rga.backbones.recipe import BackboneRecipe, parameter_groups
from rga.images.images import DamagedImageError
from rga.storage.saved_model import save_model
from rga.training.input.loader import SampleLoader
from rga.training.input.plan import Plan
from rga.training.recipe import TrainingRecipe
from rga.training.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class ImageRecipe(TrainingRecipe, BackboneRecipe):
    """All choices of a training on images; a task's recipe adds its own."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        BackboneRecipe.__post_init__(self)
        TrainingRecipe.__post_init__(self)


class ImageData(Protocol):
    """A dataset."""

    @property
    def name(self) -> str:
        """What results call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when its files do."""
        ...


class ImageBatch(Protocol):
    """A batch, whatever it holds besides."""

    @property
    def indices(self) -> Tensor:
        """(B,), the indices of its images in the training split."""
        ...


Recipe = TypeVar("Recipe", bound=ImageRecipe)
Data = TypeVar("Data", bound=ImageData)
Model = TypeVar("Model", bound=BackboneModel)
Batch = TypeVar("Batch", bound=ImageBatch)


class ImageTask(ABC, Generic[Recipe, Data, Model, Batch]):
    """A training on images as the loop wants it, but for its loss and its evaluation, which a task adds.

    Args:
        recipe: all choices.
        data: to train and test on.
        model: to train; ``build_model`` of the task has made it.
        samples: the training split as augmented images.
        plan: which of them make a batch.
    """

    def __init__(self, recipe: Recipe, data: Data, model: Model, samples: Dataset[Any], plan: Plan) -> None:
        self.recipe = recipe
        self.data = data
        self.fingerprint = data.fingerprint
        """Of the data as they are at the start."""
        self.model = model
        self.loader = SampleLoader(samples, plan, recipe.loader_options(), DamagedImageError)
        self.steps_per_epoch = len(plan)

    @property
    def skipped(self) -> dict[str, int]:
        """Images that could not be read and were replaced, and how often."""
        return self.loader.skipped

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from batch ``start`` on."""
        return self.loader.batches(epoch, start)

    def images(self, batch: Batch) -> int:
        """Images in a batch."""
        return len(batch.indices)

    def describe(self, batch: Batch) -> str:
        """The files of a batch."""
        return ", ".join(map(self.file_name, batch.indices.tolist()))

    @abstractmethod
    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""

    def describe_start(self) -> dict[str, str]:
        """What the training starts from, as its log keeps it: the backbone's weights, and how pixels are normalised for them."""
        chosen = self.model.preprocessing
        numbers = {"mean": chosen.mean, "std": chosen.std}
        return {"weights": self.model.trained_on["weights"], **{name: " ".join(map(str, each)) for name, each in numbers.items()}}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for ``rga.load``."""
        save_model(self.model, folder, {"data": self.data.name, "fingerprint": self.fingerprint, **metrics})

    def optimizer(self) -> Optimizer:
        """The recipe's optimiser over all weights that learn; the backbone's own with their own learning rate."""
        return self.recipe.build_optimizer(parameter_groups(self.model, self.model.backbone, self.recipe.backbone_lr_scale))

    def schedule(self) -> Schedule:
        """The recipe's learning rate by epoch."""
        return self.recipe.build_schedule()


def initialize(model: Model, recipe: ImageRecipe) -> Model:
    """A model as its recipe begins with it: the backbone's weights, and how it lies and is kept in memory; in place."""
    model.set_weights_source(load_backbone_weights(model.backbone, recipe.backbone, recipe.weights))
    if recipe.activation_checkpointing:
        checkpoint_blocks(model.backbone)
    return model.to(memory_format=torch.channels_last) if recipe.channels_last else model
