"""A segmentation training's choices, in groups; the defaults are usual ones for street scenes (PSPNet, DeepLab)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rga.backbones.recipe import ModelRecipe
from rga.checks import check_range
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.training.needed import Needs, above_zero
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe, Recipe

HeadName = Literal["fcn", "psp", "aspp", "object-context", "dual"]


@dataclass(frozen=True, kw_only=True)
class SegmentationModelRecipe(ModelRecipe):
    """Backbone, attention and head."""

    output_stride: Literal[4, 8, 16, 32] = 8
    """Pixels of an image for one position of the last map; 8 and 16 dilate the backbone's last stages, 4 is HRNet's own."""
    head: HeadName = "fcn"
    """The network that turns the last map into logits."""
    fit: Literal["exact", "pool", "spectral"] = "pool"
    """How attention with weights for each position meets a grid: exact on the grid of a crop's map, pooled to a largest grid, or spectral
    (RGA only), by weights that are sums of cosines, on any grid."""
    resolution: float = 1.0
    """Scale of images before everything else, in training and testing; label maps have the images' own size."""
    initial_gate: float | None = 0.95
    """Initial value of RGA's gates; None starts them near 0.5 as in the paper's code. Other attentions are not affected."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        super().__post_init__()
        if not self.resolution > 0:
            raise InputError(f"resolution must be above 0, got {self.resolution}")


@dataclass(frozen=True, kw_only=True)
class SegmentationBatchRecipe:
    """Random crops of the training images."""

    batch_size: int = 8
    """Crops in a batch."""
    crop_size: tuple[int, int] = (768, 768)
    """Height and width of a crop."""
    scale: tuple[float, float] = (0.5, 2.0)
    """Bounds of the random scale."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    color_jitter: float = 0.25
    """Strength of random brightness, contrast and saturation."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("batch_size",), 1)
        check_range(self, ("color_jitter",), 0)
        check_range(self, ("random_flip",), 0, 1)
        if min(self.crop_size) < 1:
            raise InputError(f"crop_size must be at least 1 by 1, got {self.crop_size[0]} {self.crop_size[1]}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"scale must be two positive numbers, the smaller first, got {self.scale[0]} {self.scale[1]}")


@dataclass(frozen=True, kw_only=True)
class SegmentationLossRecipe:
    """Cross-entropy over pixels, and overlaps of regions."""

    pixel_weight: float = 1.0
    """Weight of the cross-entropy over pixels; 0 leaves it out."""
    class_weights: tuple[float, ...] = ()
    """How much a pixel of each class counts in the cross-entropy, in the order of the classes; all the same by default."""
    focal_gamma: float = 0.0
    """Focal loss: the cross-entropy of a pixel times (1 - probability of its class) to this power, say 2; 0 for none."""
    dice_weight: float = 0.0
    """Weight of the Dice loss, the mean over the classes in a batch; 0 leaves it out."""
    lovasz_weight: float = 0.0
    """Weight of the Lovasz-softmax loss, which stands in for 1 - IoU, image by image; 0 leaves it out."""
    auxiliary_weight: float = 0.4
    """Weight of the loss of an auxiliary head on the last stage but one; 0 leaves the head out."""
    ohem_threshold: float = 0.0
    """Online hard example mining: train only on pixels whose class has less than this probability; 0 trains on all."""
    ohem_min_kept: int = 100_000
    """Pixels of a batch that are kept at least by hard example mining."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("auxiliary_weight", "pixel_weight", "focal_gamma", "dice_weight", "lovasz_weight"), 0)
        check_range(self, ("ohem_threshold",), 0, 1)
        check_range(self, ("ohem_min_kept",), 1)
        if not self.pixel_weight + self.dice_weight + self.lovasz_weight:
            raise InputError("pixel_weight, dice_weight and lovasz_weight must not all be 0: nothing would be trained")
        if self.class_weights and not (min(self.class_weights) >= 0 and any(self.class_weights)):
            raise InputError(f"class_weights must be at least 0, and not all 0, got {' '.join(map(str, self.class_weights))}")
        if self.focal_gamma and self.ohem_threshold:
            raise InputError("focal_gamma and ohem_threshold exclude each other: both let hard pixels count more; set one of them to 0")


@dataclass(frozen=True, kw_only=True)
class SegmentationEvaluationRecipe:
    """What a training is evaluated on."""

    eval_split: Literal["train", "val", "test"] = "val"
    """The split that chooses the best model."""
    eval_windows: bool = False
    """Evaluate by sliding windows of a crop's size; attention with fit exact does so in any case."""


@dataclass(frozen=True, kw_only=True)
class SegmentationRecipe(Recipe):
    """All choices of a segmentation training. An epoch is one pass over the training images."""

    task: ClassVar[str] = "segmentation"
    NEEDS: ClassVar[tuple[Needs, ...]] = (
        Needs(("class_weights", "focal_gamma", "ohem_threshold"), "pixel_weight", above_zero, "a number above 0"),
        Needs(("ohem_min_kept",), "ohem_threshold", above_zero, "a number above 0"),
    )

    data: DataSpec = DataSpec("cityscapes", Path("data/cityscapes"))
    """The dataset, as NAME:FOLDER?option=value, such as cityscapes:data/cityscapes; rga data list names all."""
    model: SegmentationModelRecipe = SegmentationModelRecipe()
    """Backbone, attention and head."""
    optimization: OptimizationRecipe = OptimizationRecipe(
        epochs=240,
        optimizer="sgd",
        lr=0.01,
        warmup_start_lr=0.0,
        warmup_epochs=0,
        schedule="poly",
        lr_update="step",
        weight_decay=1e-4,
    )
    """Optimizer and learning rate."""
    batches: SegmentationBatchRecipe = SegmentationBatchRecipe()
    """Random crops of the training images."""
    loss: SegmentationLossRecipe = SegmentationLossRecipe()
    """Losses."""
    evaluation: SegmentationEvaluationRecipe = SegmentationEvaluationRecipe()
    """What the training is evaluated on."""
    loop: LoopRecipe = LoopRecipe()
    """When the training evaluates, saves and logs."""
    loader: LoaderRecipe = LoaderRecipe()
    """How images are read."""
    machine: MachineRecipe = MachineRecipe()
    """Where and how to compute."""
    seed: int = 0
    """Seed of weights, batches and augmentation."""
