"""Checks a segmentation dataset before it is trained on: what is missing, damaged, doubled or mislabelled, and what the masks hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rga.datasets.duplicates import leaks_and_duplicates
from rga.datasets.layout import DataError
from rga.datasets.report import Finding, compose, sentences, wrong_counts
from rga.datasets.splits import SPLITS, Split
from rga.images.defects import Progress, find_damaged
from rga.images.images import DamagedImageError
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.datasets.learnable import Examination, count_pixels, examine, one_class, shown
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import Sample, SegmentationData, SplitCounts


@dataclass(frozen=True)
class MaskReport:
    """What the masks of a split hold."""

    pixels: NDArray[np.int64]
    """(classes + 1,): pixels of each class, and of those that are ignored."""
    defects: tuple[str, ...]
    """What is wrong with images or masks, a sentence each."""


@dataclass(frozen=True)
class SegmentationReport:
    """What is in a dataset and what is wrong with it."""

    name: str
    """The dataset."""
    root: Path
    """Its folder."""
    fingerprint: str
    """See ``SegmentationData.fingerprint``."""
    classes: Classes
    """What is told apart."""
    found: Mapping[Split, SplitCounts]
    """Split -> what it holds."""
    expected: Mapping[Split, SplitCounts] | None
    """Split -> what it should hold; None if it is not known."""
    leaks: tuple[tuple[str, ...], ...]
    """Groups of images with the same content in different splits."""
    duplicates: tuple[tuple[str, ...], ...]
    """The same within a split."""
    masks: Mapping[Split, MaskReport] | None
    """Split -> what its masks hold; None if images and masks were not all opened."""
    examined: Examination
    """What some masks of train hold; of all, if they were opened."""
    shown: Mapping[Split, tuple[str, ...]]
    """Split to measure on -> classes in its masks; some, if there are several."""

    @property
    def wrong_counts(self) -> tuple[Split, ...]:
        """The splits that do not hold what they should."""
        return wrong_counts(self.found, self.expected)

    @property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with images or masks, a sentence each."""
        if self.masks is None:
            return self.examined.defects
        return tuple(defect for report in self.masks.values() for defect in report.defects)

    @property
    def untrained(self) -> tuple[str, ...]:
        """Classes that no mask of the training split shows, of those that were opened."""
        return self.examined.absent if self.examined.masks else ()

    @property
    def blind(self) -> tuple[Split, ...]:
        """Splits to measure on in whose masks every pixel is ignored."""
        return tuple(split for split, names in self.shown.items() if not names)

    @property
    def ok(self) -> bool:
        """Whether results on these data mean what they say: counts are those of the protocol, all can be read, no split leaks."""
        return not (self.wrong_counts or self.defects or self.leaks or self.examined.refusal or self.blind)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values for JSON."""

        def plain(counts: Mapping[Split, SplitCounts]) -> dict[str, dict[str, int]]:
            return {name: {"images": found.images, "masks": found.masks} for name, found in counts.items()}

        return {
            "name": self.name,
            "root": str(self.root),
            "fingerprint": self.fingerprint,
            "ok": self.ok,
            "classes": list(self.classes.names),
            "found": plain(self.found),
            "expected": None if self.expected is None else plain(self.expected),
            "wrong_counts": list(self.wrong_counts),
            "opened": self.masks is not None,
            "pixels": None if self.masks is None else {name: self.pixels(name) for name in SPLITS if self.found[name].masks},
            "untrained": list(self.untrained),
            "unlearnable": self.examined.refusal,
            "blind": list(self.blind),
            "remarks": list(self.examined.remarks),
            "defects": list(self.defects),
            "leaks": [list(group) for group in self.leaks],
            "duplicates": [list(group) for group in self.duplicates],
        }

    def pixels(self, split: Split) -> dict[str, int]:
        """Pixels of each class in a split by its name, and of those that are ignored."""
        assert self.masks is not None
        return dict(zip((*self.classes.names, "(ignored)"), self.masks[split].pixels.tolist(), strict=True))

    def __str__(self) -> str:
        found = self.found
        return compose(
            self,
            f"{'split':<8} {'images':>9} {'masks':>9}   expected",
            (f"{name:<8} {found[name].images:>9,} {found[name].masks:>9,}   {self.expectation(name)}" for name in SPLITS),
            [] if self.masks is None else self.table_of_pixels(),
            f"images were not opened, and {self.examined.masks:,} masks of train were: --open-images opens all"
            if self.masks is None
            else "",
        )

    def table_of_pixels(self) -> list[str]:
        """The classes, and the share of the pixels that each has in each split with masks."""
        splits = [name for name in SPLITS if self.found[name].masks]
        pixels = {name: self.pixels(name) for name in splits}
        width = max(len(name) for name in (*self.classes.names, "(ignored)"))
        lines = [f"{'class':<{width}}" + "".join(f" {name:>9}" for name in splits) + "   of the pixels"]
        for name in (*self.classes.names, "(ignored)"):
            shares = [pixels[split][name] / max(1, sum(pixels[split].values())) for split in splits]
            lines.append(f"{name:<{width}}" + "".join(f" {share:>9.3%}" for share in shares))
        return lines

    def expectation(self, split: Split) -> str:
        """What a split should hold, in words."""
        counts = (self.expected or {}).get(split)
        if counts is None:
            return ""
        return "as expected" if self.found[split] == counts else f"{counts.images:,} images, {counts.masks:,} masks"

    def findings(self) -> list[Finding]:
        """What was found."""
        named: list[tuple[bool, Sequence[str], str]] = [
            (True, self.wrong_counts, "[split does|splits do] not hold what [it|they] should"),
            (True, self.defects, "[image or mask|images or masks] cannot be used"),
            (True, [" = ".join(group) for group in self.leaks], "[image is|images are] in more than one split"),
            (False, [" = ".join(group) for group in self.duplicates], "[group of images has|groups of images have] the same content"),
            (True, self.blind, "[split has|splits have] no pixel that counts: all are ignored"),
        ]
        refused = [(True, self.examined.refusal)] if self.examined.refusal else []
        alone = [(False, one_class(split, names[0])) for split, names in self.shown.items() if len(names) == 1 < len(self.classes)]
        return [*refused, *sentences(named), *((False, remark) for remark in self.examined.remarks), *alone]


def check_data(
    data: SegmentationData,
    expected: Mapping[Split, SplitCounts] | None = None,
    open_images: bool = False,
    progress: Progress | None = None,
) -> SegmentationReport:
    """Checks a dataset.

    Args:
        data: the dataset.
        expected: split -> what it should hold, such as ``rga.segmentation.datasets.catalog.EXPECTED[name]``.
        open_images: read every image and mask in full, and count the pixels of each class.
        progress: told after each image that was opened.

    Returns:
        The report; paths in it are relative to the root of the data.

    Raises:
        FileNotFoundError: a file is gone.
    """
    leaks, duplicates = leaks_and_duplicates({split: [sample.image for sample in data.split(split)] for split in SPLITS}, data.root)
    return SegmentationReport(
        name=data.name,
        root=data.root,
        fingerprint=data.fingerprint,
        classes=data.classes,
        found=data.counts,
        expected=expected,
        leaks=leaks,
        duplicates=duplicates,
        masks=open_all(data, progress) if open_images else None,
        examined=examine(data.train, data.classes, whole=open_images),
        shown={split: shown(data.split(split), data.classes) for split in SPLITS if split != "train"},
    )


def open_all(data: SegmentationData, progress: Progress | None) -> dict[Split, MaskReport]:
    """Reads all images and masks."""
    total, done = len(data.train) + len(data.val) + len(data.test), 0

    def count(_done: int, _of: int) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return {split: open_split(data.split(split), data.classes, count) for split in SPLITS}


def open_split(samples: Sequence[Sample], classes: Classes, progress: Progress) -> MaskReport:
    """Reads the images and masks of a split."""
    pixels = np.zeros(len(classes) + 1, np.int64)
    defects: list[str] = []
    for sample in samples:
        if sample.mask is None:
            defects += [f"{path} cannot be read as an image: {reason}" for path, reason in find_damaged([sample.image])]
        else:
            try:
                pixels += count_pixels(read_sample(sample, classes)[1], classes)
            except (DataError, DamagedImageError) as error:
                defects.append(str(error))
        progress(1, len(samples))
    return MaskReport(pixels, tuple(defects))
