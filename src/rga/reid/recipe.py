"""A re-ID training's choices, in groups; the defaults are those of the paper's code."""

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


@dataclass(frozen=True, kw_only=True)
class ReidModelRecipe(ModelRecipe):
    """Backbone, attention, pooling and head."""

    image_size: tuple[int, int] = (256, 128)
    """Height and width of the network's input."""
    last_stride: Literal[1, 2] = 1
    """1 keeps the resolution of the last stage, as in the paper; 2 leaves the backbone as it is."""
    pooling: Literal["average", "gem", "average+max"] = "average"
    """Global pooling of the last map: average as in the paper, gem (generalised mean, with an exponent that is learned), or average+max."""
    head: Literal["global", "pcb", "rpp", "mgn", "hpm"] = "global"
    """What looks at the last map: global is a BN neck on the pooled map; pcb, rpp, mgn and hpm look at parts of a person."""
    parts: tuple[int, ...] = ()
    """Parts of pcb and rpp (6 in the paper), of each branch of mgn (2 3), of each level of hpm (1 2 4 8); by default the paper's."""
    refine_after: int = 60
    """Of head rpp: epochs of pcb before its parts are refined."""
    refine_alone: int = 5
    """Of head rpp: epochs after these in which the classifier of parts learns alone; then all learn."""
    non_local: bool = False
    """Add the five non-local blocks of AGW to a ResNet, beside the attention."""
    feature: Literal["pooled", "neck"] = "neck"
    """The feature that chooses the best model and that the saved model returns: before (pooled) or after the neck."""

    def __post_init__(self) -> None:
        """Checks the sizes."""
        super().__post_init__()
        if min(self.image_size) < 1:
            raise InputError(f"image_size must be at least 1 by 1, got {self.image_size[0]} {self.image_size[1]}")
        check_range(self, ("refine_after", "refine_alone"), 0)
        if min(self.parts, default=1) < 1:
            raise InputError(f"parts must be at least 1, got {' '.join(map(str, self.parts))}")
        if self.head == "global" and self.parts:
            raise InputError("parts are of the heads pcb, rpp, mgn and hpm, and head is global: choose one of them, or leave parts out")
        if self.head != "global" and self.pooling != "average":
            raise InputError(f"head {self.head} pools its parts itself: leave pooling {self.pooling} out, or choose head global")


@dataclass(frozen=True, kw_only=True)
class ReidBatchRecipe:
    """P x K sampling: which images make a batch, and how many batches an epoch."""

    ids_per_batch: int = 16
    """P, identities in a batch."""
    images_per_id: int = 4
    """K, images of each identity."""
    passes_per_epoch: int = 1
    """How often an epoch goes through all identities."""
    domain_balanced: bool = False
    """With also_train: as many identities of each dataset in every batch; those of small datasets come more often."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("ids_per_batch", "images_per_id", "passes_per_epoch"), 1)


@dataclass(frozen=True, kw_only=True)
class ReidAugmentationRecipe:
    """Random changes of the training images."""

    random_crop: float = 0.5
    """Probability of a resize to 9/8 and a random crop."""
    padding: int = 0
    """Pixels of black around the image, of which a random window is taken; 0 for none. BoT has 10, and no random_crop."""
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
    auto_augment: Literal["none", "autoaugment", "randaugment"] = "none"
    """autoaugment changes images by a policy that was learnt on ImageNet, randaugment by operations at random."""
    auto_augment_prob: float = 0.1
    """Probability that either changes an image; fast-reid has 0.1."""
    rand_augment_ops: int = 2
    """Operations one after the other, of randaugment."""
    rand_augment_magnitude: int = 9
    """Strength of the operations of randaugment, 0 to 30."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        check_range(self, ("random_crop", "random_flip", "random_erasing", "white_balance", "random_grayscale", "random_blur"), 0, 1)
        check_range(self, ("color_jitter", "padding"), 0)
        check_range(self, ("auto_augment_prob",), 0, 1)
        check_range(self, ("rand_augment_ops",), 1)
        check_range(self, ("rand_augment_magnitude",), 0, 30)


@dataclass(frozen=True, kw_only=True)
class ReidLossRecipe:
    """Cross-entropy on the neck's feature; triplets, pairs and centres on the pooled one. Of several parts the sum over all."""

    identity_weight: float = 1.0
    """Weight of the cross-entropy over identities; 0 leaves it out."""
    identity_loss: Literal["softmax", "arcface", "cosface", "circle"] = "softmax"
    """Scores of the cross-entropy: softmax is a linear classifier; the others have one of cosines, and a margin."""
    identity_scale: float = 64.0
    """Of arcface, cosface and circle: the cosines are multiplied by this."""
    identity_margin: float = 0.35
    """Of arcface (an angle; the paper has 0.5), cosface (the paper has 0.35) and circle (fast-reid has 0.35)."""
    label_smoothing: float = 0.1
    """Label smoothing of the cross-entropy."""
    triplet_weight: float = 1.0
    """Weight of the triplet loss; 0 leaves it out."""
    triplet_mining: Literal["hard", "weighted"] = "hard"
    """hard: the hardest positive and negative of each image in the batch; weighted: all, the harder the more (AGW; soft margin only)."""
    margin: float | None = 0.3
    """Margin of the triplet loss; None for the soft margin."""
    circle_weight: float = 0.0
    """Weight of the circle loss over all pairs of a batch; 0 leaves it out."""
    circle_scale: float = 128.0
    """Gamma of the circle loss over pairs."""
    circle_margin: float = 0.25
    """Margin of the circle loss over pairs."""
    center_weight: float = 0.0
    """Weight of the centre loss, which pulls features to the centre of their identity; BoT has 5e-4. 0 leaves it out."""
    center_lr: float = 0.5
    """Learning rate of the centres, which learn by plain SGD from the loss without its weight, as in BoT."""

    def __post_init__(self) -> None:
        """Checks the ranges and what goes together."""
        check_range(self, ("label_smoothing", "identity_margin", "circle_margin"), 0, 1)
        check_range(self, ("identity_weight", "triplet_weight", "circle_weight", "center_weight", "center_lr"), 0)
        for name in ("identity_scale", "circle_scale"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")
        if not self.identity_weight + self.triplet_weight + self.circle_weight:
            raise InputError("identity_weight, triplet_weight and circle_weight must not all be 0: nothing would be trained")
        if self.triplet_mining == "weighted" and self.margin is not None:
            raise InputError(f"triplet_mining weighted has the soft margin alone: margin must be none, got {self.margin}")

    @property
    def pairs(self) -> bool:
        """Whether a loss compares the images of a batch with one another."""
        return bool(self.triplet_weight or self.circle_weight)

    @property
    def center_step(self) -> float:
        """The learning rate of the centres for gradients of the weighted loss."""
        return self.center_lr / self.center_weight if self.center_weight else 0.0


@dataclass(frozen=True, kw_only=True)
class VideoRecipe:
    """Of datasets of tracklets: which frames are seen, and how they become one feature."""

    frames: int = 8
    """T, frames of a tracklet that are seen at once."""
    temporal_pooling: Literal["mean", "max", "attention", "sta"] = "mean"
    """How the features of T frames become one: mean, max, attention (weights that are learned), or sta (scores of parts of frames)."""
    sta_parts: int = 4
    """Of temporal_pooling sta: horizontal parts that frames are scored by."""
    space_time: bool = False
    """RGA relates the positions of all T frames together, instead of those of each frame."""
    test_frames: Literal["spread", "all", "one"] = "spread"
    """Frames in a test: spread takes T evenly over a tracklet, all takes all in clips of T, one takes the middle frame alone."""

    def __post_init__(self) -> None:
        """Checks the ranges and what goes together."""
        check_range(self, ("frames", "sta_parts"), 1)
        if self.sta_parts != VideoRecipe.sta_parts and self.temporal_pooling != "sta":
            raise InputError(
                f"sta_parts belongs to temporal_pooling sta, and temporal_pooling is {self.temporal_pooling}: leave one of the two out"
            )
        if self.frames == 1 and (self.space_time or self.temporal_pooling != "mean"):
            raise InputError("space_time and temporal_pooling join several frames, and frames is 1: raise it, or leave them out")


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
        if self.hold_out and self.test_data is not None:
            raise InputError(
                f"hold_out {self.hold_out} tests on training identities, and test_data {self.test_data} on another dataset: choose one"
            )


@dataclass(frozen=True, kw_only=True)
class ReidRecipe(Recipe):
    """All choices of a re-ID training."""

    task: ClassVar[str] = "reid"
    DATA_FIELDS: ClassVar[tuple[str, ...]] = ("data", "also_train", "test_data", "hold_out", "seed")
    NEEDS: ClassVar[tuple[Needs, ...]] = (
        Needs(("identity_margin", "identity_scale"), "identity_loss", lambda value: value != "softmax", "arcface, cosface or circle"),
        Needs(("identity_loss", "label_smoothing"), "identity_weight", above_zero, "a number above 0"),
        Needs(("margin", "triplet_mining"), "triplet_weight", above_zero, "a number above 0"),
        Needs(("circle_scale", "circle_margin"), "circle_weight", above_zero, "a number above 0"),
        Needs(("center_lr",), "center_weight", above_zero, "a number above 0"),
        Needs(("refine_after", "refine_alone"), "head", lambda value: value == "rpp", "rpp"),
        Needs(("auto_augment_prob",), "auto_augment", lambda value: value != "none", "autoaugment or randaugment"),
        Needs(("rand_augment_ops", "rand_augment_magnitude"), "auto_augment", lambda value: value == "randaugment", "randaugment"),
    )

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
    video: VideoRecipe = VideoRecipe()
    """Of datasets of tracklets: frames, and how they become one feature."""
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
        self.check_head()
        if self.batches.domain_balanced and not self.also_train:
            raise InputError("domain_balanced shares batches among several datasets: name more with also_train, or leave it out")
        if self.video.space_time and (not self.model.attention.startswith("rga") or self.model.fit == "spectral"):
            what = f"attention is {self.model.attention}" if self.model.fit != "spectral" else "fit is spectral"
            raise InputError(f"space_time is of RGA with fit exact or pool, and {what}: leave it out, or choose attention rga-sc")
        if self.loss.pairs and min(self.batches.ids_per_batch, self.batches.images_per_id) < 2:
            raise InputError(
                "triplets need at least 2 identities with 2 images in a batch, got "
                f"{self.batches.ids_per_batch} with {self.batches.images_per_id}"
            )

    def check_head(self) -> None:
        """Checks that the losses are of features that the head has, and that there is time for its stages."""
        head, loss = self.model.head, self.loss
        if head in ("pcb", "rpp", "hpm") and (loss.pairs or loss.center_weight):
            raise InputError(
                f"head {head} learns by its classifiers alone, as in its paper: triplet_weight, circle_weight and center_weight must be 0, "
                f"got {loss.triplet_weight}, {loss.circle_weight} and {loss.center_weight}"
            )
        if head != "global" and not loss.identity_weight:
            raise InputError(f"head {head} learns its parts by their classifiers: identity_weight must be above 0")
        first, alone, epochs = self.model.refine_after, self.model.refine_alone, self.optimization.epochs
        if head == "rpp" and first + alone >= epochs:
            raise InputError(
                f"head rpp refines its parts after {first} epochs (refine_after) and {alone} more (refine_alone), and there are {epochs}: "
                "raise epochs, or lower these"
            )

    def datasets(self) -> tuple[DataSpec, ...]:
        """The datasets as they are read: the one to test on if it is another one, the own one, and those that are trained on besides.

        Options that are not given are those of the own one, where the reader is the same.
        """
        test = self.evaluation.test_data
        return *(() if test is None else (test.like(self.data),)), self.data, *(spec.like(self.data) for spec in self.also_train)
