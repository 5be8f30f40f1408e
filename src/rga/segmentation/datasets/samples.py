"""What a segmentation data set is here: three splits of scenes, each a picture and a mask, and the classes of the masks.

Readers (``rga.segmentation.sources``) make a ``SegmentationData``; here are its counts and its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from rga.datasets.layout import DataError, relative
from rga.segmentation.datasets.classes import Classes

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""The splits in the order of every report."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture."""

    image: Path
    """The picture."""
    mask: Path | None
    """Its mask; None where a data set keeps it to itself."""


@dataclass(frozen=True, slots=True)
class SceneCounts:
    """How much a split holds, found or expected."""

    images: int
    """Pictures."""
    masks: int
    """Those with a mask."""


@dataclass(frozen=True)
class SegmentationData:
    """A data set to train and test segmentation on.

    Raises:
        DataError: there is no picture, or a picture to train on has no mask.
    """

    name: str
    """What results call it."""
    classes: Classes
    """What is told apart."""
    train: tuple[Scene, ...]
    """Pictures to train on."""
    val: tuple[Scene, ...]
    """Pictures to choose by."""
    test: tuple[Scene, ...]
    """Pictures to test on."""
    root: Path
    """The folder that paths are told from."""

    def __post_init__(self) -> None:
        if not (self.train or self.val or self.test):
            raise DataError(f"data set {self.name!r} at {self.root} has no picture in any split")
        for scene in self.train:
            if scene.mask is None:
                raise DataError(f"data set {self.name!r}: {scene.image} is to be trained on and has no mask")

    def split(self, name: Split) -> tuple[Scene, ...]:
        """The scenes of a split by its name."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def labelled(self, name: Split) -> tuple[Scene, ...]:
        """The scenes of a split, to test on.

        Raises:
            ValueError: there are none, or their masks are not given.
        """
        scenes = self.split(name)
        if not scenes:
            there = ", ".join(f"{split} ({len(self.split(split))})" for split in SPLITS if self.split(split))
            raise ValueError(f"data set {self.name!r} at {self.root} has no pictures in {name}: it has {there}")
        bare = next((scene for scene in scenes if scene.mask is None), None)
        if bare is not None:
            raise ValueError(
                f"the masks of {name} of data set {self.name!r} are not there ({bare.image}): predict it, or test on another split"
            )
        return scenes

    @cached_property
    def counts(self) -> dict[Split, SceneCounts]:
        """What is in each split."""
        return {name: count(self.split(name)) for name in SPLITS}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when a file is added, lost, moved or changes its size, or a value stands for another class.

        Paths count relative to ``root``, so that copies of a data set have the same fingerprint on every machine.

        Raises:
            FileNotFoundError: a file is gone.
        """
        entries = sorted(
            f"{name}\t{self.entry(scene.image)}\t{'' if scene.mask is None else self.entry(scene.mask)}"
            for name in SPLITS
            for scene in self.split(name)
        )
        return hashlib.sha256("\n".join([json.dumps(self.classes.to_dict()), *entries]).encode()).hexdigest()[:16]

    def entry(self, path: Path) -> str:
        """A file's line in the fingerprint."""
        return f"{relative(path, self.root)}\t{path.stat().st_size}"


def count(scenes: Iterable[Scene]) -> SceneCounts:
    """Counts the scenes of a split."""
    scenes = list(scenes)
    return SceneCounts(len(scenes), sum(scene.mask is not None for scene in scenes))


def describe_counts(counts: Mapping[Split, SceneCounts]) -> list[str]:
    """A line for each split."""
    lines = []
    for name, found in counts.items():
        bare = "" if found.masks == found.images else f", {found.masks:,} with a mask"
        lines.append(f"  {name}: {found.images:,} images{bare}")
    return lines
