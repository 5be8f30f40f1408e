"""What a re-identification dataset is here: three splits of samples, each an image or a tracklet of one identity by one camera.

Readers (``rga.reid.datasets.catalog``) make a ``ReidData``; here are its counts, its fingerprint, labels for the classifier and the
hold-out of training identities. ``rga.reid.datasets.joining`` joins several.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rga.datasets.fingerprint import fingerprint
from rga.datasets.layout import DataError, relative
from rga.errors import InputError
from rga.images.defects import examples
from rga.images.listing import size_of
from rga.ranking.labels import DISTRACTOR, JUNK, RENUMBER
from rga.reid.datasets.same_files import number_files

SPLITS = ("train", "query", "gallery")
"""The splits in the order of every report."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of one person."""

    path: Path
    """The image."""
    identity: int
    """The person, as the dataset numbers them; ``DISTRACTOR`` in the gallery is nobody."""
    camera: int | None
    """The camera, as the dataset numbers them; None where the data have no cameras."""
    domain: int = 0
    """The dataset that it is from, of several that were joined, from 0."""
    is_tracklet: ClassVar[bool] = False
    """Whether it is a tracklet, see ``rga.reid.datasets.video.tracklet``."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it is read from."""
        return (self.path,)


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a split holds, found or expected."""

    identities: int
    """Persons, the distractor not counted."""
    images: int
    """Images, or tracklets, those of the distractor counted."""
    cameras: int | None = None
    """Cameras; None where it is not said."""


@dataclass(frozen=True)
class ReidData:
    """A dataset to train and test re-identification on, of images or of tracklets.

    Query and gallery are both there or both empty.

    Raises:
        DataError: a query without gallery, a gallery without query, or no sample at all; a query of identity 0 or below, a gallery image of
            an identity below -1 or a training image of one below 0; an image that is in a split twice or has two identities or cameras;
            cameras of some images of query and gallery and not of others; or images and tracklets.
    """

    name: str
    """What results call it."""
    train: tuple[Sample, ...]
    """Images to train on."""
    query: tuple[Sample, ...]
    """Images to look for."""
    gallery: tuple[Sample, ...]
    """Images to find them among."""
    root: Path
    """The folder that paths are told from."""
    roots: tuple[Path, ...] = ()
    """Of sets that were joined: the folder of each, in the order of ``Sample.domain``."""

    def __post_init__(self) -> None:
        if not (self.train or self.query or self.gallery):
            raise DataError(f"dataset {self.name!r} at {self.root} has no sample in any split")
        if bool(self.query) != bool(self.gallery):
            there, empty = ("query", "gallery") if self.query else ("gallery", "query")
            raise DataError(f"dataset {self.name!r} at {self.root} has a {there} and an empty {empty}: a test needs both")
        for split, least in (("train", 0), ("query", DISTRACTOR + 1), ("gallery", JUNK)):
            wrong = [sample for sample in self.split(split) if sample.identity < least]
            if wrong:
                raise DataError(
                    f"dataset {self.name!r} at {self.root}: {split} {relative(wrong[0].path, self.root)} has the identity "
                    f"{wrong[0].identity} ({len(wrong)} of {len(self.split(split))} such images); {RENUMBER}"
                )
        if len({sample.is_tracklet for name in SPLITS for sample in self.split(name)}) > 1:
            raise DataError(f"dataset {self.name!r} at {self.root} has images and tracklets: name datasets of one kind")
        check_once(self)
        check_cameras(self, (*self.query, *self.gallery))

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of a split by its name, one of ``SPLITS``."""
        return {"train": self.train, "query": self.query, "gallery": self.gallery}[name]

    @property
    def is_video(self) -> bool:
        """Whether the samples are tracklets."""
        return next(chain(self.train, self.query)).is_tracklet

    @property
    def unit(self) -> str:
        """What is counted, in the plural."""
        return "tracklets" if self.is_video else "images"

    @property
    def has_cameras(self) -> bool:
        """Whether the images of query and gallery have cameras: then those of the query's own camera do not count as found."""
        return bool(self.query) and self.query[0].camera is not None

    @property
    def known_people(self) -> bool:
        """Whether the test is about new images of the people who are trained on: the gallery is the training images."""
        return bool(self.gallery) and self.gallery == self.train

    @cached_property
    def files(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Numbers of the files of query and gallery, the same for files of the same content.

        They are needed where there are no cameras and a file is on both sides: a query would find itself. None elsewhere.
        """
        return None if self.has_cameras else number_files(*([sample.path for sample in side] for side in (self.query, self.gallery)))

    @cached_property
    def counts(self) -> dict[str, SplitCounts]:
        """What is in each split."""
        return {name: count(self.split(name), distractors=name == "gallery") for name in SPLITS}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when an image is added, lost, moved, relabelled or changes its size.

        Paths count relative to ``root``, and those of sets that were joined relative to their own roots, so that copies of a dataset have
        the same fingerprint on every machine, wherever its parts lie.

        Raises:
            MissingFileError: an image is gone.
        """
        return fingerprint(self.entry(name, sample, file) for name in SPLITS for sample in self.split(name) for file in sample.files)

    def entry(self, split: str, sample: Sample, file: Path) -> str:
        """A file's line in the fingerprint."""
        root = self.roots[sample.domain] if self.roots else self.root
        line = f"{split}\t{relative(file, root)}\t{sample.identity}\t{sample.camera}\t{size_of(file)}"
        tracklet = f"\t{relative(sample.path, root)}" if sample.is_tracklet else ""  # its first frame tells the tracklet
        return line + tracklet + (f"\t{sample.domain}" if self.roots else "")


def check_once(data: ReidData) -> None:
    """Refuses data with an image that stands twice in a split, or that is of several people or cameras.

    Raises:
        DataError: there is such an image.
    """
    seen: dict[Path, Sample] = {}
    for name in SPLITS:
        inside: set[Path] = set()
        for sample, file in ((each, file) for each in data.split(name) for file in each.files):
            if file in inside:
                raise DataError(f"dataset {data.name!r} at {data.root}: {name} holds {relative(file, data.root)} twice")
            inside.add(file)
            other = seen.setdefault(file, sample)
            if (sample.identity, sample.camera) != (other.identity, other.camera):
                raise DataError(
                    f"dataset {data.name!r} at {data.root}: {relative(file, data.root)} is in two splits, as identity "
                    f"{other.identity} by camera {other.camera} and as identity {sample.identity} by camera {sample.camera}"
                )


def check_cameras(data: ReidData, samples: Sequence[Sample]) -> None:
    """Refuses images of which some have a camera and others none: the images by a query's own camera could not be left out.

    Args:
        data: that they are from, for errors.
        samples: the images.

    Raises:
        DataError: there are such.
    """
    without = [sample for sample in samples if sample.camera is None]
    if 0 < len(without) < len(samples):
        raise DataError(
            f"dataset {data.name!r} at {data.root}: {len(without):,} of {len(samples):,} images have no camera, the first is "
            f"{relative(without[0].path, data.root)}: give the cameras of all images, or of none"
        )


def count(samples: Sequence[Sample], distractors: bool = False) -> SplitCounts:
    """Counts the samples of a split.

    Args:
        samples: of one split.
        distractors: the identities ``DISTRACTOR`` and ``JUNK`` are nobody, as in a gallery.
    """
    identities = {sample.identity for sample in samples}
    if distractors:
        identities -= {DISTRACTOR, JUNK}
    cameras = {sample.camera for sample in samples if sample.camera is not None}
    return SplitCounts(len(identities), len(samples), len(cameras))


def relabel(samples: Iterable[Sample]) -> dict[int, int]:
    """Labels 0 to n-1 for the identities of some samples, in the order of the identities.

    Example:
        >>> relabel(Sample(Path(f"{identity}.jpg"), identity, None) for identity in (7, 3, 7))
        {3: 0, 7: 1}
    """
    return {identity: label for label, identity in enumerate(sorted({sample.identity for sample in samples}))}


def by_identity(samples: Iterable[Sample]) -> dict[int, list[Sample]]:
    """The samples of each identity; identities ascend, samples keep their order."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.identity, []).append(sample)
    return dict(sorted(groups.items()))


def validation_split(data: ReidData, identities: int, seed: int) -> ReidData:
    """Holds out training identities as query and gallery, to choose between recipes without looking at the test set.

    Args:
        data: a set with a training split; its own query and gallery are left out.
        identities: how many identities to hold out.
        seed: which ones, and which of their images are queries; the same seed gives the same split.

    Returns:
        The other identities to train on, and a test of those held out, made by ``choose_queries``. Where people are counted from 0, as in
        MSMT17's training split, all are renumbered from 1: in a test 0 is a distractor.

    Raises:
        InputError: there are not enough identities to hold out so many and still train.
        DataError: none of the identities held out can be looked for, or some of the training images have a camera and others none.
    """
    check_cameras(data, data.train)
    samples = from_one(data.train)
    groups = by_identity(samples)
    if not 1 <= identities < len(groups):
        raise InputError(
            f"cannot hold out {identities} of the {len(groups)} training identities of {data.name!r}: "
            f"choose between 1 and {max(1, len(groups) - 1)}"
        )
    generator = random.Random(seed)  # noqa: S311  # a split, no secret
    held_out = set(generator.sample(sorted(groups), identities))
    query, gallery = choose_queries([sample for sample in samples if sample.identity in held_out], generator)
    if not query:
        raise DataError(f"none of the {identities} identities held out of {data.name!r} has {second_image(samples)} to find: hold out more")
    train = tuple(sample for sample in samples if sample.identity not in held_out)
    return ReidData(f"{data.name}-validation", train, query, gallery, data.root, data.roots)


def from_one(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The samples with identities from 1 on: the same number is added to all where the least is below.

    Example:
        >>> [sample.identity for sample in from_one([Sample(Path("a.jpg"), 0, 1), Sample(Path("b.jpg"), 7, 1)])]
        [1, 8]
    """
    added = max(0, 1 - min((sample.identity for sample in samples), default=1))
    return tuple(replace(sample, identity=sample.identity + added) for sample in samples) if added else tuple(samples)


def second_image(samples: Iterable[Sample]) -> str:
    """What a query needs to find, in words."""
    samples = list(samples)
    cameras, what = {sample.camera for sample in samples}, "a tracklet" if any(sample.is_tracklet for sample in samples) else "an image"
    if cameras == {None}:
        return f"a second {what.split()[1]}"
    return f"{what} by another camera (the cameras are {examples(sorted(camera for camera in cameras if camera is not None))})"


def choose_queries(samples: Sequence[Sample], generator: random.Random) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Makes a query and a gallery of samples: one query an identity and camera, or an identity where there are no cameras.

    An image becomes a query only if it, and the queries chosen before it, keep something to find in the gallery: an image of the
    identity, by another camera where there are cameras. Images of identities without queries go to the gallery.

    Args:
        samples: of the identities to test on.
        generator: draws the queries.

    Returns:
        Query and gallery.
    """
    with_cameras = all(sample.camera is not None for sample in samples)
    chosen: set[Sample] = set()
    for group in by_identity(samples).values():
        cameras = sorted({sample.camera for sample in group if sample.camera is not None}) if with_cameras else [None]
        left = set(group)
        looked_from: list[int | None] = []
        for camera in cameras:
            drawn = generator.choice([sample for sample in group if camera is None or sample.camera == camera])
            rest = left - {drawn}
            if all(any(other is None or sample.camera != other for sample in rest) for other in [*looked_from, camera]):
                left = rest
                looked_from.append(camera)
        chosen |= set(group) - left
    return tuple(sample for sample in samples if sample in chosen), tuple(sample for sample in samples if sample not in chosen)
