"""Checks a dataset before it is trained on: what is missing, damaged, doubled or mislabelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rga.datasets.layout import DataError, relative
from rga.datasets.report import UNOPENED, Finding, compose, sentences
from rga.images.defects import Progress, examples, find_damaged, find_duplicates
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.samples import SPLITS, ReidData, Sample, SplitCounts

NAMED_CAMERA = re.compile(r"((?:^|_|-)(?:c|cam|camera)[_-]?)(\d+)(?!\d)", re.IGNORECASE)
"""How names of files usually say a camera."""

TRAINED_QUERIES = "[query is|queries are] trained on"
"""How images of the query are told that are training images, too."""

MANY = 10
"""More cameras than half of the images are strange from this number on: it may be another number that was read."""


@dataclass(frozen=True)
class DataReport:
    """What is in a dataset and what is wrong with it."""

    name: str
    """The dataset."""
    root: Path
    """Its folder."""
    fingerprint: str
    """See ``ReidData.fingerprint``."""
    has_cameras: bool
    """Whether images by the query's own camera are left out of a test."""
    found: Mapping[str, SplitCounts]
    """Split -> what it holds."""
    expected: Mapping[str, SplitCounts] | None
    """Split -> what it should hold; None if it is not known."""
    opened: bool
    """Whether the images were decoded."""
    damaged: tuple[tuple[str, str], ...]
    """Images that cannot be decoded, and why."""
    overlapping_identities: tuple[int, ...]
    """Identities that are trained on and tested on."""
    trained_queries: tuple[str, ...]
    """Queries that are trained on, the same files."""
    unmatched_queries: tuple[str, ...]
    """Queries with nothing to find in the gallery; they do not count in a test."""
    duplicates: tuple[tuple[str, ...], ...]
    """Groups of different files with the same content."""
    leaked: tuple[tuple[str, ...], ...]
    """Those of which some are trained on and some tested on."""
    contradictory: tuple[tuple[str, ...], ...]
    """Those of several identities in training, or of several identities or cameras in the test, where a query would find itself."""
    notes: tuple[str, ...]
    """What to know of a test that is right in itself, as sentences."""
    single_image_identities: tuple[int, ...]
    """Training identities with one image: no pair of it can be made."""
    unit: str = "images"
    """What is counted: images or tracklets."""

    @property
    def wrong_counts(self) -> tuple[str, ...]:
        """The splits that do not hold what they should."""
        expected = self.expected or {}
        return tuple(name for name, counts in expected.items() if not agrees(self.found[name], counts))

    @property
    def ok(self) -> bool:
        """Whether results on these data mean what they say.

        They do not if counts differ from the protocol, images are damaged, identities or images are trained and tested on, an image has
        several labels, or no query can be found.
        """
        nothing_to_find = 0 < self.found["query"].images == len(self.unmatched_queries)
        wrong = (self.wrong_counts, self.damaged, self.overlapping_identities, self.trained_queries, self.leaked, self.contradictory)
        return not (any(wrong) or nothing_to_find)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values for JSON."""

        def plain(counts: Mapping[str, SplitCounts]) -> dict[str, dict[str, int | None]]:
            return {name: {"identities": c.identities, "images": c.images, "cameras": c.cameras} for name, c in counts.items()}

        return {
            "name": self.name,
            "root": str(self.root),
            "fingerprint": self.fingerprint,
            "ok": self.ok,
            "has_cameras": self.has_cameras,
            "found": plain(self.found),
            "expected": None if self.expected is None else plain(self.expected),
            "wrong_counts": list(self.wrong_counts),
            "opened": self.opened,
            "damaged": [{"path": path, "reason": reason} for path, reason in self.damaged],
            "overlapping_identities": list(self.overlapping_identities),
            "trained_queries": list(self.trained_queries),
            "unmatched_queries": list(self.unmatched_queries),
            "duplicates": [list(group) for group in self.duplicates],
            "leaked": [list(group) for group in self.leaked],
            "contradictory": [list(group) for group in self.contradictory],
            "notes": list(self.notes),
            "single_image_identities": list(self.single_image_identities),
        }

    def __str__(self) -> str:
        rows = [(name, self.found[name]) for name in SPLITS]
        return compose(
            self,
            f"{'split':<8} {'identities':>10} {self.unit:>9} {'cameras':>8}   expected",
            (
                f"{name:<8} {found.identities:>10,} {found.images:>9,} {found.cameras or 'none':>8}   {self.expectation(name)}"
                for name, found in rows
            ),
            unopened="" if self.opened else UNOPENED,
        )

    def expectation(self, split: str) -> str:
        """What a split should hold, in words."""
        counts = (self.expected or {}).get(split)
        if counts is None:
            return ""
        if agrees(self.found[split], counts):
            return "as expected"
        cameras = "" if counts.cameras is None else f", {counts.cameras} cameras"
        return f"{counts.identities:,} identities, {counts.images:,} {self.unit}{cameras}"

    def findings(self) -> list[Finding]:
        """What was found."""
        queries, unmatched = self.found["query"].images, len(self.unmatched_queries)
        by_others = " by another camera" if self.has_cameras else ""
        named: list[tuple[bool, Sequence[object], str]] = [
            (bool(self.wrong_counts), self.wrong_counts, "[split does|splits do] not hold what [it|they] should"),
            (True, [f"{path} ({reason})" for path, reason in self.damaged], "[image|images] cannot be decoded"),
            (True, self.overlapping_identities, "[identity is|identities are] trained on and tested on"),
            (True, self.trained_queries, TRAINED_QUERIES),
            (
                unmatched == queries,
                self.unmatched_queries,
                f"of {queries:,} queries [has|have] nothing to find{by_others} and [does|do] not count",
            ),
            (True, equal(self.leaked), "[image is|images are] trained on and tested on, in files of the same content"),
            (True, equal(self.contradictory), "[image has|images have] several identities or cameras, in files of the same content"),
            (False, equal(self.duplicates), "[group of files has|groups of files have] the same content"),
            (False, self.single_image_identities, f"training [identity has|identities have] a single {self.unit[:-1]}"),
        ]
        return sentences(named) + [(False, text) for text in self.notes]


def equal(groups: Sequence[Sequence[str]]) -> list[str]:
    """Groups of files of the same content, in words."""
    return [" = ".join(group) for group in groups]


def check_data(
    data: ReidData,
    expected: Mapping[str, SplitCounts] | None = None,
    open_images: bool = False,
    progress: Progress | None = None,
) -> DataReport:
    """Checks a dataset.

    Args:
        data: the dataset.
        expected: split -> what it should hold, such as ``rga.reid.datasets.catalog.EXPECTED[name]``.
        open_images: decode every image in full.
        progress: told after each decoded image.

    Returns:
        The report; paths in it are relative to the root of the data.

    Raises:
        FileNotFoundError: an image is gone.
    """
    tested = {sample.identity for sample in data.query} | {sample.identity for sample in data.gallery} - {DISTRACTOR}
    images = Counter(sample.identity for sample in data.train)
    paths = sorted({file for name in SPLITS for sample in data.split(name) for file in sample.files})
    duplicates = find_duplicates(paths)
    leaked, contradictory = judge(data, duplicates)

    def named(groups: Sequence[Sequence[Path]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(relative(path, data.root) for path in group) for group in groups)

    return DataReport(
        name=data.name,
        root=data.root,
        fingerprint=data.fingerprint,
        has_cameras=data.has_cameras,
        found=data.counts,
        expected=expected,
        opened=open_images,
        damaged=tuple((relative(path, data.root), reason) for path, reason in find_damaged(paths, progress)) if open_images else (),
        overlapping_identities=() if data.known_people else tuple(sorted(tested & set(images))),
        trained_queries=tuple(relative(file, data.root) for file in find_trained(data)),
        unmatched_queries=tuple(relative(sample.path, data.root) for sample in find_unmatched(data)),
        duplicates=named(duplicates),
        leaked=named(leaked),
        contradictory=named(contradictory),
        notes=tuple(notes_on(data)),
        single_image_identities=tuple(sorted(identity for identity, number in images.items() if number == 1)),
        unit=data.unit,
    )


def judge(data: ReidData, duplicates: Sequence[Sequence[Path]]) -> tuple[list[Sequence[Path]], list[Sequence[Path]]]:
    """Which files of the same content make results wrong.

    Args:
        data: the dataset.
        duplicates: groups of its files with the same content.

    Returns:
        The groups of which some are trained on and some tested on; and those of several identities in training, or of several identities or
        cameras in the test.
    """
    inside = {name: {file: sample for sample in data.split(name) for file in sample.files} for name in SPLITS}
    tested = inside["query"] | inside["gallery"]
    new = inside["query"] if data.known_people else tested
    leaked = [group for group in duplicates if any(path in inside["train"] for path in group) and any(path in new for path in group)]
    contradictory = []
    for group in duplicates:
        trained_as = {inside["train"][path].identity for path in group if path in inside["train"]}
        tested_as = {(tested[path].identity, tested[path].camera) for path in group if path in tested}
        if max(len(trained_as), len(tested_as)) > 1:
            contradictory.append(group)
    return leaked, contradictory


def find_trained(data: ReidData) -> list[Path]:
    """Files of the query that are trained on, too: what was learnt by heart is found."""
    trained = {file for sample in data.train for file in sample.files}
    return [file for sample in data.query for file in sample.files if file in trained]


def agrees(found: SplitCounts, expected: SplitCounts) -> bool:
    """Whether a split holds what it should; cameras count only where they are said."""
    cameras = expected.cameras is None or found.cameras == expected.cameras
    return cameras and (found.identities, found.images) == (expected.identities, expected.images)


def find_unmatched(data: ReidData) -> list[Sample]:
    """Queries without a gallery image of their identity: by another camera where there are cameras, and in another file where not."""
    if data.has_cameras:
        query, gallery = ([sample.camera for sample in side] for side in (data.query, data.gallery))
    elif data.files is not None:
        query, gallery = (side.tolist() for side in data.files)
    else:
        query, gallery = [None] * len(data.query), [0] * len(data.gallery)
    there: dict[int, set[int | None]] = {}
    for sample, number in zip(data.gallery, gallery, strict=True):
        there.setdefault(sample.identity, set()).add(number)
    return [sample for sample, number in zip(data.query, query, strict=True) if not there.get(sample.identity, set()) - {number}]


def cautions(data: ReidData) -> list[str]:
    """What makes figures on a dataset say something else than they seem to, as sentences."""
    both = {sample.identity for sample in data.train} & {sample.identity for sample in (*data.query, *data.gallery)} - {DISTRACTOR}
    unmatched = [relative(sample.path, data.root) for sample in find_unmatched(data)]
    found: list[tuple[bool, Sequence[object], str]] = [
        (True, [] if data.known_people else sorted(both), "[identity is|identities are] trained on and tested on"),
        (True, [relative(file, data.root) for file in find_trained(data)], TRAINED_QUERIES),
        (True, unmatched, f"of {len(data.query):,} queries [has|have] nothing to find and [does|do] not count"),
    ]
    said = [text for _, text in sentences(found)]
    return [*said, *notes_on(data)]


def notes_on(data: ReidData) -> list[str]:
    """What to know of a test that is right in itself, as sentences."""
    known = "the people of the test are those of the training: the figures say nothing of people who were not trained on"
    return [*([known] if data.known_people else []), *camera_notes(data)]


def camera_notes(data: ReidData) -> list[str]:
    """What to know of the cameras of query and gallery, as sentences."""
    tested = (*data.query, *data.gallery)
    if not tested:
        return []
    if data.has_cameras:
        cameras = {sample.camera for sample in tested}
        strange = len(cameras) > MANY and 2 * len(cameras) > len(tested)
        return [f"{len(cameras):,} cameras in {len(tested):,} images: is it the camera that the names or the table say?"] if strange else []
    said = [NAMED_CAMERA.search(sample.path.stem) for sample in tested]
    hint = ""
    if all(said) and len({match[2] for match in said if match}) > 1:
        first = said[0]
        assert first is not None
        hint = f"; file names such as {tested[0].path.name} seem to say them: in folders, camera={first[1]}(\\d+) reads them"
    return [f"the cameras are not known: images by the query's own camera, which are easily found, count as found{hint}"]


def check_findable(data: ReidData) -> None:
    """Refuses a test in which no query can find anything, before a model is trained or evaluated for it.

    Raises:
        DataError: there is nothing to find; the error says why.
    """
    if not data.query or len(find_unmatched(data)) < len(data.query):
        return
    if not {sample.identity for sample in data.query} & {sample.identity for sample in data.gallery}:
        reason = "the gallery holds none of their identities; compare the identities of both"
    elif data.has_cameras:
        cameras = sorted({sample.camera for sample in (*data.query, *data.gallery) if sample.camera is not None})
        reason = (
            f"the gallery has their identities by their own cameras alone, which do not count (the cameras are {examples(cameras)}); test "
            "on images of several cameras, or read the data without cameras if all are of one"
        )
    else:
        reason = "the gallery holds of their identities only the queries themselves; test on several images of an identity"
    raise DataError(f"none of the {len(data.query):,} queries of {data.name!r} has anything to find: {reason}")
