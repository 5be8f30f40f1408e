"""A detection training: the training split as whole images, torchvision's losses, COCO's metrics on the recipe's split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.backbones.freezing import own_norms
from rga.backbones.own_parameters import own_parameters
from rga.datasets.layout import DataError
from rga.datasets.splits import Split
from rga.detection.datasets.check import remarks_on
from rga.detection.datasets.masks import coco_masks
from rga.detection.datasets.samples import DetectionData, Sample, describe_counts
from rga.detection.datasets.targets import read_checked, read_target, unlearnable
from rga.detection.evaluation import evaluate_model
from rga.detection.model import DetectionModel
from rga.detection.network.stages import first_stages
from rga.detection.recipe import DetectionRecipe
from rga.detection.transforms import TrainingImage, TrainingTransform
from rga.errors import InputError
from rga.training.choice import describe_choice
from rga.training.image_training import ImageTraining, start_model, trained_on
from rga.training.input.grouped import GroupedBatches
from rga.training.input.plan import Plan, ShuffledBatches


class DetectionBatch(NamedTuple):
    """Images of different sizes: a list of each of the parts that ``TrainingImage`` has, and their indices in the training split."""

    images: list[Tensor]
    boxes: list[Tensor]
    labels: list[Tensor]
    masks: list[Tensor]
    indices: Tensor


class TrainingSamples(Dataset[tuple[TrainingImage, int]]):
    """The training split as augmented images; the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample], transform: TrainingTransform) -> None:
        self.samples = samples
        self.transform = transform

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[TrainingImage, int]:
        """One image with its objects, and its index."""
        sample = self.samples[index]
        return self.transform(read_checked(sample), read_target(sample)), index


def collate(samples: list[tuple[TrainingImage, int]]) -> DetectionBatch:
    """Images of different sizes as a batch."""
    images, boxes, labels, masks = ([sample[part] for sample, _ in samples] for part in range(4))
    return DetectionBatch(images, boxes, labels, masks, torch.tensor([index for _, index in samples]))


class DetectionTraining(ImageTraining[DetectionRecipe, DetectionData, DetectionModel, DetectionBatch]):
    """A detection training by a recipe.

    Args:
        recipe: all choices.
        data: to train and test on.
        load_weights: load the backbone's initial weights; a run that continues has its weights in a checkpoint.

    Raises:
        InputError: the data have nothing to train on, or less than a batch, or the objects of the split to choose by are not given.
        MissingPackageError: pycocotools is not installed.
    """

    watched = "mask_AP"
    collate = staticmethod(collate)

    def __init__(self, recipe: DetectionRecipe, data: DetectionData, *, load_weights: bool = True) -> None:
        coco_masks()
        self.samples = learnable(data, empty_images=recipe.batches.empty_images)
        self.chooses = choosing_split(recipe.evaluation.eval_split, data)
        """The split that chooses the best model; empty where there is none."""
        self.tested = data.labelled(self.chooses) if self.chooses else ()
        self.kept = () if self.chooses in ("", "test") or not data.objects_given("test") else data.labelled("test")
        """The images that are tested on when all is over."""
        self.has_test = bool(self.kept)
        check_masks(data, {"test": self.kept, self.chooses: self.tested})
        self.remarks = remarks_on(data)
        chosen = recipe.batches
        model = build_model(recipe, data, load_weights=load_weights)
        self.frozen = freeze(model, recipe)
        transform = TrainingTransform(model.shown_size, chosen.scale, chosen.random_flip, chosen.color_jitter)
        plan: Plan = ShuffledBatches(len(self.samples), chosen.batch_size, recipe.seed)
        if chosen.group_aspects:
            plan = GroupedBatches([each.size[1] >= each.size[0] for each in self.samples], chosen.batch_size, recipe.seed)
        super().__init__(recipe, data, model, TrainingSamples(self.samples, transform), plan)

    @property
    def normalised(self) -> nn.Module:
        """The part of the model in which batch normalisation is: the whole model cannot be run without objects in training mode."""
        return self.model.backbone

    def begin_epoch(self, epoch: int) -> bool:
        """As for all trainings; normalisations that are frozen stay in evaluation mode."""
        changed = super().begin_epoch(epoch)
        for name in self.frozen:  # by their names: with sync_bn other modules have taken the place of those that were built
            self.model.get_submodule(name).eval()
        return changed

    def losses(self, batch: DetectionBatch, device: torch.device) -> dict[str, Tensor]:
        """Torchvision's losses by their names without ``loss_``: classifier, box_reg, mask, objectness, rpn_box_reg."""
        shown, sizes = self.model.batched(batch.images)
        targets = [
            {
                "boxes": boxes.to(device, non_blocking=True),
                "labels": labels.to(device, non_blocking=True) + 1,  # 0 is the background
                "masks": masks.to(device, non_blocking=True),
            }
            for boxes, labels, masks in zip(batch.boxes, batch.labels, batch.masks, strict=True)
        ]
        found = cast("dict[str, Tensor]", self.network(shown, sizes, targets))
        return {name.removeprefix("loss_"): value for name, value in found.items()}

    def describe_data(self) -> str:
        """A line for each split of the data."""
        lines = [f"{self.data.name}, {len(self.data.classes)} categories, fingerprint {self.fingerprint}"]
        lines += describe_counts(self.data.counts)
        left = len(self.data.train) - len(self.samples)
        if left:
            lines.append(f"  {left:,} images of train without objects are left out; --empty-images keeps them")
        lines.append(f"  {describe_choice(self.chooses, wanted=self.recipe.evaluation.eval_split, kept=self.has_test)}")
        lines += [f"  beware: {remark}" for remark in self.remarks]
        return "\n".join(lines)

    def file_name(self, index: int) -> str:
        """The name of an image that is trained on."""
        return self.samples[index].image.name

    def evaluate(self) -> dict[str, float]:
        """COCO's metrics on the recipe's split; nothing without one."""
        return self.measured(self.tested)

    def test(self) -> dict[str, float]:
        """The same on the test split, which chose nothing; nothing without one."""
        return self.measured(self.kept)

    def measured(self, samples: Sequence[Sample]) -> dict[str, float]:
        """The figures on some samples; none without samples."""
        if not samples:
            return {}
        return evaluate_model(self.model, samples, self.data.classes, num_workers=self.recipe.loader.num_workers).figures()


def learnable(data: DetectionData, *, empty_images: bool) -> tuple[Sample, ...]:
    """The images of the training split that are trained on.

    Args:
        data: to train on.
        empty_images: whether images without objects are.

    Raises:
        InputError: there are none, or no object can be learnt from.
    """
    if not data.train:
        raise InputError(f"dataset {data.name!r} has no training split")
    useful = [any(not unlearnable(each, sample.size) for each in sample.told) for sample in data.train]
    if not any(useful):
        objects = data.counts["train"].objects
        why = "they have no masks, on which Mask R-CNN is trained, or no width and height" if objects else "there is none"
        raise DataError(f"dataset {data.name!r} at {data.root}: nothing can be learnt from the {objects} objects in train: {why}")
    return tuple(sample for sample, used in zip(data.train, useful, strict=True) if used or (empty_images and not sample.told))


def choosing_split(wanted: Split, data: DetectionData) -> Split | Literal[""]:
    """The split that chooses the best model: the recipe's; where that is ``val`` and empty, ``test``; empty where there is none.

    Raises:
        InputError: the objects of the split are not given.
    """
    if data.split(wanted):
        data.labelled(wanted)
        return wanted
    return "test" if wanted == "val" and data.objects_given("test") else ""


def check_masks(data: DetectionData, measured: Mapping[str, Sequence[Sample]]) -> None:
    """Raises a DataError if masks are to be measured, and an object of a split has none."""
    for split, samples in measured.items():
        bare = [sample for sample in samples for each in sample.objects or () if each.segmentation is None]
        if bare:
            raise DataError(
                f"dataset {data.name!r}: {len(bare)} objects in {split} have no mask, such as one in {bare[0].image}: the mask AP chooses "
                "the best model; draw them, or take the images out"
            )


def freeze(model: DetectionModel, recipe: DetectionRecipe) -> list[str]:
    """Lets the first parts of the backbone and its own norms stay as they are, as the recipe says.

    Returns:
        The names of the normalisations that stay in evaluation mode.
    """
    own = {id(parameter) for parameter in own_parameters(model.backbone)}
    first = first_stages(model.backbone, model.indices, recipe.model.frozen_stages)
    norms = list(own_norms(model.backbone)) if recipe.model.frozen_norms else []
    for module in (*first, *norms):
        for parameter in module.parameters(recurse=False):
            if id(parameter) in own:
                parameter.requires_grad_(False)
    early = {id(module) for module in first}
    still = set(map(id, norms)) or {id(norm) for norm in own_norms(model.backbone) if id(norm) in early}
    return [name for name, module in model.named_modules() if id(module) in still]


def build_model(recipe: DetectionRecipe, data: DetectionData, *, load_weights: bool = True) -> DetectionModel:
    """The recipe's model with its initial weights, or without them where they come from a checkpoint."""
    torch.manual_seed(recipe.seed)
    chosen = recipe.model
    options: dict[str, Any] = chosen.attention_options()
    largest_grid = options.pop("largest_grid", None)
    model = DetectionModel(
        chosen.backbone,
        classes=data.classes.to_dict(),
        backbone_options=chosen.backbone_options,
        image_size=list(chosen.image_size),
        anchor_sizes=list(chosen.anchor_sizes),
        pyramid_channels=chosen.pyramid_channels,
        head_width=chosen.head_width,
        rois_per_image=chosen.rois_per_image,
        attention=chosen.attention,
        attention_options=options,
        attention_after=chosen.attention_after(),
        largest_grid=largest_grid,
        mean=chosen.mean,
        std=chosen.std,
        trained_on=trained_on(recipe, data),
    )
    return start_model(model, chosen, recipe.machine, load_weights=load_weights)
