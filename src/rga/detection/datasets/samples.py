"""What a detection dataset is here: three splits of images, each with its objects, and the categories of these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rga.datasets.fingerprint import fingerprint
from rga.datasets.layout import DataError, relative
from rga.datasets.splits import SPLITS, Split
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.masks import Segmentation
from rga.errors import InputError
from rga.images.listing import size_of

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedObject:
    """An object of an image, or a region of many.

    Attributes:
        category: index of its category.
        box: left, top, width and height in pixels of the image; it may end outside of it, and may be without width or height.
        segmentation: its pixels; None where nobody drew them.
        area: in pixels; COCO sorts objects into small, medium and large ones by it.
        crowd: whether it is a region of many objects, which is neither trained on nor counted.
    """

    category: int
    box: Box
    segmentation: Segmentation | None
    area: float
    crowd: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """One image.

    Attributes:
        image: its file.
        size: (height, width) as its annotations have it.
        objects: in it; None where a dataset keeps them to itself.
    """

    image: Path
    size: tuple[int, int]
    objects: tuple[AnnotatedObject, ...] | None

    @property
    def told(self) -> tuple[AnnotatedObject, ...]:
        """The objects to find, without crowd regions."""
        return tuple(each for each in self.objects or () if not each.crowd)


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a split holds, found or expected."""

    images: int
    """Images."""
    annotated: int
    """Those whose objects are known, though there may be none in them."""
    objects: int
    """Objects, without crowd regions."""


@dataclass(frozen=True, eq=False)
class DetectionData:
    """A dataset to train and test detection on.

    Raises:
        DataError: there is no image, or the objects of an image to train on are not given.
    """

    name: str
    """What results call it."""
    classes: Categories
    """What is detected."""
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
            if sample.objects is None:
                raise DataError(f"dataset {self.name!r}: {sample.image} is to be trained on, and its objects are not given")

    def split(self, name: Split) -> tuple[Sample, ...]:
        """The samples of a split by its name."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def objects_given(self, name: Split) -> bool:
        """Whether a split has images, whose objects are all known."""
        samples = self.split(name)
        return bool(samples) and all(sample.objects is not None for sample in samples)

    def labelled(self, name: Split) -> tuple[Sample, ...]:
        """The samples of a split, to test on.

        Raises:
            InputError: there are none, their objects are not given, or there is no object in any.
        """
        samples = self.split(name)
        if not samples:
            there = ", ".join(f"{split} ({len(self.split(split))})" for split in SPLITS if self.split(split))
            raise InputError(f"dataset {self.name!r} at {self.root} has no images in {name}: it has {there}")
        if not self.objects_given(name):
            raise InputError(
                f"the objects in {name} of dataset {self.name!r} are not given: detect them (rga detect), or test on another split"
            )
        if not any(sample.told for sample in samples):
            raise InputError(
                f"the {len(samples)} images in {name} of dataset {self.name!r} have no object: nothing can be measured on them"
            )
        return samples

    @cached_property
    def counts(self) -> dict[Split, SplitCounts]:
        """What is in each split."""
        return {name: count(self.split(name)) for name in SPLITS}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when a file or an annotation is added, lost or changed, or a category is another one.

        Paths count relative to ``root``, so that copies of a dataset have the same fingerprint on every machine.

        Raises:
            MissingFileError: a file is gone.
        """
        return fingerprint(self.entries(), json.dumps(self.classes.to_dict()))

    def entries(self) -> Iterator[str]:
        """A line for each image."""
        for name in SPLITS:
            for sample in self.split(name):
                yield f"{name}\t{relative(sample.image, self.root)}\t{size_of(sample.image)}\t{digest(sample.objects)}"


def digest(objects: Iterable[AnnotatedObject] | None) -> str:
    """What stands for the objects of an image in the fingerprint."""
    if objects is None:
        return ""
    lines = (f"{each.category} {each.box} {each.area} {each.crowd} {each.segmentation and each.segmentation.key}" for each in objects)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def count(samples: Iterable[Sample]) -> SplitCounts:
    """Counts the samples of a split."""
    samples = list(samples)
    given = sum(sample.objects is not None for sample in samples)
    return SplitCounts(len(samples), given, sum(len(sample.told) for sample in samples))


def describe_counts(counts: Mapping[Split, SplitCounts]) -> list[str]:
    """A line for each split."""
    lines = []
    for name, found in counts.items():
        bare = "" if found.annotated == found.images else f", {found.annotated:,} of them annotated"
        lines.append(f"  {name}: {found.images:,} images{bare}, {found.objects:,} objects")
    return lines
