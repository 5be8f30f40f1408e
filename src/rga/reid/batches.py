"""Samples of a re-ID training: augmented images, or clips of tracklets, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as TF

from rga.images.decoding import read_pixels
from rga.reid.datasets.samples import Sample
from rga.reid.transforms import Augmentation
from rga.reid.video.frames import drawn_frames


class ReidBatch(NamedTuple):
    """A batch: bytes (B, H, W, 3), what is to be erased of them (B, 4), labels (B,), and the indices of both in the training split.

    Of tracklets the bytes are (B, T, H, W, 3); a rectangle is that of all frames.
    """

    pixels: Tensor
    erased: Tensor
    labels: Tensor
    indices: Tensor


class TrainingImages(Dataset[ReidBatch]):
    """The training split as augmented images with labels; the work of the loader's processes."""

    def __init__(self, samples: Sequence[Sample], labels: Sequence[int], augmentation: Augmentation) -> None:
        self.samples = samples
        self.labels = labels
        self.augmentation = augmentation

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> ReidBatch:
        """One augmented image, its label and its index."""
        pixels, erased = self.augmentation(read_pixels(self.samples[index].path))
        return ReidBatch(pixels, erased, torch.tensor(self.labels[index]), torch.tensor(index))


class TrainingTracklets(Dataset[ReidBatch]):
    """The training split as clips of T frames, drawn anew each time and augmented together, with labels.

    Args:
        samples: tracklets.
        labels: of each.
        augmentation: of all frames of a clip.
        frames: T.
    """

    def __init__(self, samples: Sequence[Sample], labels: Sequence[int], augmentation: Augmentation, frames: int) -> None:
        self.samples = samples
        self.labels = labels
        self.augmentation = augmentation
        self.frames = frames

    def __len__(self) -> int:
        """How many tracklets."""
        return len(self.samples)

    def __getitem__(self, index: int) -> ReidBatch:
        """One augmented clip, its label and its index."""
        files = self.samples[index].files
        pixels, erased = self.augmentation(read_clip([files[frame] for frame in drawn_frames(len(files), self.frames)]))
        return ReidBatch(pixels, erased, torch.tensor(self.labels[index]), torch.tensor(index))


def read_clip(paths: Sequence[Path]) -> Tensor:
    """Frames as bytes (T, H, W, 3); those of another size than the first are resized to it, as a detector's boxes differ.

    Raises:
        OSError: a file is not there, or cannot be read; it is named.
        DamagedImageError: a file is no image, or a damaged one.
    """
    once = {path: read_pixels(path) for path in dict.fromkeys(paths)}
    height, width, _ = once[paths[0]].shape

    def fitting(pixels: Tensor) -> Tensor:
        if pixels.shape[:2] == (height, width):
            return pixels
        resized: Tensor = TF.resize_image(pixels.movedim(-1, -3), [height, width])
        return resized.movedim(-3, -1)

    return torch.stack([fitting(once[path]) for path in paths])
