"""All choices of a re-ID training as one value, checked; the defaults are the paper's code's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rga.training.task_training import ImageRecipe


@dataclass(frozen=True, kw_only=True)
class ReidRecipe(ImageRecipe):
    """A re-ID training: data, model, batches, losses, optimiser, schedule. An epoch is ``passes`` passes over the identities."""

    data: str = "market1501"
    """Name of the dataset: market1501, msmt17, cuhk03-labeled, cuhk03-detected, folder, csv, ..."""
    root: Path = Path("data")
    """Folder of the dataset; for csv the file."""
    subset: bool = False
    """Take what is there of the dataset's images (CUHK03 alone)."""
    camera_pattern: str = ""
    """Images in folders: a regular expression whose first group finds the camera in a file's name."""
    also_train: tuple[str, ...] = ()
    """More sets to train on, each NAME=ROOT."""
    test: str = ""
    """Another set to test on, NAME=ROOT; empty for the dataset's own query and gallery."""
    hold_out: int = 0
    """Training identities that are held out and tested on instead of the test set, to choose between recipes."""

    last_stride: Literal[1, 2] = 1
    """1 keeps the resolution of the last stage; 2 leaves the backbone as it is."""
    height: int = 256
    """Of the network's input."""
    width: int = 128
    """Of the network's input."""
    random_crop: float = 0.5
    """Probability of a resize to 9/8 and a random crop."""
    random_flip: float = 0.5
    """Probability of a horizontal flip."""
    random_erasing: float = 0.5
    """Probability of random erasing."""
    color_jitter: float = 0.0
    """Strength of random brightness, contrast and saturation."""

    ids_per_batch: int = 16
    """P: identities in a batch."""
    images_per_id: int = 4
    """K: images of each identity in a batch."""
    passes: int = 1
    """Passes over the identities in an epoch."""

    label_smoothing: float = 0.1
    """Label smoothing of the cross-entropy."""
    identity_weight: float = 1.0
    """Weight of the cross-entropy; 0 leaves it out."""
    triplet_weight: float = 1.0
    """Weight of the batch-hard triplet loss; 0 leaves it out."""
    margin: float | None = 0.3
    """Margin of the triplet loss; None for the soft margin."""

    feature: Literal["pooled", "neck"] = "neck"
    """The feature that chooses the best model and that the saved model returns: before or after the neck."""
    eval_batch_size: int = 128
    """Images in a batch of the evaluation."""

    def __post_init__(self) -> None:
        """Checks what can be checked without the data."""
        super().__post_init__()
        self.check_range(("height", "width", "ids_per_batch", "images_per_id", "passes", "eval_batch_size"), 1)
        self.check_range(("hold_out",), 0)
        self.check_range(("random_crop", "random_flip", "random_erasing", "label_smoothing"), 0, 1)
        if self.identity_weight < 0 or self.triplet_weight < 0 or not self.identity_weight + self.triplet_weight:
            raise ValueError("identity_weight and triplet_weight must not be negative, nor both 0: nothing would be trained")
        if self.triplet_weight and (self.ids_per_batch < 2 or self.images_per_id < 2):
            raise ValueError(
                "triplets need ids_per_batch and images_per_id of at least 2, got "
                f"ids_per_batch {self.ids_per_batch} and images_per_id {self.images_per_id}"
            )
