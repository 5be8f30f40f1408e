"""A detection training's choices, in groups; the defaults are those of Mask R-CNN on COCO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rga.backbones.recipe import ModelRecipe
from rga.checks import check_range
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe, Recipe


@dataclass(frozen=True, kw_only=True)
class DetectionModelRecipe(ModelRecipe):
    """Backbone, attention, pyramid and heads."""

    image_size: tuple[int, int] = (800, 1333)
    """Most pixels of the shorter and of the longer side of a resized image; of fit exact, the height and width of all images, padded."""
    fit: Literal["exact", "pool", "spectral"] = "pool"
    """How attention with weights for each position meets images of many sizes: pooled to a largest grid; spectral (RGA only), by weights
    that are sums of cosines; or exact, for which all images are padded to one size."""
    initial_gate: float | None = 0.95
    """Initial value of RGA's gates; None starts them near 0.5 as in the paper's code. Other attentions are not affected."""
    anchor_sizes: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512)
    """Size of the anchors on each of the pyramid's five maps, in pixels of the resized image."""
    pyramid_channels: int = 256
    """Channels of the pyramid and of the mask head."""
    head_width: int = 1024
    """Width of the two linear layers of the box head."""
    rois_per_image: int = 512
    """Regions of an image that the heads are trained on, a quarter of them on objects where there are so many."""
    frozen_stages: int = 2
    """First parts of the backbone whose own weights never learn: 0 none, 1 the stem, 2 the stem and the first stage, and so on."""
    frozen_norms: bool = True
    """Keep the backbone's own batch normalisations as its pretrained weights have them: batches of images this large are too small."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        super().__post_init__()
        check_range(self, ("pyramid_channels", "head_width", "rois_per_image"), 1)
        check_range(self, ("frozen_stages",), 0, 5)
        if min(self.image_size) < 32:
            raise InputError(f"image_size must be at least 32 32, got {self.image_size[0]} {self.image_size[1]}")
        if min(self.anchor_sizes) < 1:
            raise InputError(f"anchor_sizes must be at least 1, got {' '.join(map(str, self.anchor_sizes))}")
        if self.weights == "none" and (self.frozen_stages or self.frozen_norms):
            raise InputError(
                "weights none starts from random numbers, which must not be frozen: add --frozen-stages 0 --no-frozen-norms, or choose "
                "pretrained weights"
            )


@dataclass(frozen=True, kw_only=True)
class DetectionBatchRecipe:
    """The training images, resized as wholes."""

    batch_size: int = 16
    """Images in a batch."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Bounds of a random scale of image_size."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""
    empty_images: bool = False
    """Also train on images without objects."""
    group_aspects: bool = True
    """Put wide images into batches with wide ones, and tall with tall, so that less of a batch is padding."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("batch_size",), 1)
        check_range(self, ("color_jitter",), 0)
        check_range(self, ("random_flip",), 0, 1)
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"scale must be two positive numbers, the smaller first, got {self.scale[0]} {self.scale[1]}")


@dataclass(frozen=True, kw_only=True)
class DetectionEvaluationRecipe:
    """What a training is evaluated on."""

    eval_split: Literal["train", "val", "test"] = "val"
    """The split that chooses the best model."""


@dataclass(frozen=True, kw_only=True)
class DetectionRecipe(Recipe):
    """All choices of a detection training. An epoch is one pass over the training images."""

    task: ClassVar[str] = "detection"

    data: DataSpec = DataSpec("coco2017", Path("data/coco"))
    """The dataset, as NAME:FOLDER?option=value, such as coco:data/mine; rga data list names all."""
    model: DetectionModelRecipe = DetectionModelRecipe()
    """Backbone, attention, pyramid and heads."""
    optimization: OptimizationRecipe = OptimizationRecipe(
        epochs=12,
        optimizer="sgd",
        nesterov=False,
        lr=0.02,
        warmup_start_lr=2e-5,
        warmup_epochs=0.14,
        schedule="steps",
        milestones=(8, 11),
        lr_decay=0.1,
        lr_update="step",
        weight_decay=1e-4,
    )
    """Optimizer and learning rate."""
    batches: DetectionBatchRecipe = DetectionBatchRecipe()
    """The training images."""
    evaluation: DetectionEvaluationRecipe = DetectionEvaluationRecipe()
    """What the training is evaluated on."""
    loop: LoopRecipe = LoopRecipe()
    """When the training evaluates, saves and logs."""
    loader: LoaderRecipe = LoaderRecipe()
    """How images are read."""
    machine: MachineRecipe = MachineRecipe()
    """Where and how to compute."""
    seed: int = 0
    """Seed of weights, batches and augmentation."""

    def __post_init__(self) -> None:
        """Checks what concerns several groups."""
        super().__post_init__()
        if self.model.fit == "exact" and self.batches.scale[1] > 1:
            raise InputError(f"images of fit exact have one size: scale must end at 1, got {self.batches.scale[1]}; or choose fit pool")
