"""Which pictures are trained on together, and how the random changes to each are drawn.

All of it follows from the seed, the epoch and the place: neither the number of processes that read pictures nor where a training was
interrupted makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler

from rga.classification.samples import LabeledPictures


@dataclass(frozen=True, slots=True)
class Draw:
    """A picture that was drawn for a batch.

    Attributes:
        place: of the picture.
        seed: of the random changes to it.
    """

    place: int
    seed: int


class ShuffledBatches(Sampler[list[Draw]]):
    """Each picture once an epoch in random order, in batches of one size; the rest of an epoch, less than a batch, is left out.

    Args:
        pictures: how many there are.
        batch: how many in a batch.
        seed: of the order and of the seeds.

    Raises:
        ValueError: there are not enough pictures for one batch.
    """

    def __init__(self, pictures: int, batch: int, seed: int) -> None:
        if batch > pictures:
            raise ValueError(f"a batch of {batch} cannot be drawn from {pictures} pictures: choose a batch of at most {pictures}")
        self.pictures = pictures
        self.batch = batch
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that the next pass draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.pictures // self.batch

    def __iter__(self) -> Iterator[list[Draw]]:
        """The batches of the epoch."""
        generator = np.random.default_rng([self.seed, self.epoch])
        places = generator.permutation(self.pictures)
        draws = list(map(Draw, places.tolist(), generator.integers(2**62, size=self.pictures).tolist()))
        for start in range(0, len(self) * self.batch, self.batch):
            yield draws[start : start + self.batch]


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

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int, int]:
        """One augmented picture (3, size, size), its label and its place."""
        picture = self.split.pictures[draw.place]
        with seeded(draw.seed):
            return self.transform(picture), int(self.split.labels[draw.place]), draw.place


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


def seed_of(*numbers: int) -> int:
    """A seed that follows from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draws PyTorch's random numbers on the CPU from a seed within the block; those outside of it go on as if there were none."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
