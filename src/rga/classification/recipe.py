"""All choices of a classification training as one value, checked; the defaults are those of small images (CIFAR)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rga.classification.transforms import Crop
from rga.training.task_training import ImageRecipe


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(ImageRecipe):
    """A classification training: data, model, augmentation, loss, optimiser, schedule. An epoch is one pass over the images."""

    data: str = "cifar10"
    """Name of the dataset: digits, cifar10, cifar100, imagenet, folder or zips."""
    root: Path = Path("data")
    """Folder of the dataset; digits need none."""
    test_folder: str = ""
    """Images in folders: name of the folder to test on, beside train; by default val, valid, validation or test."""
    hold_out: float = 0.0
    """Share of the training images that are held out and tested on instead of the test set, to choose between recipes."""

    backbone: str = "cifar-resnet20"
    """Name of a CNN: our own for small images (cifar-resnet20, ...), or one in timm."""
    weights: str = "none"
    """Weights that the backbone starts from: pretrained (timm's, of this name), none, or a file; with a classifier of as many classes."""
    size: int = 32
    """Height and width of the network's input."""
    crop_pct: float = 1.0
    """Share of the shorter side that the center crop keeps in testing; .875 is usual for ImageNet."""

    crop: Crop = "padded"
    """padded: the image with a margin, a window of its size (CIFAR); resized: a part of it, enlarged (ImageNet); none: all of it."""
    padding: int = 4
    """Pixels of margin, for padded."""
    scale: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the area that a resized crop takes, as in torchvision's RandomResizedCrop."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    random_erasing: float = 0.0
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""
    mixup: float = 0.0
    """Alpha of mixup; 0 for none. With cutmix, too, each batch gets one of both."""
    cutmix: float = 0.0
    """Alpha of CutMix; 0 for none."""
    label_smoothing: float = 0.0
    """Label smoothing of the cross-entropy."""

    batch_size: int = 128
    """Images in a batch; the last, smaller batch of an epoch is dropped."""
    eval_batch_size: int = 256
    """Images in a batch of the evaluation."""

    optimizer: Literal["adam", "adamw", "sgd"] = "sgd"
    """Adam and AdamW with PyTorch's betas; SGD with momentum .9 and Nesterov."""
    warmup_start_lr: float = 0.0
    """Learning rate at the start of the warm-up."""
    lr: float = 0.1
    """Learning rate after the warm-up."""
    warmup_epochs: float = 0
    """Epochs of linear warm-up."""
    schedule: Literal["steps", "cosine", "poly"] = "cosine"
    """After the warm-up: times a factor at milestones, half a cosine to 0, or (1 - share of the epochs)^.9."""
    lr_update: Literal["epoch", "step"] = "step"
    """When the learning rate is set anew: at the start of each epoch, or at every step."""
    epochs: int = 200
    """How many passes over the images."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        super().__post_init__()
        self.check_range(("size", "batch_size", "eval_batch_size"), 1)
        self.check_range(("padding", "mixup", "cutmix", "color_jitter", "warmup_start_lr"), 0)
        self.check_range(("random_flip", "random_erasing", "label_smoothing", "hold_out"), 0, 1)
        if not 0 < self.crop_pct <= 1:
            raise ValueError(f"crop_pct must be above 0 and at most 1, got {self.crop_pct}")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale must be a smallest and a largest share of the area, above 0 and at most 1, got {self.scale}")
