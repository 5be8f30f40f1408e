"""PRID-2011: Hirzer, Beleznai, Roth, Bischof, "Person Re-Identification by Descriptive and Discriminative Classification", SCIA 2011.

``multi_shot/cam_a/person_0001/*.png`` and ``cam_b`` hold a sequence of each person; the first 200 numbers are seen by both cameras. The
protocol of Wang et al. (ECCV 2014) takes those of them with sequences of 21 frames or more by both, 178 people, and divides them in two
halves at random, ten times. The splits are not part of the dataset. A file of them is taken where one is named or lies beside the data
(``splits_prid2011.json``, a list of objects with ``train`` and ``test``, names of folders, as torchreid has it); without one they are
drawn from the split's number.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from rga.datasets.layout import DataError, find_home
from rga.errors import InputError, MissingFileError
from rga.reid.datasets.samples import ReidData, SplitCounts
from rga.reid.datasets.video.two_cameras import People, read_people, split_in_two

WHERE = (
    "PRID-2011 is given to researchers by its authors: look for 'PRID 2011' on the home page of the Institute of Computer Graphics and "
    "Vision of Graz University of Technology, and unpack prid_2011.zip."
)
"""Where the data can be had."""

EXPECTED = {"train": SplitCounts(89, 178, 2), "query": SplitCounts(89, 89, 1), "gallery": SplitCounts(89, 89, 1)}
"""The protocol's counts, in tracklets."""

SEEN_BY_BOTH = 200
"""The first so many numbers are the same people under both cameras; others with the same number are not."""

SPLITS = "splits_prid2011.json"


def read_prid2011(root: Path, *, split: int = 0, splits: str | None = None, min_frames: int = 21) -> ReidData:
    """Reads a split of PRID-2011.

    Args:
        root: the folder with ``multi_shot``, or the one in which it lies as ``prid_2011``.
        split: which; without a file of splits it is the seed of one.
        splits: file of splits, from the dataset's folder; by default ``splits_prid2011.json`` there, or beside it.
        min_frames: people with fewer frames by a camera are left out; 21 is the protocol.

    Raises:
        MissingFileError: a folder, or the file of splits that was named, is missing.
        DataError: the file of splits is none, or names people who are not there, or fewer than two people are left.
        InputError: there is no such split, or ``min_frames`` is no count.
    """
    if min_frames < 1 or split < 0:
        raise InputError(f"min_frames must be at least 1 and split at least 0, got min_frames={min_frames} and split={split}")
    home = find_home(root, ("prid_2011",), ("multi_shot/cam_a", "multi_shot/cam_b"), WHERE)
    people = {
        name: both
        for name, both in read_people((home / "multi_shot" / "cam_a", home / "multi_shot" / "cam_b")).items()
        if number_of(name, home) <= SEEN_BY_BOTH and min(len(tracklet.frames) for tracklet in both) >= min_frames
    }
    if len(people) < 2:
        raise DataError(f"{home} has {len(people)} people with {min_frames} frames or more by both cameras: expected two or more")
    file = file_of_splits(root, home, splits)
    train, test = draw_split(people, split) if file is None else read_split(file, split)
    return split_in_two(f"prid2011-{split}", people, train, test, home)


def number_of(name: str, home: Path) -> int:
    """The number of a person's folder, such as person_0001."""
    word, _, number = name.partition("_")
    if word != "person" or not number.isdecimal():
        raise DataError(f"{home / 'multi_shot'}: the folder {name} is not called like a person, as person_0001")
    return int(number)


def file_of_splits(root: Path, home: Path, named: str | None) -> Path | None:
    """The file of splits; None where none was named and none is there."""
    found = next((path for path in (home / (named or SPLITS), root / (named or SPLITS)) if path.is_file()), None)
    if found is None and named is not None:
        raise MissingFileError(f"no file {home / named}: name the file of splits by its path from {home}, or leave splits out")
    return found


def read_split(file: Path, split: int) -> tuple[Sequence[str], Sequence[str]]:
    """The names of a split to train and to test on.

    Raises:
        DataError: the file is none of splits.
        InputError: it has no such split.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is no JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) and {"train", "test"} <= each.keys() for each in found):
        raise DataError(f"{file} is no file of splits: expected a list of objects with train and test, lists of names such as person_0001")
    if split >= len(found):
        raise InputError(f"no split {split} in {file}: choose one of 0 to {len(found) - 1}")
    train, test = ([str(name) for name in found[split][part]] for part in ("train", "test"))
    return train, test


def draw_split(people: People, seed: int) -> tuple[Sequence[str], Sequence[str]]:
    """Two halves of the people at random."""
    names = sorted(people)
    random.Random(seed).shuffle(names)  # noqa: S311  # a split, no secret
    half = len(names) // 2
    return names[half:], names[:half]
