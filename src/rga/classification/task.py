"""Classification as a task of the training loop: its model, batches, loss and evaluation, from a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Subset

from rga.attention.precision import in_float32
from rga.classification.batches import TestImages, TrainingImages
from rga.classification.datasets.catalog import load_data
from rga.classification.datasets.samples import SPLITS, ClassificationData, hold_out
from rga.classification.evaluation import evaluate
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.classification.result import ClassificationResult
from rga.classification.transforms import evaluation_transform, mixing, training_transform
from rga.training.distributed import processes
from rga.training.input.plan import ShuffledBatches
from rga.training.input.random_state import drawing_from
from rga.training.task_training import ImageTask, initialize


@dataclass(frozen=True)
class ClassificationBatch:
    """A batch: normalised images (B, 3, size, size), labels (B,) or shares of the classes (B, C), and the indices in the training split."""

    images: Tensor
    targets: Tensor
    indices: Tensor


class ClassificationTask(ImageTask[ClassificationRecipe, ClassificationData, ClassificationModel, ClassificationBatch]):
    """A classification training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.

    Raises:
        ValueError: the data have nothing to train on, or less than a batch.
    """

    watched = "top1"

    def __init__(self, recipe: ClassificationRecipe, data: ClassificationData) -> None:
        if not len(data.train):
            raise ValueError(f"dataset {data.name!r} at {data.root} has no images to train on")
        plan = ShuffledBatches(len(data.train), recipe.batch_size, recipe.seed)
        model = build_model(recipe, data)
        transform = training_transform(
            model.preprocessing,
            crop=recipe.crop,
            padding=recipe.padding,
            scale=recipe.scale,
            flip=recipe.random_flip,
            random_erasing=recipe.random_erasing,
            color_jitter=recipe.color_jitter,
        )
        self.mix = mixing(recipe.mixup, recipe.cutmix, len(data.classes))
        super().__init__(recipe, data, model, TrainingImages(data.train, transform), plan)

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, fingerprint {self.fingerprint}"]
        lines += [f"  {name}: {len(self.data.split(name)):,} images of {len(self.data.classes):,} classes" for name in SPLITS]
        return "\n".join(lines)

    def batches(self, epoch: int, start: int = 0) -> Iterator[ClassificationBatch]:
        """The batches of an epoch from batch ``start`` on; images are mixed within a process's part of a batch."""
        first = start * self.recipe.gradient_accumulation
        for number, (images, labels, indices) in enumerate(self.loader.batches(epoch, start), first):
            if self.mix is None:
                yield ClassificationBatch(images, labels, indices)
            else:
                with drawing_from(self.recipe.seed, epoch, number, processes.rank()):
                    mixed, shares = self.mix(images, labels)
                yield ClassificationBatch(mixed, shares, indices)

    def losses(self, batch: ClassificationBatch, device: torch.device) -> dict[str, Tensor]:
        """The cross-entropy with smoothed labels."""
        scores = self.model(batch.images.to(device, non_blocking=True))
        targets = batch.targets.to(device, non_blocking=True)
        return {"cross_entropy": cross_entropy(scores, targets, self.recipe.label_smoothing)}

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train.images.name(index)

    def evaluate(self) -> dict[str, float]:
        """Top-1, top-5, calibration error and cross-entropy on the test split; nothing without one."""
        if not len(self.data.test):
            return {}
        result = evaluate_model(self.model, self.data, batch_size=self.recipe.eval_batch_size, num_workers=self.recipe.num_workers)
        figures = {"top1": result.top1, "calibration_error": result.calibration_error, "test_cross_entropy": result.cross_entropy}
        return figures if result.top5 is None else {**figures, "top5": result.top5}


@in_float32
def cross_entropy(scores: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropy of scores (B, classes) against labels (B,) or shares (B, classes), smoothed: a scalar, the mean over the batch."""
    return F.cross_entropy(scores, targets, label_smoothing=label_smoothing)


def classification_task(recipe: ClassificationRecipe) -> ClassificationTask:
    """Reads a recipe's data and builds its task."""
    options = {"test_folder": recipe.test_folder} if recipe.test_folder else {}
    data = load_data(recipe.data, recipe.root, **options)
    return ClassificationTask(recipe, hold_out(data, recipe.hold_out, recipe.seed) if recipe.hold_out else data)


def build_model(recipe: ClassificationRecipe, data: ClassificationData) -> ClassificationModel:
    """The recipe's model with its starting weights."""
    torch.manual_seed(recipe.seed)
    model = ClassificationModel(
        recipe.backbone,
        list(data.classes),
        backbone_options=recipe.backbone_options,
        size=recipe.size,
        crop_pct=recipe.crop_pct,
        attention=recipe.attention,
        attention_options=recipe.attention_options(),
        attention_after=recipe.attention_after(),
        mean=recipe.mean,
        std=recipe.std,
        trained_on={"name": data.name, "fingerprint": data.fingerprint},
    )
    return initialize(model, recipe)


def evaluate_model(
    model: ClassificationModel, data: ClassificationData, *, batch_size: int = 256, num_workers: int = 0
) -> ClassificationResult:
    """Measures a model on the test split of a dataset; of several processes each sees a part of the images, and all have the result.

    Raises:
        ValueError: there is no test split, or its classes are not the model's.
    """
    if not len(data.test):
        raise ValueError(f"dataset {data.name!r} at {data.root} has no images to test on")
    if data.classes != model.classes:
        raise ValueError(
            f"the model tells {len(model.classes)} classes apart ({', '.join(model.classes[:3])}, ...), dataset {data.name!r} has "
            f"{len(data.classes)} ({', '.join(data.classes[:3])}, ...): evaluate it on the classes that it was trained on"
        )
    images = TestImages(data.test, evaluation_transform(model.preprocessing, model.crop_pct))
    part = Subset(images, processes.share(range(len(images))))
    rows = processes.gather_rows(torch.from_numpy(model.probabilities_of(part, batch_size, num_workers)))
    return evaluate(rows.numpy(), data.test.labels, data.classes)
