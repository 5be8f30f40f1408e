"""All choices of a re-ID training as one value, checked; the defaults are the paper's code's."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rga.attention.relation import EmbeddingKind
from rga.engine.devices import DeviceName, Precision

RGA_OPTIONS = ("reduction", "hidden_reduction", "embedding", "relation", "original")
"""Fields that shape RGA and have no meaning for another attention."""


@dataclass(frozen=True, kw_only=True)
class ReidRecipe:
    """A re-ID training: data, model, batches, losses, optimiser, schedule."""

    data: str = "market1501"
    """Name of the data set: market1501, msmt17, cuhk03-labeled, cuhk03-detected, folder, csv, ..."""
    root: Path = Path("data")
    """Folder of the data set; for csv the file."""
    subset: bool = False
    """Take what is there of the data set's images (CUHK03 alone)."""
    camera_pattern: str = ""
    """Pictures in folders: a regular expression whose first group finds the camera in a file's name."""
    also_train: tuple[str, ...] = ()
    """More sets to train on, each NAME=ROOT."""
    test: str = ""
    """Another set to test on, NAME=ROOT; empty for the data set's own query and gallery."""
    hold_out: int = 0
    """Training identities that are held out and tested on instead of the test set, to choose between recipes."""

    trunk: str = "resnet50"
    """Name of a CNN in timm."""
    trunk_options: dict[str, float] = dataclasses.field(default_factory=dict)
    """Options of timm's create_model for the trunk, such as bn_eps 0.001."""
    weights: str = "pretrained"
    """Weights that the trunk starts from: pretrained (timm's, of this name), none, or a file (.safetensors, or .pth of tensors alone)."""
    last_stride: Literal[1, 2] = 1
    """1 keeps the resolution of the last stage; 2 leaves the trunk as it is."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Mean of the pixels by channel, subtracted."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Standard deviation of the pixels by channel, divided by."""

    attention: str = "rga-sc"
    """Name of the attention after the stages; none for the plain trunk."""
    after: tuple[str, ...] = ()
    """Stages to attend to; all by default."""
    reduction: int = 8
    """RGA: the paper's s1."""
    hidden_reduction: int = 8
    """RGA: the paper's s2."""
    embedding: EmbeddingKind = "asymmetric"
    """RGA: how nodes are embedded."""
    relation: bool = True
    """RGA: use the relation vectors; --no-relation is the paper's "w/o Rel."."""
    original: bool = True
    """RGA: use the nodes' own features; --no-original is the paper's "w/o Ori."."""
    initial_gate: float | None = None
    """Where RGA's gates start; None starts them near .5 as the paper's code does. Other attentions start as they always do."""

    height: int = 256
    """Of the network's input."""
    width: int = 128
    """Of the network's input."""
    crop: float = 0.5
    """Probability of a resize to 9/8 and a random crop."""
    flip: float = 0.5
    """Probability of a flip."""
    erase: float = 0.5
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""

    identities: int = 16
    """P, identities in a batch."""
    images: int = 4
    """K, images of each."""
    passes: int = 1
    """Passes over the identities in an epoch."""

    smoothing: float = 0.1
    """Label smoothing of the cross-entropy."""
    identity_weight: float = 1.0
    """Weight of the cross-entropy; 0 leaves it out."""
    triplet_weight: float = 1.0
    """Weight of the batch-hard triplet loss; 0 leaves it out."""
    margin: float | None = 0.3
    """Margin of the triplet loss; None for the soft margin."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam and AdamW with PyTorch's betas; SGD with momentum .9 and Nesterov."""
    weight_decay: float = 5e-4
    """Weight decay."""
    start_rate: float = 8e-6
    """Learning rate at the start of the warm-up."""
    rate: float = 8e-4
    """Learning rate after the warm-up."""
    trunk_rate_scale: float = 1.0
    """The trunk's own weights learn at this times the rate; below 1 where they are trained already."""
    warmup: float = 20
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine"] = "steps"
    """After the warm-up: times a factor at milestones, or half a cosine to 0."""
    milestones: tuple[int, ...] = tuple(range(80, 361, 40))
    """Epochs at which the rate falls, for steps."""
    factor: float = 0.5
    """By which it falls."""
    epochs: int = 600
    """How many passes over the identities, or groups of them (see passes)."""

    evaluate_every: int = 0
    """Epochs between evaluations; 0 evaluates at the end alone."""
    feature: Literal["pooled", "neck"] = "neck"
    """The feature that chooses the best model and that the saved model returns: before or after the neck."""
    test_batch: int = 128
    """Pictures at a time in testing."""

    device: DeviceName = "auto"
    """Where to compute."""
    precision: Precision = "float32"
    """Of the forward pass; half precisions are slow on most CPUs."""
    channels_last: bool = False
    """Lay the channels of a pixel side by side in memory: faster for depthwise convolutions, and on GPUs in half precision."""
    clip_gradients: float = 0.0
    """Largest norm of all gradients together; 0 leaves them as they are."""
    threads: int = 0
    """CPU threads; 0 leaves the choice to PyTorch."""
    workers: int = 2
    """Processes that read and augment pictures."""
    seed: int = 0
    """Of weights, batches and augmentation."""
    max_steps: int = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    tensorboard: bool = False
    """Write logs for TensorBoard, too."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        positive = ("height", "width", "identities", "images", "passes", "epochs", "test_batch", "reduction", "hidden_reduction")
        for name in positive:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("hold_out", "warmup", "evaluate_every", "workers", "threads", "max_steps", "weight_decay", "rate", "clip_gradients"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("crop", "flip", "erase", "smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        if self.identity_weight < 0 or self.triplet_weight < 0 or not self.identity_weight + self.triplet_weight:
            raise ValueError("identity_weight and triplet_weight must not be negative, nor both 0: nothing would be trained")
        if self.triplet_weight and (self.identities < 2 or self.images < 2):
            raise ValueError(f"triplets need at least 2 identities with 2 images in a batch, got {self.identities} with {self.images}")
        if not self.attention.startswith("rga"):
            defaults = {field.name: field.default for field in dataclasses.fields(self)}
            changed = [name for name in RGA_OPTIONS if getattr(self, name) != defaults[name]]
            if changed:
                raise ValueError(
                    f"{', '.join(changed)}: RGA's alone, while attention is {self.attention!r}; choose rga-sc, or leave them out"
                )

    def attention_options(self) -> dict[str, Any]:
        """The options of the attention: RGA's, none for the others."""
        if not self.attention.startswith("rga"):
            return {}
        return {name: getattr(self, name) for name in (*RGA_OPTIONS, "initial_gate")}

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON can hold them."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(self).items()}
