"""MARS: Zheng, Bie, Sun, Wang, Su, Wang, Tian, "MARS: A Video Benchmark for Large-Scale Person Re-identification", ECCV 2016.

``bbox_train`` and ``bbox_test`` hold a folder an identity with frames such as ``0001C1T0001F001.jpg`` (identity, camera, tracklet, frame).
``info`` holds the protocol: the names of all frames in a row (``train_name.txt``, ``test_name.txt``), tracklets as first and last line,
identity and camera (``tracks_train_info.mat``, ``tracks_test_info.mat``), and which of the latter are queries (``query_IDX.mat``), all
counted from 1. The other tracklets of the test are the gallery. Identity -1 is junk, which is dropped, and 0 a distractor, which stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rga.datasets.layout import DataError, find_home
from rga.ranking.labels import JUNK
from rga.reid.datasets.samples import ReidData, SplitCounts
from rga.reid.datasets.video.matlab import Integers, read_matrix
from rga.reid.datasets.video.tracklet import Tracklet

WHERE = (
    "MARS is given to researchers by its authors: look for 'MARS' on Liang Zheng's home page and unpack bbox_train.zip and bbox_test.zip; "
    "the folder info is in the repository liangzheng06/MARS-evaluation."
)
"""Where the data can be had."""

EXPECTED = {
    "train": SplitCounts(625, 8_298, 6),
    "query": SplitCounts(626, 1_980, 6),
    "gallery": SplitCounts(621, 9_330, 6),  # 10,200 tracklets without those of junk; 622 identities count the distractor
}
"""The protocol's counts, in tracklets."""

NAME = re.compile(r"(?P<identity>\d{4}|00-1)C(?P<camera>\d)T(?P<track>\d{4})F(?P<frame>\d{3})\.jpg", re.IGNORECASE)
FORM = "IDENTITYCcameraTtrackFframe.jpg, as 0001C1T0001F001.jpg"


def read_mars(root: Path) -> ReidData:
    """Reads MARS.

    Args:
        root: the folder with ``bbox_train``, ``bbox_test`` and ``info``, or the one in which it lies as ``MARS``.

    Raises:
        MissingFileError: a folder or a file of the protocol is missing.
        DataError: a frame of the protocol is missing, or a file is not what its format says.
        MissingPackageError: scipy is not installed, which reads the protocol.
    """
    tables = ("train_name.txt", "test_name.txt", "tracks_train_info.mat", "tracks_test_info.mat", "query_IDX.mat")
    home = find_home(root, ("MARS", "mars"), ("bbox_train", "bbox_test", *(f"info/{name}" for name in tables)), WHERE)
    info = home / "info"
    trained = read_matrix(info / "tracks_train_info.mat", "track_train_info", 4)
    tested = read_matrix(info / "tracks_test_info.mat", "track_test_info", 4)
    queries = query_rows(info / "query_IDX.mat", len(tested))
    train = read_tracklets(home / "bbox_train", info / "train_name.txt", trained)
    test = read_tracklets(home / "bbox_test", info / "test_name.txt", tested)
    if wrong := [number for number in sorted(queries) if test[number] is None]:
        raise DataError(f"{info / 'query_IDX.mat'}: tracklet {wrong[0] + 1} is a query and junk ({JUNK})")
    split = [(number in queries, tracklet) for number, tracklet in enumerate(test) if tracklet is not None]
    return ReidData(
        "mars",
        tuple(tracklet for tracklet in train if tracklet is not None),
        tuple(tracklet for queried, tracklet in split if queried),
        tuple(tracklet for queried, tracklet in split if not queried),
        home,
    )


def query_rows(path: Path, tracklets: int) -> set[int]:
    """The rows of the test's tracklets that are queries, from 0.

    Raises:
        DataError: one is there twice or is no row of the test.
    """
    rows = read_matrix(path, "query_IDX").ravel() - 1
    if rows.min() < 0 or rows.max() >= tracklets or len(set(rows.tolist())) < len(rows):
        raise DataError(
            f"{path}: {len(rows):,} queries reach from {rows.min() + 1} to {rows.max() + 1}, {len(set(rows.tolist())):,} different ones; "
            f"expected different ones from 1 to {tracklets}"
        )
    return set(rows.tolist())


def read_tracklets(folder: Path, names: Path, table: Integers) -> list[Tracklet | None]:
    """The tracklets of a table, in its order; None for junk.

    Args:
        folder: of the frames, with a folder an identity.
        names: of all frames, in their order.
        table: first and last line of the names, identity and camera, (tracklets, 4).

    Raises:
        DataError: a line is none, a name does not follow the format or is of another identity or camera, or a frame is not there.
    """
    lines = names.read_text(encoding="utf-8").split()
    firsts, lasts = table[:, 0], table[:, 1]
    if firsts.min() < 1 or lasts.max() > len(lines) or bool(np.any(firsts > lasts)):
        raise DataError(
            f"the tracklets of {folder.name} reach from line {firsts.min()} to {lasts.max()} of {names}, which has {len(lines):,} lines: "
            "the files of the protocol do not belong together, copy them again"
        )
    found = [
        None if identity == JUNK else Tracklet.of(frames_of(folder, lines[first - 1 : last], identity, camera), identity, camera)
        for first, last, identity, camera in table.tolist()
    ]
    check_there(folder, names, [path for tracklet in found if tracklet is not None for path in tracklet.frames])
    return found


def frames_of(folder: Path, names: Sequence[str], identity: int, camera: int) -> list[Path]:
    """The frames of a tracklet.

    Raises:
        DataError: a name does not follow the format, or says another identity or camera than the table.
    """
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            raise DataError(f"{folder.name}: the frame {name} does not follow {FORM}")
        if (match["identity"], match["camera"]) != (f"{identity:04d}", str(camera)):
            raise DataError(f"{folder.name}: the frame {name} is in a tracklet of identity {identity} by camera {camera}")
    return [folder / name[:4] / name for name in names]


def check_there(folder: Path, names: Path, frames: Sequence[Path]) -> None:
    """Raises a DataError if a frame is not there; each folder of an identity is listed once."""
    there = {path for home in {path.parent for path in frames} if home.is_dir() for path in home.iterdir()}
    missing = [path for path in frames if path not in there]
    if missing:
        raise DataError(
            f"{folder} lacks {len(missing):,} of the {len(frames):,} frames of {names.name}, the first is {missing[0]}: unpack it again"
        )
