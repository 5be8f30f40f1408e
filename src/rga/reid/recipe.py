"""A re-ID training's choices, in groups; the defaults are those of the paper's code."""

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
class ReidModelRecipe(ModelRecipe):
    """Backbone, attention, pooling and neck."""

    image_size: tuple[int, int] = (256, 128)
    """Height and width of the network's input."""
    last_stride: Literal[1, 2] = 1
    """1 keeps the resolution of the last stage, as in the paper; 2 leaves the backbone as it is."""
    pooling: Literal["average", "gem", "average+max"] = "average"
    """Global pooling of the last map: average as in the paper, gem (generalised mean, with an exponent that is learned), or average+max."""
    feature: Literal["pooled", "neck"] = "neck"
    """The feature that chooses the best model and that the saved model returns: before (pooled) or after the neck."""

    def __post_init__(self) -> None:
        """Checks the sizes."""
        super().__post_init__()
        if min(self.image_size) < 1:
            raise InputError(f"image_size must be at least 1 by 1, got {self.image_size[0]} {self.image_size[1]}")


@dataclass(frozen=True, kw_only=True)
class ReidBatchRecipe:
    """P x K sampling: which images make a batch, and how many batches an epoch."""

    ids_per_batch: int = 16
    """P, identities in a batch."""
    images_per_id: int = 4
    """K, images of each identity."""
    passes_per_epoch: int = 1
    """How often an epoch goes through all identities."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("ids_per_batch", "images_per_id", "passes_per_epoch"), 1)


@dataclass(frozen=True, kw_only=True)
class ReidAugmentationRecipe:
    """Random changes of the training images."""

    random_crop: float = 0.5
    """Probability of a resize to 9/8 and a random crop."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    random_erasing: float = 0.5
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""
    white_balance: float = 0.0
    """Strength of random gains of red, green and blue, as cameras in another light have: from 1 - strength to 1 + strength."""
    random_grayscale: float = 0.0
    """Probability of a grey image."""
    random_blur: float = 0.0
    """Probability of a Gaussian blur with a deviation of 0.1 to 1.5 pixels."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("random_crop", "random_flip", "random_erasing", "white_balance", "random_grayscale", "random_blur"), 0, 1)
        check_range(self, ("color_jitter",), 0)


@dataclass(frozen=True, kw_only=True)
class ReidLossRecipe:
    """Cross-entropy on the neck's feature and batch-hard triplets on the pooled one."""

    identity_weight: float = 1.0
    """Weight of the cross-entropy over identities; 0 leaves it out."""
    label_smoothing: float = 0.1
    """Label smoothing of the cross-entropy."""
    triplet_weight: float = 1.0
    """Weight of the batch-hard triplet loss; 0 leaves it out."""
    margin: float | None = 0.3
    """Margin of the triplet loss; None for the soft margin."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("label_smoothing",), 0, 1)
        check_range(self, ("identity_weight", "triplet_weight"), 0)
        if not self.identity_weight + self.triplet_weight:
            raise InputError("identity_weight and triplet_weight must not both be 0: nothing would be trained")


@dataclass(frozen=True, kw_only=True)
class ReidEvaluationRecipe:
    """What a training is evaluated on."""

    test_data: DataSpec | None = None
    """Another dataset whose query and gallery to test on; by default those of the dataset itself. Options as in also_train."""
    hold_out: int = 0
    """Hold out so many training identities and test on them instead of the test set, to choose between recipes."""
    eval_batch_size: int = 128
    """Images at a time in evaluation."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("hold_out",), 0)
        check_range(self, ("eval_batch_size",), 1)


@dataclass(frozen=True, kw_only=True)
class ReidRecipe(Recipe):
    """All choices of a re-ID training."""

    task: ClassVar[str] = "reid"
    DATA_FIELDS: ClassVar[tuple[str, ...]] = ("data", "also_train", "test_data", "hold_out", "seed")

    data: DataSpec = DataSpec("market1501", Path("data/market1501"))
    """The dataset, as NAME:FOLDER?option=value, such as market1501:data/market1501; rga data list names all."""
    also_train: tuple[DataSpec, ...] = ()
    """More datasets to train on. Options that are not given are those of data, where the reader is the same."""
    model: ReidModelRecipe = ReidModelRecipe()
    """Backbone, attention and neck."""
    optimization: OptimizationRecipe = OptimizationRecipe()
    """Optimizer and learning rate."""
    batches: ReidBatchRecipe = ReidBatchRecipe()
    """P x K sampling."""
    augmentation: ReidAugmentationRecipe = ReidAugmentationRecipe()
    """Random changes of the training images."""
    loss: ReidLossRecipe = ReidLossRecipe()
    """Losses."""
    evaluation: ReidEvaluationRecipe = ReidEvaluationRecipe()
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
        if self.loss.triplet_weight and min(self.batches.ids_per_batch, self.batches.images_per_id) < 2:
            raise InputError(
                "triplets need at least 2 identities with 2 images in a batch, got "
                f"{self.batches.ids_per_batch} with {self.batches.images_per_id}"
            )

    def datasets(self) -> tuple[DataSpec, ...]:
        """The datasets as they are read: the one to test on if it is another one, the own one, and those that are trained on besides.

        Options that are not given are those of the own one, where the reader is the same.
        """
        test = self.evaluation.test_data
        return *(() if test is None else (test.like(self.data),)), self.data, *(spec.like(self.data) for spec in self.also_train)
