"""A segmentation training: its model, batches, losses and evaluation, from a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.datasets.layout import DataError
from rga.datasets.splits import Split
from rga.errors import InputError
from rga.images.tensors import normalise
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.learnable import examine, one_class, shown
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import Sample, SegmentationData, describe_counts
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.inference import Inference
from rga.segmentation.losses import dice, hard_cross_entropy, lovasz_softmax, pixel_cross_entropy
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.transforms import training_transform
from rga.training.choice import describe_choice
from rga.training.image_training import ImageTraining, start_model, trained_on
from rga.training.input.plan import ShuffledBatches


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


class SegmentationTraining(ImageTraining[SegmentationRecipe, SegmentationData, SegmentationModel, SegmentationBatch]):
    """A segmentation training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.
        load_weights: load the backbone's initial weights; a run that continues has its weights in a checkpoint.

    Raises:
        InputError: the data have nothing to train on, or less than a batch, or the masks of the split to choose by are not there.
    """

    watched = "mIoU"

    def __init__(self, recipe: SegmentationRecipe, data: SegmentationData, *, load_weights: bool = True) -> None:
        if not data.train:
            raise InputError(f"dataset {data.name!r} has no training split")
        self.chooses = choosing_split(recipe.evaluation.eval_split, data)
        """The split that chooses the best model; empty where there is none."""
        self.tested = data.labelled(self.chooses) if self.chooses else ()
        self.kept = () if self.chooses in ("", "test") or not data.masks_given("test") else data.test
        """The images that are tested on when all is over."""
        self.has_test = bool(self.kept)
        self.remarks = check_masks(data, {"test": self.kept, self.chooses: self.tested})
        check_class_weights(recipe.loss.class_weights, data)
        chosen = recipe.batches
        self.inference = Inference(window=chosen.crop_size if recipe.evaluation.eval_windows else None)
        plan = ShuffledBatches(len(data.train), chosen.batch_size, recipe.seed)
        model = build_model(recipe, data, load_weights=load_weights)
        transform = training_transform(
            model.preprocessing,
            resolution=recipe.model.resolution,
            scales=chosen.scale,
            flip=chosen.random_flip,
            color_jitter=chosen.color_jitter,
        )
        samples = TrainingSamples(data.train, data.classes, transform)
        super().__init__(recipe, data, model, samples, plan)

    def inputs(self, batch: SegmentationBatch, device: torch.device) -> Tensor:
        """The crops of a batch as the network sees them: normalised (B, 3, h, w), on a device."""
        return normalise(self.model.preprocessing, batch.images.to(device, non_blocking=True).permute(0, 2, 3, 1))

    def losses(self, batch: SegmentationBatch, device: torch.device) -> dict[str, Tensor]:
        """The loss of the head and, weighted, of the auxiliary one."""
        labels = batch.labels.to(device, non_blocking=True)
        scores, auxiliary = self.network(self.inputs(batch, device))
        parts = self.parts(scores, labels)
        if auxiliary is not None:
            whole = torch.stack(list(self.parts(auxiliary, labels).values())).sum()
            parts["auxiliary"] = self.recipe.loss.auxiliary_weight * whole
        return parts

    def parts(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The recipe's losses of the scores of one head, weighted."""
        chosen = self.recipe.loss
        parts: dict[str, Tensor] = {}
        if chosen.pixel_weight:
            parts["pixels"] = chosen.pixel_weight * self.loss(scores, labels)
        if chosen.dice_weight:
            parts["dice"] = chosen.dice_weight * dice(scores, labels)
        if chosen.lovasz_weight:
            parts["lovasz"] = chosen.lovasz_weight * lovasz_softmax(scores, labels)
        return parts

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The recipe's cross-entropy: over all pixels that count, or over the hard ones."""
        chosen = self.recipe.loss
        weights = torch.tensor(chosen.class_weights) if chosen.class_weights else None
        if chosen.ohem_threshold:
            kept = -(-chosen.ohem_min_kept // self.recipe.optimization.gradient_accumulation)
            return hard_cross_entropy(scores, labels, chosen.ohem_threshold, kept, weights)
        return pixel_cross_entropy(scores, labels, weights, chosen.focal_gamma)

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, {len(self.data.classes)} classes, fingerprint {self.fingerprint}", *describe_counts(self.data.counts)]
        lines.append(f"  {describe_choice(self.chooses, wanted=self.recipe.evaluation.eval_split, kept=self.has_test)}")
        lines += [f"  beware: {remark}" for remark in self.remarks]
        return "\n".join(lines)

    def file_name(self, index: int) -> str:
        """The name of an image of the training split."""
        return self.data.train[index].image.name

    def evaluate(self) -> dict[str, float]:
        """MIoU and pixel accuracy on the recipe's split; nothing without one."""
        return self.measured(self.tested)

    def test(self) -> dict[str, float]:
        """The same on the test split, which chose nothing; nothing without one."""
        return self.measured(self.kept)

    def measured(self, samples: Sequence[Sample]) -> dict[str, float]:
        """The figures on some samples; none without samples."""
        if not samples:
            return {}
        num_workers = self.recipe.loader.num_workers
        result = evaluate_model(self.model, samples, self.data.classes, inference=self.inference, num_workers=num_workers)
        return {"mIoU": result.mIoU, "pixel_accuracy": result.pixel_accuracy, "mean_accuracy": result.mean_accuracy}


def choosing_split(wanted: Split, data: SegmentationData) -> Split | Literal[""]:
    """The split that chooses the best model: the recipe's; where that is ``val`` and empty, ``test``; empty where there is none.

    Raises:
        InputError: the masks of the split are not there.
    """
    if data.split(wanted):
        data.labelled(wanted)
        return wanted
    return "test" if wanted == "val" and data.masks_given("test") else ""


def check_class_weights(class_weights: Sequence[float], data: SegmentationData) -> None:
    """Raises an InputError if there are weights of classes, and not as many as classes."""
    if class_weights and len(class_weights) != len(data.classes):
        names = ", ".join(data.classes.names)
        raise InputError(f"class_weights needs a number for each of the {len(data.classes)} classes ({names}), got {len(class_weights)}")


def check_masks(data: SegmentationData, measured: Mapping[str, Sequence[Sample]]) -> tuple[str, ...]:
    """What should be known about the masks before a training, a sentence each.

    Args:
        data: to train on.
        measured: split -> the samples that are measured on; none for a split that is not used.

    Raises:
        DataError: nothing can be learnt from them, a mask cannot be used, or in a split to test on every pixel is ignored.
    """
    examined = examine(data.train, data.classes)
    if examined.defects:
        raise DataError(examined.defects[0])
    if examined.refusal:
        raise DataError(f"dataset {data.name!r} at {data.root}: {examined.refusal}")
    remarks = [*examined.remarks]
    for split, samples in measured.items():
        names = shown(samples, data.classes)
        if not names:
            raise DataError(
                f"dataset {data.name!r} at {data.root}: every pixel of all masks of {split} is ignored: nothing can be measured"
            )
        if len(names) == 1:
            remarks.append(one_class(split, names[0]))
    return tuple(remarks)


def build_model(recipe: SegmentationRecipe, data: SegmentationData, *, load_weights: bool = True) -> SegmentationModel:
    """The recipe's model with its initial weights, or without them where they come from a checkpoint."""
    torch.manual_seed(recipe.seed)
    chosen = recipe.model
    options = chosen.attention_options()
    largest_grid = options.pop("largest_grid", None)
    model = SegmentationModel(
        chosen.backbone,
        classes=data.classes.to_dict(),
        backbone_options=chosen.backbone_options,
        image_size=list(recipe.batches.crop_size),
        output_stride=chosen.output_stride,
        head=chosen.head,
        auxiliary=recipe.loss.auxiliary_weight > 0,
        attention=chosen.attention,
        attention_options=options,
        attention_after=chosen.attention_after(),
        largest_grid=largest_grid,
        resolution=chosen.resolution,
        mean=chosen.mean,
        std=chosen.std,
        trained_on=trained_on(recipe, data),
    )
    return start_model(model, chosen, recipe.machine, load_weights=load_weights)
