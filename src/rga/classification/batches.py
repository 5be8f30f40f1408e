"""The pictures of a split as tensors: what the processes that read them make."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.classification.datasets.samples import LabeledPictures


class TrainingPictures(Dataset[tuple[Tensor, int, int]]):
    """The training split as augmented tensors with labels; the work of the loader's processes.

    Args:
        split: the pictures.
        transform: what is done to them, some of it at random.
    """

    def __init__(self, split: LabeledPictures, transform: nn.Module) -> None:
        self.split = split
        self.transform = transform

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int, int]:
        """One augmented picture (3, size, size), its label and its place."""
        return self.transform(self.split.pictures[index]), int(self.split.labels[index]), index


class TestPictures(Dataset[Tensor]):
    """A split as tensors, as the network sees them in testing.

    Args:
        split: the pictures.
        transform: what is done to them.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, split: LabeledPictures, transform: nn.Module) -> None:
        self.split = split
        self.transform = transform

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.split)

    def __getitem__(self, index: int) -> Tensor:
        """One picture (3, size, size)."""
        image: Tensor = self.transform(self.split.pictures[index])
        return image
