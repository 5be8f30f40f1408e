"""Checks a classification dataset before it is trained on: what is missing, damaged, doubled or uneven."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rga.classification.datasets.samples import ClassificationData
from rga.datasets.report import UNOPENED, Finding, compose, sentences, wrong_counts
from rga.datasets.splits import PURPOSES, SPLITS
from rga.images.defects import Progress
from rga.images.images import DamagedImageError

UNEVEN = 10
"""A class with so many times the images of another makes a note."""


@dataclass(frozen=True)
class ClassificationReport:
    """What is in a dataset and what is wrong with it."""

    name: str
    """The dataset."""
    root: Path
    """Where it lies."""
    fingerprint: str
    """See ``ClassificationData.fingerprint``."""
    found: Mapping[str, tuple[int, int]]
    """Split -> how many classes and images it has."""
    expected: Mapping[str, tuple[int, int]] | None
    """Split -> how many it should have; None if it is not known."""
    smallest: Mapping[str, tuple[str, int]]
    """Split that is there -> the class with the fewest images, and how many."""
    largest: Mapping[str, tuple[str, int]]
    """Split that is there -> the class with the most images, and how many."""
    opened: bool
    """Whether the images were decoded."""
    damaged: tuple[str, ...]
    """Images that cannot be decoded, and why."""
    leaked: tuple[tuple[str, ...], ...]
    """Groups of images with the same content in different splits."""
    doubled: tuple[tuple[str, ...], ...]
    """Groups of images with the same content within a split."""

    @property
    def wrong_counts(self) -> tuple[str, ...]:
        """The splits that do not hold what they should."""
        return wrong_counts(self.found, self.expected)

    @property
    def ok(self) -> bool:
        """Whether results on these data mean what they say: counts are as published, nothing is damaged or trained and tested on."""
        return not (self.wrong_counts or self.damaged or self.leaked)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values for JSON."""

        def plain(counts: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
            return {name: {"classes": classes, "images": images} for name, (classes, images) in counts.items()}

        return {
            "name": self.name,
            "root": str(self.root),
            "fingerprint": self.fingerprint,
            "ok": self.ok,
            "found": plain(self.found),
            "expected": None if self.expected is None else plain(self.expected),
            "smallest": {name: list(each) for name, each in self.smallest.items()},
            "largest": {name: list(each) for name, each in self.largest.items()},
            "opened": self.opened,
            "damaged": list(self.damaged),
            "leaked": [list(group) for group in self.leaked],
            "doubled": [list(group) for group in self.doubled],
        }

    def __str__(self) -> str:
        """A table of the splits, and what was found."""
        found = self.found
        return compose(
            self,
            f"{'split':<8} {'classes':>8} {'images':>10}   expected",
            (f"{name:<8} {found[name][0]:>8,} {found[name][1]:>10,}   {self.expectation(name)}" for name in SPLITS),
            unopened="" if self.opened else UNOPENED,
        )

    def expectation(self, split: str) -> str:
        """What a split should hold, in words."""
        counts = (self.expected or {}).get(split)
        if counts is None:
            return ""
        return "as expected" if counts == self.found[split] else f"{counts[0]:,} classes, {counts[1]:,} images"

    def findings(self) -> list[Finding]:
        """What was found."""
        named: list[tuple[bool, Sequence[str], str]] = [
            (True, self.wrong_counts, "[split does|splits do] not hold what [it|they] should"),
            (True, self.damaged, "[image|images] cannot be decoded"),
            (True, [" = ".join(group) for group in self.leaked], "[group of images is|groups of images are] in more than one split"),
            (False, [" = ".join(group) for group in self.doubled], "[group of images has|groups of images have] the same content"),
        ]
        found = sentences(named)
        for name, (most, images) in self.largest.items():
            fewest, few = self.smallest[name]
            if images >= UNEVEN * few:
                found.append((False, f"classes {PURPOSES[name]} are uneven: {few:,} images of {fewest}, {images:,} of {most}"))
        return found


def check_data(
    data: ClassificationData,
    expected: Mapping[str, tuple[int, int]] | None = None,
    open_images: bool = False,
    progress: Progress | None = None,
) -> ClassificationReport:
    """Checks a dataset.

    Args:
        data: the dataset.
        expected: split -> how many classes and images it should have, such as ``rga.classification.datasets.catalog.EXPECTED[name]``.
        open_images: decode every image in full.
        progress: told after each decoded image.

    Raises:
        FileNotFoundError: an image is gone.
    """
    counts = {name: counted for name, counted in data.counts.items() if counted.sum()}
    groups = find_doubled(data)
    return ClassificationReport(
        name=data.name,
        root=data.root,
        fingerprint=data.fingerprint,
        found={name: (int((counted > 0).sum()), int(counted.sum())) for name, counted in data.counts.items()},
        expected=expected,
        smallest={name: (data.classes[int(counted.argmin())], int(counted.min())) for name, counted in counts.items()},
        largest={name: (data.classes[int(counted.argmax())], int(counted.max())) for name, counted in counts.items()},
        opened=open_images,
        damaged=tuple(find_damaged(data, progress)) if open_images else (),
        leaked=tuple(tuple(name for _, name in group) for group in groups if len({split for split, _ in group}) > 1),
        doubled=tuple(tuple(name for _, name in group) for group in groups if len({split for split, _ in group}) == 1),
    )


def find_damaged(data: ClassificationData, progress: Progress | None) -> list[str]:
    """Images that cannot be decoded to their last line, and why."""
    damaged, done, total = [], 0, sum(len(data.split(split)) for split in SPLITS)
    for split in SPLITS:
        images = data.split(split).images
        for index in range(len(images)):
            try:
                images[index]
            except DamagedImageError as error:
                damaged.append(str(error))
            done += 1
            if progress is not None:
                progress(done, total)
    return damaged


def find_doubled(data: ClassificationData) -> list[list[tuple[str, str]]]:
    """Groups of (split, name) of images with the same content; only those with the same mark are read."""
    marked: dict[str, list[tuple[str, int]]] = {}
    for split in SPLITS:
        images = data.split(split).images
        for index in range(len(images)):
            marked.setdefault(images.mark(index), []).append((split, index))
    doubled: dict[tuple[str, bytes], list[tuple[str, str]]] = {}
    for mark, occurrences in marked.items():
        for place, index in occurrences if len(occurrences) > 1 else ():
            images = data.split(place).images
            try:
                content = hashlib.sha256(images.contents(index)).digest()
            except DamagedImageError:
                continue  # said by those who open all images
            doubled.setdefault((mark, content), []).append((place, images.name(index)))
    return sorted(group for group in doubled.values() if len(group) > 1)
