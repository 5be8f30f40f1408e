"""What a classification dataset is here: images with labels in three splits, and the names of the classes.

Readers (``rga.classification.datasets.catalog``) make a ``ClassificationData``, which checks itself: from then on there are two classes or
more, and each has images in every split that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rga.classification.image_sources import FileImages, ImageSource, ImageSubset
from rga.datasets.fingerprint import fingerprint
from rga.datasets.layout import DataError
from rga.datasets.splits import PURPOSES, SPLITS, Split, split_by_hash
from rga.errors import InputError

NAMED = 5
"""How many missing classes an error names."""


@dataclass(frozen=True, eq=False)
class LabeledImages:
    """Images, each with the number of its class.

    Attributes:
        images: n of them.
        labels: (n,) from 0.
    """

    images: ImageSource
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Checks that each image has a label."""
        if self.labels.shape != (len(self.images),):
            raise InputError(f"{len(self.images)} images need as many labels, got the shape {self.labels.shape}")

    def __len__(self) -> int:
        """How many."""
        return len(self.labels)

    def choose(self, indices: NDArray[np.int64]) -> LabeledImages:
        """Those at some indices."""
        return LabeledImages(ImageSubset(self.images, indices), self.labels[indices])


NOTHING = LabeledImages(FileImages(Path(), ()), np.zeros(0, dtype=np.int64))
"""A split that is not there."""


@dataclass(frozen=True, eq=False)
class ClassificationData:
    """A dataset to train and test a classifier on.

    Attributes:
        name: what results call it.
        classes: their names, in the order of the labels.
        train: to train on; may be empty.
        test: to test on; may be empty.
        root: where it lies.
        val: to choose the best model by; may be empty.

    Raises:
        DataError: there is no image, there are fewer than two classes, or a class has no image in a split that has others.
    """

    name: str
    classes: tuple[str, ...]
    train: LabeledImages
    test: LabeledImages
    root: Path
    val: LabeledImages = NOTHING

    def __post_init__(self) -> None:
        """Checks what must hold for every training and every test."""
        if not any(len(self.split(name)) for name in SPLITS):
            raise DataError(f"dataset {self.name!r} at {self.root} has no image in any split")
        if len(self.classes) < 2:
            raise DataError(
                f"dataset {self.name!r} at {self.root} has {len(self.classes)} class ({', '.join(self.classes)}): to tell classes apart "
                "takes two or more, each with a folder of its own"
            )
        for name in SPLITS:
            counts = self.counts[name]
            missing = [each for each, count in zip(self.classes, counts, strict=True) if not count]
            if len(self.split(name)) and missing:
                more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
                raise DataError(
                    f"dataset {self.name!r} at {self.root}: {len(missing)} of {len(self.classes)} classes have no image {PURPOSES[name]} "
                    f"({', '.join(map(repr, missing[:NAMED]))}{more}); add images of each, or take the class out of the other splits"
                )

    def split(self, name: str) -> LabeledImages:
        """The images of a split by its name, one of ``SPLITS``."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    @property
    def chooses(self) -> Split | Literal[""]:
        """The split that chooses the best model: ``val``, or ``test`` where there is no val; empty where there is neither."""
        return next((name for name in ("val", "test") if len(self.split(name))), "")

    @cached_property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Split -> (classes,) how many images of each class it has.

        Raises:
            InputError: a label has no class.
        """
        counted: dict[str, NDArray[np.int64]] = {name: np.bincount(self.split(name).labels, minlength=len(self.classes)) for name in SPLITS}
        for name, counts in counted.items():
            if len(counts) != len(self.classes):
                raise InputError(f"{self.name!r} has a label {len(counts) - 1} in its split {name}, and {len(self.classes)} classes from 0")
        return counted

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when an image is added, lost, renamed, relabelled or changed, on every machine alike.

        Raises:
            MissingFileError: an image is gone.
        """
        return fingerprint(
            f"{name}\t{split.images.name(index)}\t{self.classes[label]}\t{split.images.mark(index)}"
            for name, split in ((name, self.split(name)) for name in SPLITS)
            for index, label in enumerate(split.labels.tolist())
        )


def shares(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Splits indices at random into two parts with the same share of every class.

    Args:
        labels: (n,) of the samples.
        share: of each class that goes to the second part, at least one and never all.
        seed: which ones.

    Returns:
        The indices of both parts, ascending.

    Raises:
        DataError: a class has a single sample.

    Example:
        >>> first, second = shares(np.array([0, 0, 0, 0, 1, 1]), 0.25, seed=0)
        >>> len(first), len(second)
        (4, 2)
    """
    if not 0 < share < 1:
        raise InputError(f"the share must lie between 0 and 1, without them, got {share}")
    generator = np.random.default_rng(seed)
    drawn: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        if len(indices) < 2:
            raise DataError(f"class {label} has a single image, which cannot be split into two parts: add images of it")
        drawn.append(generator.permutation(indices)[: min(len(indices) - 1, max(1, round(share * len(indices))))])
    second = np.sort(np.concatenate(drawn))
    return np.setdiff1d(np.arange(len(labels)), second), second


def parts_of(images: LabeledImages, classes: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, LabeledImages]:
    """Splits images of each class by a hash of their names, so that one more or one less moves no other.

    Args:
        images: to split.
        classes: their names, for errors.
        shares: name of a part -> its share of each class; see ``rga.datasets.splits.split_by_hash``.
        seed: another seed is another split.

    Returns:
        Name of the part -> its images; the train part has the rest.

    Raises:
        DataError: a class has fewer images than there are parts.
        InputError: the shares are out of their range.
    """
    parts = np.empty(len(images), dtype=object)
    for label in np.unique(images.labels):
        indices = np.flatnonzero(images.labels == label)
        names = [images.images.name(int(index)) for index in indices]
        try:
            parts[indices] = split_by_hash([name[: -len(PurePosixPath(name).suffix) or None] for name in names], shares, seed)
        except DataError as error:
            raise DataError(
                f"class {classes[label]!r}: {len(indices)} image{'s' * (len(indices) > 1)}, {error}: add images of it"
            ) from error
    return {name: images.choose(np.flatnonzero(parts == name)) for name in ("train", *shares)}


def hold_out(data: ClassificationData, share: float, seed: int) -> ClassificationData:
    """Holds out a share of the training images of each class and tests on them, to choose between recipes without the test set.

    Raises:
        DataError: a class has a single image to train on.
        InputError: the share is not between 0 and 1.
    """
    parts = parts_of(data.train, data.classes, {"test": share}, seed)
    return ClassificationData(f"{data.name}-held-out", data.classes, parts["train"], parts["test"], data.root)


def from_names(images: ImageSource, names: Sequence[str], classes: Sequence[str]) -> LabeledImages:
    """Images with the names of their classes.

    Args:
        images: n of them.
        names: n names of classes.
        classes: all of them, in the order of the labels.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    return LabeledImages(images, np.array([numbers[name] for name in names], dtype=np.int64))
