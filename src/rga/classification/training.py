"""A classification training: its model, batches, loss and evaluation, from a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.attention.precision import in_float32
from rga.classification.batches import TrainingImages
from rga.classification.datasets.samples import ClassificationData
from rga.classification.evaluation import ClassificationOptions, evaluate_model
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.classification.transforms import mixing, training_transform
from rga.datasets.splits import SPLITS, Split
from rga.errors import InputError
from rga.training.choice import describe_choice
from rga.training.distributed import processes
from rga.training.image_training import ImageTraining, start_model, trained_on
from rga.training.input.plan import BalancedBatches, Plan, ShuffledBatches
from rga.training.input.random_state import drawing_from

COIN = 1
"""The end of the key under which it is drawn whether a batch is mixed: that of its first image has the same beginning."""


@dataclass(frozen=True)
class ClassificationBatch:
    """A batch: normalised images (B, 3, size, size), labels (B,) or shares of the classes (B, C), and the indices in the training split."""

    images: Tensor
    targets: Tensor
    indices: Tensor


class ClassificationTraining(ImageTraining[ClassificationRecipe, ClassificationData, ClassificationModel, ClassificationBatch]):
    """A classification training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.
        load_weights: load the backbone's initial weights; a run that continues has its weights in a checkpoint.

    Raises:
        InputError: the data have nothing to train on, or less than a batch.
    """

    watched = "top1"

    def __init__(self, recipe: ClassificationRecipe, data: ClassificationData, *, load_weights: bool = True) -> None:
        if not len(data.train):
            raise InputError(f"dataset {data.name!r} at {data.root} has no images to train on")
        chosen = recipe.batches
        plan: Plan = ShuffledBatches(len(data.train), chosen.batch_size, recipe.seed)
        if chosen.class_balanced:
            plan = BalancedBatches(data.train.labels.tolist(), chosen.batch_size, recipe.seed)
        model = build_model(recipe, data, load_weights=load_weights)
        transform = training_transform(
            model.preprocessing,
            crop=chosen.crop,
            padding=chosen.padding,
            scale=chosen.scale,
            flip=chosen.random_flip,
            random_erasing=chosen.random_erasing,
            color_jitter=chosen.color_jitter,
        )
        self.has_test = data.chooses == "val" and len(data.test) > 0
        self.mix = mixing(chosen.mixup, chosen.cutmix, len(data.classes))
        super().__init__(recipe, data, model, TrainingImages(data.train, transform), plan)

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, fingerprint {self.fingerprint}"]
        lines += [f"  {name}: {len(self.data.split(name)):,} images of {len(self.data.classes):,} classes" for name in SPLITS]
        lines.append(f"  {describe_choice(self.data.chooses, kept=self.has_test)}")
        return "\n".join(lines)

    def batches(self, epoch: int, start: int = 0) -> Iterator[ClassificationBatch]:
        """The batches of an epoch from batch ``start`` on; images are mixed within a process's part of a batch."""
        first = start * self.recipe.optimization.gradient_accumulation
        for number, (images, labels, indices) in enumerate(self.loader.batches(epoch, start), first):
            mixed, targets = self.mixed(images, labels, epoch, number)
            yield ClassificationBatch(mixed, targets, indices)

    def mixed(self, images: Tensor, labels: Tensor, epoch: int, number: int) -> tuple[Tensor, Tensor]:
        """The images of a part of a batch and their labels, mixed as the recipe wants it in this epoch, or as they are."""
        chosen = self.recipe.batches
        if self.mix is None or (chosen.mixup_off_epoch and epoch >= chosen.mixup_off_epoch):
            return images, labels
        key = (self.recipe.seed, epoch, number, processes.rank())
        with drawing_from(*key, COIN):
            if float(torch.rand(())) >= chosen.mixup_prob:
                return images, labels
        with drawing_from(*key):
            mixed, shares = self.mix(images, labels)
        return mixed, shares

    def losses(self, batch: ClassificationBatch, device: torch.device) -> dict[str, Tensor]:
        """The cross-entropy with smoothed labels."""
        scores = self.network(batch.images.to(device, non_blocking=True))
        targets = batch.targets.to(device, non_blocking=True)
        return {"cross_entropy": cross_entropy(scores, targets, self.recipe.loss.label_smoothing)}

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train.images.name(index)

    def evaluate(self) -> dict[str, float]:
        """Top-1, top-5, calibration error and cross-entropy on the split that chooses: val, or test without one; nothing without both."""
        return self.measured(self.data.chooses) if self.data.chooses else {}

    def test(self) -> dict[str, float]:
        """The same on the test split, where val chooses; otherwise nothing."""
        return self.measured("test") if self.has_test else {}

    def measured(self, split: Split) -> dict[str, float]:
        """The figures on a split."""
        batch_size, num_workers = self.recipe.evaluation.eval_batch_size, self.recipe.loader.num_workers
        options = ClassificationOptions(split)
        result = evaluate_model(self.model, self.data, options, batch_size=batch_size, num_workers=num_workers)
        figures = {"top1": result.top1, "calibration_error": result.calibration_error, f"{split}_cross_entropy": result.cross_entropy}
        return figures if result.top5 is None else {**figures, "top5": result.top5}


@in_float32
def cross_entropy(scores: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropy of scores (B, classes) against labels (B,) or shares (B, classes), smoothed: a scalar, the mean over the batch."""
    return F.cross_entropy(scores, targets, label_smoothing=label_smoothing)


def build_model(recipe: ClassificationRecipe, data: ClassificationData, *, load_weights: bool = True) -> ClassificationModel:
    """The recipe's model with its initial weights, or without them where they come from a checkpoint."""
    torch.manual_seed(recipe.seed)
    chosen = recipe.model
    model = ClassificationModel(
        chosen.backbone,
        list(data.classes),
        backbone_options=chosen.backbone_options,
        size=chosen.image_size,
        crop_pct=chosen.crop_pct,
        attention=chosen.attention,
        attention_options=chosen.attention_options(),
        attention_after=chosen.attention_after(),
        mean=chosen.mean,
        std=chosen.std,
        trained_on=trained_on(recipe, data),
    )
    return start_model(model, chosen, recipe.machine, load_weights=load_weights)
