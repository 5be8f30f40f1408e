"""A training on images, whatever the task: a recipe, its data, a model on a backbone, and batches from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset, default_collate

from rga.backbones.checkpointing import checkpoint_blocks
from rga.backbones.freezing import FrozenStart
from rga.backbones.model import BackboneModel
from rga.backbones.parameter_groups import parameter_groups
from rga.backbones.recipe import ModelRecipe
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.images.images import DamagedImageError
from rga.storage.saved_model import WEIGHTS, add_metrics, load_weights, save_model
from rga.training.distributed import processes
from rga.training.input.loader import SampleLoader
from rga.training.input.plan import Plan
from rga.training.one_image import check_one_image
from rga.training.optimization import build_optimizer, build_schedule
from rga.training.recipe import MachineRecipe, Recipe, plain
from rga.training.schedules import Schedule


class ImageData(Protocol):
    """A dataset."""

    @property
    def name(self) -> str:
        """Its name in results."""
        ...

    @property
    def fingerprint(self) -> str:
        """A digest that changes when the files do."""
        ...


class ImageBatch(Protocol):
    """A batch, whatever it holds besides."""

    @property
    def indices(self) -> Tensor:
        """(B,), the indices of its images in the training split."""
        ...


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)
Data = TypeVar("Data", bound=ImageData)
Model = TypeVar("Model", bound=BackboneModel)
Batch = TypeVar("Batch", bound=ImageBatch)


class ImageTraining(ABC, Generic[AnyRecipe, Data, Model, Batch]):
    """A training on images as the loop wants it, except for its losses and its evaluation, which a task adds.

    Args:
        recipe: all choices.
        data: to train and test on.
        model: to train; the task's ``build_model`` makes it.
        samples: the training split as augmented images.
        plan: which of them make a batch.

    Raises:
        InputError: a batch cannot be shared as the recipe wants it, or comes in parts of one image that the model cannot train on.
    """

    watched: str
    """The metric that chooses the best model."""
    collate: Callable[[list[Any]], Any] = staticmethod(default_collate)
    """Samples -> a batch."""

    def __init__(self, recipe: AnyRecipe, data: Data, model: Model, samples: Dataset[Any], plan: Plan) -> None:
        self.recipe = recipe
        self.data = data
        self.fingerprint = data.fingerprint
        """Of the data as they are at the start."""
        self.model = model
        self.network: nn.Module = model
        """What losses call: the model, which the loop wraps where there are several processes."""
        self.criterion: nn.Module = nn.Module()
        self.criterion_lr = 0.0
        self.start = FrozenStart(model, model.backbone, recipe.optimization.freeze_epochs)
        self.loader = SampleLoader(
            samples,
            plan,
            recipe.loader,
            DamagedImageError,
            seed=recipe.seed,
            parts=recipe.optimization.gradient_accumulation,
            pin=recipe.machine.device.startswith(("auto", "cuda")) and torch.cuda.is_available(),
            join=self.collate,
        )
        self.steps_per_epoch = len(plan)
        if self.loader.share.part == 1 and not (recipe.machine.sync_bn and processes.together()):
            check_one_image(
                self.normalised, model.preprocessing.size, one_image_because(plan.size, recipe.optimization.gradient_accumulation)
            )

    @property
    def normalised(self) -> nn.Module:
        """The part of the model in which batch normalisation is, and which takes images (B, 3, H, W) alone."""
        return self.model

    def begin_epoch(self, epoch: int) -> bool:
        """Freezes the backbone in the recipe's first epochs, and lets it learn afterwards; whether that has changed."""
        return self.start.begin_epoch(epoch)

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

    @abstractmethod
    def losses(self, batch: Batch, device: torch.device) -> Mapping[str, Tensor]:
        """The parts of the loss of one batch."""

    @abstractmethod
    def evaluate(self) -> Mapping[str, float]:
        """Metrics of the model as it is."""

    has_test = False
    """Whether there is a split to test on that chooses nothing."""

    def test(self) -> Mapping[str, float]:
        """Metrics of the model as it is on that split; nothing where there is none."""
        return {}

    def test_saved(self, folder: Path) -> Mapping[str, float]:
        """Metrics of a saved model on that split, which are added to its configuration; nothing where there is none.

        Of several processes the first reads the model. The model that is trained has its own weights again afterwards.
        """
        if not self.has_test or not processes.largest((folder / WEIGHTS).is_file() and processes.first())[0]:
            return {}
        own = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        try:
            if processes.first():
                load_weights(self.model, folder)
            processes.copy_from_first(self.model)
            figures = dict(self.test())
        finally:
            self.model.load_state_dict(own)
        if processes.first():
            add_metrics(folder, {"test": figures})
        return figures

    @abstractmethod
    def describe_data(self) -> str:
        """A line for each split of the data."""

    def describe_start(self) -> dict[str, str]:
        """The initial weights and the normalisation of the pixels, for the log."""
        chosen = self.model.preprocessing
        numbers = {"mean": chosen.mean, "std": chosen.std}
        return {"weights": self.model.trained_on["weights"], **{name: " ".join(map(str, value)) for name, value in numbers.items()}}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for ``rga.load``."""
        save_model(self.model, folder, {"data": self.data.name, "fingerprint": self.fingerprint, **metrics})

    def optimizer(self) -> Optimizer:
        """The recipe's optimizer over all weights that learn, in groups with their own learning rate and weight decay."""
        chosen = self.recipe.optimization
        groups = parameter_groups(
            self.model,
            self.model.backbone,
            chosen.backbone_lr_scale,
            attention_lr_scale=chosen.attention_lr_scale,
            attention_weight_decay=chosen.attention_weight_decay,
            layer_lr_decay=chosen.layer_lr_decay,
            decay_norms=chosen.decay_norms,
        )
        return build_optimizer(chosen, groups)

    def schedule(self) -> Schedule:
        """The recipe's learning rate by epoch."""
        return build_schedule(self.recipe.optimization)


def trained_on(recipe: Recipe, data: ImageData) -> dict[str, Any]:
    """What a model remembers of its data: name, fingerprint, and the recipe's fields by which they were chosen and read."""
    fields = recipe.fields()
    chosen = {name: plain(fields[name]) for name in recipe.DATA_FIELDS if fields[name]}
    return {"name": data.name, "fingerprint": data.fingerprint, **chosen}


def one_image_because(size: int, parts: int) -> str:
    """Why a batch comes in parts of one image, and which field to change, for an error."""
    in_parts = f" in {parts} parts (gradient_accumulation)" if parts > 1 else ""
    shared = f" on {processes.count()} processes (sync_bn normalises over all of them)" if processes.count() > 1 else ""
    return f"a batch of {size}{in_parts}{shared} comes as one image at a time"


def start_model(model: Model, chosen: ModelRecipe, machine: MachineRecipe, *, load_weights: bool) -> Model:
    """Loads the initial weights of a new model's backbone and sets how it lies and is kept in memory; in place.

    Args:
        model: the new one.
        chosen: its group of the recipe.
        machine: likewise.
        load_weights: whether initial weights are wanted; whoever loads a checkpoint says where the weights in it are from.
    """
    if load_weights:
        normalisation = (model.preprocessing.mean, model.preprocessing.std)
        source = load_backbone_weights(model.backbone, chosen.backbone, chosen.weights, chosen.attention, normalisation=normalisation)
        model.set_weights_source(source)
    if machine.activation_checkpointing:
        checkpoint_blocks(model.backbone)
    return model.to(memory_format=torch.channels_last) if machine.channels_last else model
