"""The images of a split as tensors: what the processes that read them make."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.classification.datasets.samples import LabeledImages


class TrainingImages(Dataset[tuple[Tensor, int, int]]):
    """The training split as augmented tensors with labels; the work of the loader's processes.

    Args:
        split: the images.
        transform: what is done to them, some of it at random.
    """

    def __init__(self, split: LabeledImages, transform: nn.Module) -> None:
        self.split = split
        self.transform = transform

    def __len__(self) -> int:
        """How many images."""
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int, int]:
        """One augmented image (3, size, size), its label and its index."""
        return self.transform(self.split.images[index]), int(self.split.labels[index]), index


class TestImages(Dataset[Tensor]):
    """A split as tensors, as the network sees them in testing.

    Args:
        split: the images.
        transform: what is done to them.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, split: LabeledImages, transform: nn.Module) -> None:
        self.split = split
        self.transform = transform

    def __len__(self) -> int:
        """How many images."""
        return len(self.split)

    def __getitem__(self, index: int) -> Tensor:
        """One image (3, size, size)."""
        image: Tensor = self.transform(self.split.images[index])
        return image
