"""Segmentation as a task of the training loop: its model, batches, loss and evaluation, from a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from rga.engine.files import write_json
from rga.engine.schedules import Schedule
from rga.segmentation.classes import Classes
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy
from rga.segmentation.masks import read_scene
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.scenes import Scene, SegmentationData, describe_counts
from rga.segmentation.sources.catalog import load_data
from rga.segmentation.transforms import as_tensors, training_transform
from rga.trunks.pretrained import load_trunk_weights
from rga.trunks.recipe import parameter_groups


class SceneBatch(NamedTuple):
    """A batch: normalised crops (B, 3, h, w), their classes (B, h, w), and the places of both in the training split."""

    images: Tensor
    labels: Tensor
    places: Tensor


class TrainingScenes(Dataset[SceneBatch]):
    """The training split as augmented crops; the work of the loader's processes."""

    def __init__(self, scenes: Sequence[Scene], classes: Classes, transform: nn.Module) -> None:
        self.scenes = scenes
        self.classes = classes
        self.transform = transform

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.scenes)

    def __getitem__(self, index: int) -> SceneBatch:
        """One crop (3, h, w), its classes (h, w) and its place."""
        image, labels = self.transform(*as_tensors(*read_scene(self.scenes[index], self.classes)))
        return SceneBatch(image, labels.long(), torch.tensor(index))


class ShuffledBatches:
    """Places of the training pictures in random order, in full batches; a batch sampler for ``torch.utils.data.DataLoader``."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        if size > count:
            raise ValueError(f"a batch of {size} crops cannot be drawn from {count} pictures: lower the batch's size")
        self.count = count
        self.size = size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.count // self.size

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the epoch."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count).tolist()
        return (order[start : start + self.size] for start in range(0, len(self) * self.size, self.size))


class SegmentationTask:
    """A segmentation training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.

    Raises:
        ValueError: the data have nothing to train on, or less than a batch, or nothing to choose by.
    """

    def __init__(self, recipe: SegmentationRecipe, data: SegmentationData) -> None:
        if not data.train:
            raise ValueError(f"data set {data.name!r} has no training split")
        self.recipe = recipe
        self.data = data
        self.tested = data.labelled(recipe.evaluate_on) if data.split(recipe.evaluate_on) else ()
        self.sampler = ShuffledBatches(len(data.train), recipe.batch, recipe.seed)
        self.steps_per_epoch = len(self.sampler)
        self.watched = "mIoU"
        self.model = build_model(recipe, data)
        transform = training_transform(
            self.model.preprocessing,
            resolution=recipe.resolution,
            scales=(recipe.smallest_scale, recipe.largest_scale),
            flip=recipe.flip,
            color_jitter=recipe.color_jitter,
        )
        self.loader = DataLoader(
            TrainingScenes(data.train, data.classes, transform),
            batch_sampler=self.sampler,
            num_workers=recipe.workers,
            persistent_workers=recipe.workers > 0,
            generator=torch.Generator().manual_seed(recipe.seed),
        )

    def batches(self, epoch: int) -> Iterator[SceneBatch]:
        """The batches of an epoch."""
        self.sampler.epoch = epoch
        return iter(self.loader)

    def losses(self, batch: SceneBatch, device: torch.device) -> dict[str, Tensor]:
        """The loss of the head and, weighted, of the auxiliary one."""
        labels = batch.labels.to(device, non_blocking=True)
        scores, auxiliary = self.model(batch.images.to(device, non_blocking=True))
        parts = {"pixels": self.loss(scores, labels)}
        if auxiliary is not None:
            parts["auxiliary"] = self.recipe.auxiliary_weight * self.loss(auxiliary, labels)
        return parts

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The recipe's loss: over all pixels that count, or over the hard ones."""
        if self.recipe.hard_threshold:
            return hard_cross_entropy(scores, labels, self.recipe.hard_threshold, self.recipe.hard_keep)
        return pixel_cross_entropy(scores, labels)

    @property
    def fingerprint(self) -> str:
        """Of the data."""
        return self.data.fingerprint

    def describe_data(self) -> str:
        """A line for each split of the data."""
        return "\n".join(
            [f"{self.data.name}, {len(self.data.classes)} classes, fingerprint {self.data.fingerprint}", *describe_counts(self.data.counts)]
        )

    def describe(self, batch: SceneBatch) -> str:
        """The files of a batch."""
        return ", ".join(self.data.train[place].image.name for place in batch.places.tolist())

    def images(self, batch: SceneBatch) -> int:
        """Crops in a batch."""
        return len(batch.images)

    def evaluate(self) -> dict[str, float]:
        """MIoU and pixel accuracy on the recipe's split; nothing without one."""
        if not self.tested:
            return {}
        result = evaluate_model(self.model, self.tested, self.data.classes, inference=self.recipe.inference, workers=self.recipe.workers)
        return {"mIoU": result.mIoU, "pixel_accuracy": result.pixel_accuracy, "mean_accuracy": result.mean_accuracy}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Writes the model for ``rga.load``."""
        save_model(self.model, folder, {"data": self.data.name, "fingerprint": self.data.fingerprint, **metrics})

    def optimizer(self) -> Optimizer:
        """The recipe's optimiser over all weights that learn; the trunk's own with their own rate."""
        return self.recipe.build_optimizer(parameter_groups(self.model, self.model.trunk, self.recipe.trunk_rate_scale))

    def schedule(self) -> Schedule:
        """The recipe's learning rate by epoch."""
        return self.recipe.build_schedule()


def segmentation_task(recipe: SegmentationRecipe) -> SegmentationTask:
    """Reads a recipe's data and builds its task."""
    return SegmentationTask(recipe, load_data(recipe.data, recipe.root))


def build_model(recipe: SegmentationRecipe, data: SegmentationData) -> SegmentationModel:
    """The recipe's model with its starting weights."""
    torch.manual_seed(recipe.seed)
    model = SegmentationModel(
        recipe.trunk,
        classes=data.classes.to_dict(),
        trunk_options=recipe.trunk_options,
        image_size=[recipe.height, recipe.width],
        output_stride=recipe.output_stride,
        head=recipe.head,
        auxiliary=recipe.auxiliary_weight > 0,
        attention=recipe.attention,
        attention_options=recipe.attention_options(),
        attention_after=list(recipe.after) or None,
        largest_grid=recipe.largest_grid,
        resolution=recipe.resolution,
        mean=list(recipe.mean),
        std=list(recipe.std),
        trained_on={"name": data.name, "fingerprint": data.fingerprint},
    )
    load_trunk_weights(model.trunk, recipe.trunk, recipe.weights)
    return model.to(memory_format=torch.channels_last) if recipe.channels_last else model


def save_model(model: SegmentationModel, folder: Path, metrics: Mapping[str, object]) -> None:
    """Writes ``config.json`` and ``model.safetensors``, as the Hugging Face hub's mixin does, with what the model reached."""
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, "metrics": dict(metrics)})
