"""Segmentation as a task of the training loop: its model, batches, loss and evaluation, from a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.segmentation.datasets.catalog import load_data
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import Sample, SegmentationData, describe_counts
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.transforms import training_transform
from rga.training.distributed import processes
from rga.training.input.plan import ShuffledBatches
from rga.training.task_training import ImageTask, initialize


class SegmentationBatch(NamedTuple):
    """A batch: crops in bytes (B, 3, h, w), their classes (B, h, w), and the indices of both in the training split."""

    images: Tensor
    labels: Tensor
    indices: Tensor


class TrainingSamples(Dataset[SegmentationBatch]):
    """The training split as augmented crops; the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample], classes: Classes, transform: nn.Module) -> None:
        self.samples = samples
        self.classes = classes
        self.transform = transform

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> SegmentationBatch:
        """One crop (3, h, w), its classes (h, w) and its index."""
        image, labels = self.transform(*read_sample(self.samples[index], self.classes))
        return SegmentationBatch(image, labels.long(), torch.tensor(index))


class SegmentationTask(ImageTask[SegmentationRecipe, SegmentationData, SegmentationModel, SegmentationBatch]):
    """A segmentation training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.

    Raises:
        ValueError: the data have nothing to train on, or less than a batch, or the masks of the split to choose by are not there.
    """

    watched = "mIoU"

    def __init__(self, recipe: SegmentationRecipe, data: SegmentationData) -> None:
        if not data.train:
            raise ValueError(f"dataset {data.name!r} has no training split")
        self.tested = data.labelled(recipe.evaluate_on) if data.split(recipe.evaluate_on) else ()
        part = recipe.batch_size // (processes.count() * recipe.gradient_accumulation)
        if recipe.head == "aspp" and part < 2:
            raise ValueError(f"head aspp normalises one pooled position a crop, over 2 crops or more: a batch comes in parts of {part}")
        plan = ShuffledBatches(len(data.train), recipe.batch_size, recipe.seed)
        model = build_model(recipe, data)
        transform = training_transform(
            model.preprocessing,
            resolution=recipe.resolution,
            scales=recipe.scale,
            flip=recipe.random_flip,
            color_jitter=recipe.color_jitter,
        )
        samples = TrainingSamples(data.train, data.classes, transform)
        super().__init__(recipe, data, model, samples, plan)

    def inputs(self, batch: SegmentationBatch, device: torch.device) -> Tensor:
        """The crops of a batch as the network sees them: normalised (B, 3, h, w), on a device."""
        return self.model.preprocessing.normalise(batch.images.to(device, non_blocking=True).permute(0, 2, 3, 1))

    def losses(self, batch: SegmentationBatch, device: torch.device) -> dict[str, Tensor]:
        """The loss of the head and, weighted, of the auxiliary one."""
        labels = batch.labels.to(device, non_blocking=True)
        scores, auxiliary = self.model(self.inputs(batch, device))
        parts = {"pixels": self.loss(scores, labels)}
        if auxiliary is not None:
            parts["auxiliary"] = self.recipe.auxiliary_weight * self.loss(auxiliary, labels)
        return parts

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The recipe's loss: over all pixels that count, or over the hard ones."""
        if self.recipe.ohem_threshold:
            return hard_cross_entropy(
                scores, labels, self.recipe.ohem_threshold, -(-self.recipe.ohem_min_kept // self.recipe.gradient_accumulation)
            )
        return pixel_cross_entropy(scores, labels)

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, {len(self.data.classes)} classes, fingerprint {self.fingerprint}", *describe_counts(self.data.counts)]
        if not self.tested:
            lines.append(f"  {self.recipe.evaluate_on} is empty: the training is not evaluated, and there is no best model")
        return "\n".join(lines)

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train[index].image.name

    def evaluate(self) -> dict[str, float]:
        """MIoU and pixel accuracy on the recipe's split; nothing without one."""
        if not self.tested:
            return {}
        result = evaluate_model(
            self.model, self.tested, self.data.classes, inference=self.recipe.inference, num_workers=self.recipe.num_workers
        )
        return {"mIoU": result.mIoU, "pixel_accuracy": result.pixel_accuracy, "mean_accuracy": result.mean_accuracy}


def segmentation_task(recipe: SegmentationRecipe) -> SegmentationTask:
    """Reads a recipe's data and builds its task."""
    return SegmentationTask(recipe, load_data(recipe.data, recipe.root))


def build_model(recipe: SegmentationRecipe, data: SegmentationData) -> SegmentationModel:
    """The recipe's model with its starting weights."""
    torch.manual_seed(recipe.seed)
    model = SegmentationModel(
        recipe.backbone,
        classes=data.classes.to_dict(),
        backbone_options=recipe.backbone_options,
        image_size=[recipe.height, recipe.width],
        output_stride=recipe.output_stride,
        head=recipe.head,
        auxiliary=recipe.auxiliary_weight > 0,
        attention=recipe.attention,
        attention_options=recipe.attention_options(),
        attention_after=recipe.attention_after(),
        largest_grid=recipe.largest_grid,
        resolution=recipe.resolution,
        mean=recipe.mean,
        std=recipe.std,
        trained_on={"name": data.name, "fingerprint": data.fingerprint},
    )
    return initialize(model, recipe)
