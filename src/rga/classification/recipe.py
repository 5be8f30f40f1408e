"""All choices of a classification training as one value, checked; the defaults are those of small pictures (CIFAR)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rga.classification.transforms import Crop
from rga.training.task_training import PictureRecipe


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(PictureRecipe):
    """A classification training: data, model, augmentation, loss, optimiser, schedule. An epoch is one pass over the pictures."""

    data: str = "cifar10"
    """Name of the data set: digits, cifar10, cifar100, imagenet, class-folders or class-zips."""
    root: Path = Path("data")
    """Folder of the data set; digits need none."""
    test_folder: str = ""
    """Pictures in folders: name of the folder to test on, beside train; by default val, valid, validation or test."""
    hold_out: float = 0.0
    """Share of the training pictures that are held out and tested on instead of the test set, to choose between recipes."""

    trunk: str = "cifar-resnet20"
    """Name of a CNN: our own for small pictures (cifar-resnet20, ...), or one in timm."""
    weights: str = "none"
    """Weights that the trunk starts from: pretrained (timm's, of this name), none, or a file; a classifier of as many classes included."""
    size: int = 32
    """Height and width of the network's input."""
    middle: float = 1.0
    """Share of a picture's shorter side that is shown in testing: .875 is ImageNet's."""

    crop: Crop = "padded"
    """padded: the picture with a margin, a window of its size (CIFAR); resized: a part of it, enlarged (ImageNet); none: all of it."""
    padding: int = 4
    """Pixels of margin, for padded."""
    smallest_crop: float = 0.08
    """Share of the area that is the smallest part, for resized."""
    flip: float = 0.5
    """Probability of a flip."""
    erase: float = 0.0
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""
    mixup: float = 0.0
    """Alpha of mixup; 0 for none. With cutmix, too, each batch gets one of both."""
    cutmix: float = 0.0
    """Alpha of CutMix; 0 for none."""
    smoothing: float = 0.0
    """Label smoothing of the cross-entropy."""

    batch: int = 128
    """Pictures in a batch; the rest of a pass, less than a batch, is left out."""
    test_batch: int = 256
    """Pictures at a time in testing."""

    optimizer: Literal["adam", "adamw", "sgd"] = "sgd"
    """Adam and AdamW with PyTorch's betas; SGD with momentum .9 and Nesterov."""
    start_rate: float = 0.0
    """Learning rate at the start of the warm-up."""
    rate: float = 0.1
    """Learning rate after the warm-up."""
    warmup: float = 0
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "cosine"
    """After the warm-up: times a factor at milestones, half a cosine to 0, or (1 - share of the epochs)^.9."""
    lr_update: Literal["epoch", "step"] = "step"
    """When the learning rate is set anew: at the start of each epoch, or at every step."""
    epochs: int = 200
    """How many passes over the pictures."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        super().__post_init__()
        self.check_range(("size", "batch", "test_batch"), 1)
        self.check_range(("padding", "mixup", "cutmix", "color_jitter", "start_rate"), 0)
        self.check_range(("flip", "erase", "smoothing", "hold_out"), 0, 1)
        for name in ("middle", "smallest_crop"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share above 0 and at most 1, got {getattr(self, name)}")
