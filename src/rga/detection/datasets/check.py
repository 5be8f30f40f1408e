"""Checks a detection dataset before it is trained on: what is missing, damaged, doubled or cannot be learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rga.datasets.duplicates import leaks_and_duplicates
from rga.datasets.layout import DataError, relative
from rga.datasets.report import UNOPENED, Finding, compose, sentences, wrong_counts
from rga.datasets.splits import SPLITS, Split
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.samples import DetectionData, Sample, SplitCounts
from rga.detection.datasets.targets import read_checked, read_target, unlearnable
from rga.images.defects import Progress
from rga.images.images import DamagedImageError


@dataclass(frozen=True)
class DetectionReport:
    """What is in a dataset and what is wrong with it."""

    name: str
    """The dataset."""
    root: Path
    """Its folder."""
    fingerprint: str
    """See ``DetectionData.fingerprint``."""
    classes: Categories
    """What is detected."""
    found: Mapping[Split, SplitCounts]
    """Split -> what it holds."""
    expected: Mapping[Split, SplitCounts] | None
    """Split -> what it should hold; None if it is not known."""
    objects: Mapping[Split, Mapping[str, int]]
    """Split -> objects of each category, without crowd regions."""
    leaks: tuple[tuple[str, ...], ...]
    """Groups of images with the same content in different splits."""
    duplicates: tuple[tuple[str, ...], ...]
    """The same within a split."""
    remarks: tuple[str, ...]
    """What should be known about the objects, a sentence each."""
    defects: tuple[str, ...] | None
    """What is wrong with images, a sentence each; None if they were not opened."""

    @property
    def wrong_counts(self) -> tuple[Split, ...]:
        """The splits that do not hold what they should."""
        return wrong_counts(self.found, self.expected)

    @property
    def ok(self) -> bool:
        """Whether results on these data mean what they say: counts are those of the protocol, all can be read, no split leaks."""
        return not (self.wrong_counts or self.defects or self.leaks or self.nothing_to_learn)

    @property
    def nothing_to_learn(self) -> bool:
        """Whether there are images to train on, and no object in them."""
        return bool(self.found["train"].images) and not self.found["train"].objects

    def to_dict(self) -> dict[str, object]:
        """The report as plain values for JSON."""

        def plain(counts: Mapping[Split, SplitCounts]) -> dict[str, dict[str, int]]:
            return {name: {"images": of.images, "annotated": of.annotated, "objects": of.objects} for name, of in counts.items()}

        return {
            "name": self.name,
            "root": str(self.root),
            "fingerprint": self.fingerprint,
            "ok": self.ok,
            "classes": list(self.classes.names),
            "found": plain(self.found),
            "expected": None if self.expected is None else plain(self.expected),
            "wrong_counts": list(self.wrong_counts),
            "objects": {split: dict(counts) for split, counts in self.objects.items()},
            "opened": self.defects is not None,
            "remarks": list(self.remarks),
            "defects": list(self.defects or ()),
            "leaks": [list(group) for group in self.leaks],
            "duplicates": [list(group) for group in self.duplicates],
        }

    def __str__(self) -> str:
        width = max(map(len, self.classes.names))
        table = [f"{'category':<{width}}" + "".join(f" {name:>9}" for name in SPLITS) + "   objects"]
        table += [
            f"{name:<{width}}" + "".join(f" {self.objects[split].get(name, 0):>9,}" for split in SPLITS) for name in self.classes.names
        ]
        return compose(
            self,
            f"{'split':<8} {'images':>9} {'objects':>9}   expected",
            (f"{name:<8} {self.found[name].images:>9,} {self.found[name].objects:>9,}   {self.expectation(name)}" for name in SPLITS),
            table,
            UNOPENED if self.defects is None else "",
        )

    def expectation(self, split: Split) -> str:
        """What a split should hold, in words."""
        counts = (self.expected or {}).get(split)
        if counts is None:
            return ""
        return "as expected" if self.found[split] == counts else f"{counts.images:,} images, {counts.objects:,} objects"

    def findings(self) -> list[Finding]:
        """What was found."""
        named: list[tuple[bool, Sequence[object], str]] = [
            (True, self.wrong_counts, "[split does|splits do] not hold what [it|they] should"),
            (True, self.defects or (), "[image|images] cannot be used"),
            (True, [" = ".join(group) for group in self.leaks], "[image is|images are] in more than one split"),
            (False, [" = ".join(group) for group in self.duplicates], "[group of images has|groups of images have] the same content"),
        ]
        nothing = [(True, "train has no object: nothing can be learnt")] if self.nothing_to_learn else []
        return [*nothing, *sentences(named), *((False, remark) for remark in self.remarks)]


def check_data(
    data: DetectionData,
    expected: Mapping[Split, SplitCounts] | None = None,
    open_images: bool = False,
    progress: Progress | None = None,
) -> DetectionReport:
    """Checks a dataset.

    Args:
        data: the dataset, whose annotations were checked when they were read.
        expected: split -> what it should hold.
        open_images: read every image in full, and draw every mask.
        progress: told after each image that was opened.

    Returns:
        The report; paths in it are relative to the root of the data.

    Raises:
        MissingFileError: a file is gone.
    """
    leaks, duplicates = leaks_and_duplicates({split: [sample.image for sample in data.split(split)] for split in SPLITS}, data.root)
    return DetectionReport(
        name=data.name,
        root=data.root,
        fingerprint=data.fingerprint,
        classes=data.classes,
        found=data.counts,
        expected=expected,
        objects={split: objects_by_name(data.split(split), data.classes) for split in SPLITS},
        leaks=leaks,
        duplicates=duplicates,
        remarks=remarks_on(data),
        defects=tuple(open_all([sample for split in SPLITS for sample in data.split(split)], progress)) if open_images else None,
    )


def objects_by_name(samples: Sequence[Sample], classes: Categories) -> dict[str, int]:
    """Objects of each category, without crowd regions."""
    counts = Counter(each.category for sample in samples for each in sample.told)
    return {name: counts[index] for index, name in enumerate(classes.names)}


def remarks_on(data: DetectionData) -> tuple[str, ...]:
    """What should be known about the objects to train on, a sentence each."""
    objects = [(each, sample) for sample in data.train for each in sample.told]
    why = Counter(reason for each, sample in objects if (reason := unlearnable(each, sample.size)))
    counted = objects_by_name(data.train, data.classes)
    named: list[tuple[bool, Sequence[object], str]] = [
        (False, [name for name, number in counted.items() if not number], "[category has|categories have] no object in train"),
        (
            False,
            [relative(each.image, data.root) for each in data.train if not each.told],
            "[image|images] of train [has|have] no object",
        ),
    ]
    passed = [f"{number:,} of {len(objects):,} objects in train are not trained on: they have {reason}" for reason, number in why.items()]
    return (*(text for _, text in sentences(named)), *passed)


def open_all(samples: Sequence[Sample], progress: Progress | None) -> list[str]:
    """Reads all images and draws all masks; what is wrong, a sentence each."""
    defects = []
    for done, sample in enumerate(samples, start=1):
        try:
            read_checked(sample)
            drawn = len(read_target(sample).boxes)
            expected = sum(not unlearnable(each, sample.size) for each in sample.told)
            if drawn < expected:
                defects.append(f"{sample.image}: the masks of {expected - drawn} objects have no pixel")
        except (DataError, DamagedImageError) as error:
            defects.append(str(error))
        if progress is not None:
            progress(done, len(samples))
    return defects
