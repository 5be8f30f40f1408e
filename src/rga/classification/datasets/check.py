"""Looks a classification data set over before it is trained on: what is missing, damaged, doubled or uneven."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rga.classification.datasets.samples import SPLITS, ClassificationData
from rga.datasets.report import UNOPENED, Finding, compose, sentences, wrong_counts
from rga.images.defects import Progress
from rga.images.images import DamagedImageError

UNEVEN = 10
"""A class with so many times the pictures of another makes a note."""


@dataclass(frozen=True)
class ClassificationReport:
    """What is in a data set and what is wrong with it."""

    name: str
    """The data set."""
    root: Path
    """Where it lies."""
    fingerprint: str
    """See ``ClassificationData.fingerprint``."""
    found: Mapping[str, tuple[int, int]]
    """Split -> how many classes and pictures it has."""
    expected: Mapping[str, tuple[int, int]] | None
    """Split -> how many it should have; None if it is not known."""
    smallest: Mapping[str, tuple[str, int]]
    """Split that is there -> the class with the fewest pictures, and how many."""
    largest: Mapping[str, tuple[str, int]]
    """Split that is there -> the class with the most pictures, and how many."""
    opened: bool
    """Whether the pictures were decoded."""
    damaged: tuple[str, ...]
    """Pictures that cannot be decoded, and why."""
    leaked: tuple[tuple[str, ...], ...]
    """Groups of pictures with the same content, some to train and some to test on."""
    doubled: tuple[tuple[str, ...], ...]
    """Groups of pictures with the same content within a split."""

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
            return {name: {"classes": classes, "pictures": pictures} for name, (classes, pictures) in counts.items()}

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
            f"{'split':<8} {'classes':>8} {'pictures':>10}   expected",
            (f"{name:<8} {found[name][0]:>8,} {found[name][1]:>10,}   {self.expectation(name)}" for name in SPLITS),
            unopened="" if self.opened else UNOPENED,
        )

    def expectation(self, split: str) -> str:
        """What a split should hold, in words."""
        counts = (self.expected or {}).get(split)
        if counts is None:
            return ""
        return "as expected" if counts == self.found[split] else f"{counts[0]:,} classes, {counts[1]:,} pictures"

    def findings(self) -> list[Finding]:
        """What was found."""
        named: list[tuple[bool, Sequence[str], str]] = [
            (True, self.wrong_counts, "splits do not hold what they should"),
            (True, self.damaged, "pictures cannot be decoded"),
            (True, [" = ".join(group) for group in self.leaked], "groups of pictures are trained on and tested on"),
            (False, [" = ".join(group) for group in self.doubled], "groups of pictures have the same content"),
        ]
        found = sentences(named)
        for name, (most, pictures) in self.largest.items():
            fewest, few = self.smallest[name]
            if pictures >= UNEVEN * few:
                found.append((False, f"classes to {name} on are uneven: {few:,} pictures of {fewest}, {pictures:,} of {most}"))
        return found


def check_data(
    data: ClassificationData,
    expected: Mapping[str, tuple[int, int]] | None = None,
    open_images: bool = False,
    progress: Progress | None = None,
) -> ClassificationReport:
    """Looks a data set over.

    Args:
        data: the data set.
        expected: split -> how many classes and pictures it should have, such as ``rga.classification.datasets.catalog.EXPECTED[name]``.
        open_images: decode every picture in full.
        progress: told after each decoded picture.

    Raises:
        FileNotFoundError: a picture is gone.
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
    """Pictures that cannot be decoded to their last line, and why."""
    damaged, done, total = [], 0, len(data.train) + len(data.test)
    for split in SPLITS:
        pictures = data.split(split).pictures
        for index in range(len(pictures)):
            try:
                pictures[index]
            except DamagedImageError as error:
                damaged.append(str(error))
            done += 1
            if progress is not None:
                progress(done, total)
    return damaged


def find_doubled(data: ClassificationData) -> list[list[tuple[str, str]]]:
    """Groups of (split, name) of pictures with the same content; only those with the same mark are read."""
    marked: dict[str, list[tuple[str, int]]] = {}
    for split in SPLITS:
        pictures = data.split(split).pictures
        for index in range(len(pictures)):
            marked.setdefault(pictures.mark(index), []).append((split, index))
    doubled: dict[tuple[str, bytes], list[tuple[str, str]]] = {}
    for mark, places in marked.items():
        for split, index in places if len(places) > 1 else ():
            pictures = data.split(split).pictures
            try:
                content = hashlib.sha256(pictures.contents(index)).digest()
            except DamagedImageError:
                continue  # said by those who open all pictures
            doubled.setdefault((mark, content), []).append((split, pictures.name(index)))
    return sorted(group for group in doubled.values() if len(group) > 1)
