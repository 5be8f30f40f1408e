"""What a segmentation dataset is here: three splits of samples, each an image and a mask, and the classes of the masks.

Readers (``rga.segmentation.sources``) make a ``SegmentationData``; here are its counts and its fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rga.datasets.fingerprint import fingerprint
from rga.datasets.layout import DataError, relative
from rga.datasets.splits import SPLITS, Split
from rga.errors import InputError
from rga.images.listing import size_of
from rga.segmentation.datasets.classes import Classes


@dataclass(frozen=True, slots=True)
class Sample:
    """One image."""

    image: Path
    """The image."""
    mask: Path | None
    """Its mask; None where a dataset keeps it to itself."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a split holds, found or expected."""

    images: int
    """Images."""
    masks: int
    """Those with a mask."""


@dataclass(frozen=True)
class SegmentationData:
    """A dataset to train and test segmentation on.

    Raises:
        DataError: there is no image, or an image to train on has no mask.
    """

    name: str
    """What results call it."""
    classes: Classes
    """What is told apart."""
    train: tuple[Sample, ...]
    """Images to train on."""
    val: tuple[Sample, ...]
    """Images that choose the best model."""
    test: tuple[Sample, ...]
    """Images to test on when all is over."""
    root: Path
    """The folder that paths are told from."""

    def __post_init__(self) -> None:
        if not (self.train or self.val or self.test):
            raise DataError(f"dataset {self.name!r} at {self.root} has no image in any split")
        for sample in self.train:
            if sample.mask is None:
                raise DataError(f"dataset {self.name!r}: {sample.image} is to be trained on and has no mask")

    def split(self, name: Split) -> tuple[Sample, ...]:
        """The samples of a split by its name."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def masks_given(self, name: Split) -> bool:
        """Whether a split has images, all with masks."""
        samples = self.split(name)
        return bool(samples) and all(sample.mask is not None for sample in samples)

    def labelled(self, name: Split) -> tuple[Sample, ...]:
        """The samples of a split, to test on.

        Raises:
            InputError: there are none, or their masks are not given.
        """
        samples = self.split(name)
        if not samples:
            there = ", ".join(f"{split} ({len(self.split(split))})" for split in SPLITS if self.split(split))
            raise InputError(f"dataset {self.name!r} at {self.root} has no images in {name}: it has {there}")
        bare = next((sample for sample in samples if sample.mask is None), None)
        if bare is not None:
            raise InputError(
                f"the masks of {name} of dataset {self.name!r} are not there ({bare.image}): predict it, or test on another split"
            )
        return samples

    @cached_property
    def counts(self) -> dict[Split, SplitCounts]:
        """What is in each split."""
        return {name: count(self.split(name)) for name in SPLITS}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when a file is added, lost, moved or changes its size, or a value stands for another class.

        Paths count relative to ``root``, so that copies of a dataset have the same fingerprint on every machine.

        Raises:
            MissingFileError: a file is gone.
        """
        entries = (
            f"{name}\t{self.entry(sample.image)}\t{'' if sample.mask is None else self.entry(sample.mask)}"
            for name in SPLITS
            for sample in self.split(name)
        )
        return fingerprint(entries, json.dumps(self.classes.to_dict()))

    def entry(self, path: Path) -> str:
        """A file's line in the fingerprint."""
        return f"{relative(path, self.root)}\t{size_of(path)}"


def count(samples: Iterable[Sample]) -> SplitCounts:
    """Counts the samples of a split."""
    samples = list(samples)
    return SplitCounts(len(samples), sum(sample.mask is not None for sample in samples))


def describe_counts(counts: Mapping[Split, SplitCounts]) -> list[str]:
    """A line for each split."""
    lines = []
    for name, found in counts.items():
        bare = "" if found.masks == found.images else f", {found.masks:,} with a mask"
        lines.append(f"  {name}: {found.images:,} images{bare}")
    return lines
