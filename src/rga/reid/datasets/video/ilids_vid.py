"""iLIDS-VID: Wang, Gong, Zhu, Wang, "Person Re-Identification by Video Ranking", ECCV 2014.

``i-LIDS-VID/sequences/cam1/person001/*.png`` and ``cam2`` hold a sequence of each of 300 people by two cameras of an airport. The matrix
``ls_set`` of ``train-test people splits/train_test_splits_ilidsvid.mat`` has ten splits as rows of numbers of people, counted from 1 in
the order of their folders: the first half is for the test, the other for training. Published figures are means over the ten splits.
"""

from __future__ import annotations

from pathlib import Path

from rga.datasets.layout import DataError, find_home
from rga.errors import InputError
from rga.reid.datasets.samples import ReidData, SplitCounts
from rga.reid.datasets.video.matlab import read_matrix
from rga.reid.datasets.video.two_cameras import read_people, split_in_two

WHERE = (
    "iLIDS-VID is given to researchers by its authors: look for 'iLIDS-VID' on the home page of Shaogang Gong's group at Queen Mary "
    "University of London, and unpack iLIDS-VID.tar."
)
"""Where the data can be had."""

EXPECTED = {"train": SplitCounts(150, 300, 2), "query": SplitCounts(150, 150, 1), "gallery": SplitCounts(150, 150, 1)}
"""The protocol's counts, in tracklets."""

SEQUENCES = "i-LIDS-VID/sequences"
SPLITS = "train-test people splits/train_test_splits_ilidsvid.mat"


def read_ilids_vid(root: Path, *, split: int = 0) -> ReidData:
    """Reads one of the ten splits of iLIDS-VID.

    Args:
        root: the folder with ``i-LIDS-VID`` and ``train-test people splits``, or the one in which it lies as ``iLIDS-VID``.
        split: which, from 0.

    Raises:
        MissingFileError: a folder or the file of splits is missing.
        DataError: the splits do not fit the people who are there, or a folder has no image.
        InputError: there is no such split.
        MissingPackageError: scipy is not installed, which reads the splits.
    """
    home = find_home(root, ("iLIDS-VID", "ilids-vid"), (f"{SEQUENCES}/cam1", f"{SEQUENCES}/cam2", SPLITS), WHERE)
    splits = read_matrix(home / SPLITS, "ls_set")
    if not 0 <= split < len(splits):
        raise InputError(f"no split {split} in {home / SPLITS}: choose one of 0 to {len(splits) - 1}")
    people = read_people((home / SEQUENCES / "cam1", home / SEQUENCES / "cam2"))
    names, numbers = list(people), splits[split].tolist()
    if sorted(numbers) != list(range(1, len(names) + 1)):
        raise DataError(
            f"{home / SPLITS} divides {len(numbers)} people, and {home / SEQUENCES} has {len(names)} whom both cameras see: "
            "unpack the dataset again"
        )
    half = len(numbers) // 2
    test, train = ([names[number - 1] for number in part] for part in (numbers[:half], numbers[half:]))
    return split_in_two(f"ilids-vid-{split}", people, train, test, home)
