"""A classification training's choices, in groups; the defaults are those of small images (CIFAR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from rga.backbones.recipe import ModelRecipe
from rga.checks import check_range
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.training.needed import Needs
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe, Recipe


@dataclass(frozen=True, kw_only=True)
class ClassificationModelRecipe(ModelRecipe):
    """Backbone and attention."""

    backbone: str = "cifar-resnet20"
    """A CNN: our own for small images (cifar-resnet20, ...), or one of timm, with the tag of its weights behind the dot."""
    weights: str = "none"
    """Initial weights of the backbone: pretrained, none, a file, a run or a saved model. A classifier of as many classes is included."""
    image_size: int = 32
    """Height and width of the network's input."""
    crop_pct: float = 1.0
    """Share of an image's shorter side that is shown in evaluation; ImageNet's is 0.875."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        super().__post_init__()
        check_range(self, ("image_size",), 1)
        if not 0 < self.crop_pct <= 1:
            raise InputError(f"crop_pct is a share above 0 and at most 1, got {self.crop_pct}")


@dataclass(frozen=True, kw_only=True)
class ClassificationBatchRecipe:
    """Batches of augmented images."""

    batch_size: int = 128
    """Images in a batch; the rest of an epoch, less than a batch, is left out."""
    class_balanced: bool = False
    """Draw each class as often as every other, whatever its size; an epoch has as many batches as without."""
    crop: Literal["padded", "resized", "none"] = "padded"
    """padded: a window of the padded image (CIFAR); resized: a part of the image, enlarged (ImageNet); none: the whole image."""
    padding: int = 4
    """Pixels of padding, for padded."""
    scale: tuple[float, float] = (0.08, 1.0)
    """Bounds of the part's share of the area, for resized."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    random_erasing: float = 0.0
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""
    mixup: float = 0.0
    """Alpha of mixup; 0 for none. With cutmix as well, each batch gets one of the two."""
    cutmix: float = 0.0
    """Alpha of CutMix; 0 for none."""
    mixup_prob: float = 1.0
    """Probability that a batch is mixed by mixup or CutMix."""
    mixup_off_epoch: int = 0
    """Epochs after which neither mixes any more, so that the last ones see plain images; 0 mixes to the end."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("batch_size",), 1)
        check_range(self, ("padding", "mixup", "cutmix", "color_jitter"), 0)
        check_range(self, ("random_flip", "random_erasing", "mixup_prob"), 0, 1)
        check_range(self, ("mixup_off_epoch",), 0)
        if (self.mixup_prob < 1 or self.mixup_off_epoch) and not (self.mixup or self.cutmix):
            raise InputError(
                "mixup_prob and mixup_off_epoch belong to mixup and cutmix, and both are 0: choose one of them, or leave these out"
            )
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise InputError(f"scale must be two shares above 0 and at most 1, the smaller first, got {self.scale[0]} {self.scale[1]}")


@dataclass(frozen=True, kw_only=True)
class ClassificationLossRecipe:
    """Cross-entropy."""

    label_smoothing: float = 0.0
    """Label smoothing of the cross-entropy."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("label_smoothing",), 0, 1)


@dataclass(frozen=True, kw_only=True)
class ClassificationEvaluationRecipe:
    """What a training is evaluated on."""

    hold_out: float = 0.0
    """Hold out this share of the training images and test on them instead of the test set, to choose between recipes."""
    eval_batch_size: int = 256
    """Images at a time in evaluation."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("hold_out",), 0, 1)
        check_range(self, ("eval_batch_size",), 1)


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(Recipe):
    """All choices of a classification training. An epoch is one pass over the training images."""

    task: ClassVar[str] = "classification"
    DATA_FIELDS: ClassVar[tuple[str, ...]] = ("data", "hold_out", "seed")
    NEEDS: ClassVar[tuple[Needs, ...]] = (
        Needs(("padding",), "crop", lambda value: value == "padded", "padded"),
        Needs(("scale",), "crop", lambda value: value == "resized", "resized"),
    )

    data: DataSpec = DataSpec("digits")
    """The dataset, as NAME:FOLDER?option=value, such as cifar10:data; rga data list names all."""
    model: ClassificationModelRecipe = ClassificationModelRecipe()
    """Backbone and attention."""
    optimization: OptimizationRecipe = OptimizationRecipe(
        epochs=200, optimizer="sgd", lr=0.1, warmup_start_lr=0.0, warmup_epochs=0, schedule="cosine", lr_update="step"
    )
    """Optimizer and learning rate."""
    batches: ClassificationBatchRecipe = ClassificationBatchRecipe()
    """Batches of augmented images."""
    loss: ClassificationLossRecipe = ClassificationLossRecipe()
    """Losses."""
    evaluation: ClassificationEvaluationRecipe = ClassificationEvaluationRecipe()
    """What the training is evaluated on."""
    loop: LoopRecipe = LoopRecipe()
    """When the training evaluates, saves and logs."""
    loader: LoaderRecipe = LoaderRecipe()
    """How images are read."""
    machine: MachineRecipe = MachineRecipe()
    """Where and how to compute."""
    seed: int = 0
    """Seed of weights, batches and augmentation."""
