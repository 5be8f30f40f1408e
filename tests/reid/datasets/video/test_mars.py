"""MARS, in its own layout: frames in folders of identities, and the protocol in files of MATLAB and lists of names."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError, MissingPackageError
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.datasets.video.mars import EXPECTED, read_mars

from .walked import write_frame

Track = tuple[int, int, int]
"""Identity, camera, frames."""

TRAIN: tuple[Track, ...] = ((1, 1, 3), (1, 2, 2), (3, 6, 4))
TEST: tuple[Track, ...] = ((-1, 1, 2), (0, 2, 3), (2, 1, 2), (2, 1, 3), (2, 4, 1), (4, 3, 2), (4, 5, 2))
QUERIES = (3, 6)
"""Of ``TEST``, from 1."""


def write_split(root: Path, split: str, tracks: Sequence[Track]) -> None:
    """The frames, their names, and the table of the tracklets."""
    names: list[str] = []
    rows = []
    for number, (identity, camera, frames) in enumerate(tracks, start=1):
        label = "00-1" if identity < 0 else f"{identity:04d}"
        own = [f"{label}C{camera}T{number:04d}F{frame:03d}.jpg" for frame in range(1, frames + 1)]
        for frame, name in enumerate(own):
            write_frame(root / f"bbox_{split}" / label / name, [number, frame])
        rows.append([len(names) + 1, len(names) + frames, identity, camera])
        names += own
    (root / "info").mkdir(exist_ok=True)
    (root / "info" / f"{split}_name.txt").write_text("\n".join(names) + "\n")
    savemat(root / "info" / f"tracks_{split}_info.mat", {f"track_{split}_info": np.array(rows, np.float64)})


@pytest.fixture
def mars(tmp_path: Path) -> Path:
    write_split(tmp_path, "train", TRAIN)
    write_split(tmp_path, "test", TEST)
    savemat(tmp_path / "info" / "query_IDX.mat", {"query_IDX": np.array([QUERIES], np.uint16)})
    return tmp_path


def tracks(samples: Sequence[object]) -> list[tuple[int, int | None, int]]:
    return [(each.identity, each.camera, len(each.files)) for each in samples]  # type: ignore[attr-defined]


def test_tracklets_are_those_of_the_protocol_without_junk(mars: Path) -> None:
    data = read_mars(mars)
    assert isinstance(data, ReidData)
    assert tracks(data.train) == list(TRAIN)
    assert tracks(data.query) == [(2, 1, 2), (4, 3, 2)]
    assert tracks(data.gallery) == [(0, 2, 3), (2, 1, 3), (2, 4, 1), (4, 5, 2)]
    assert [path.relative_to(mars).as_posix() for path in data.query[0].files] == [
        "bbox_test/0002/0002C1T0003F001.jpg",
        "bbox_test/0002/0002C1T0003F002.jpg",
    ]
    assert data.counts["gallery"].identities == 2  # the distractor is nobody


def test_it_is_found_by_its_name_and_its_counts_are_compared(mars: Path) -> None:
    (mars.parent / "above").mkdir()
    mars.rename(mars.parent / "above" / "MARS")
    spec = f"mars:{mars.parent / 'above'}"
    assert CATALOG.read(spec).name == "mars"
    report = CATALOG.check(spec)
    assert str(report).count("8,298 tracklets, 6 cameras") == 1
    assert (EXPECTED["query"].images, report.ok) == (1_980, False)


def test_what_is_missing_is_named(mars: Path) -> None:
    frame = mars / "bbox_test" / "0004" / "0004C5T0007F002.jpg"
    frame.unlink()
    with pytest.raises(DataError, match=r"lacks 1 of the 13 frames of test_name\.txt, the first is .*0004C5T0007F002\.jpg"):
        read_mars(mars)
    (mars / "info" / "query_IDX.mat").unlink()
    with pytest.raises(MissingFileError, match=r"lacks info/query_IDX\.mat"):
        read_mars(mars)


def test_files_that_do_not_belong_together_are_refused(mars: Path) -> None:
    info = mars / "info"
    lines = (info / "test_name.txt").read_text().split()
    (info / "test_name.txt").write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match=r"reach from line 1 to 15 of .*test_name\.txt, which has 14 lines"):
        read_mars(mars)
    (info / "test_name.txt").write_text("\n".join([*lines[:-1], "0002C1T0003F001.jpg"]))
    with pytest.raises(DataError, match=r"the frame 0002C1T0003F001\.jpg is in a tracklet of identity 4 by camera 5"):
        read_mars(mars)
    (info / "test_name.txt").write_text("\n".join([*lines[:-1], "person.jpg"]))
    with pytest.raises(DataError, match=r"the frame person\.jpg does not follow"):
        read_mars(mars)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([3, 3], "2 queries reach from 3 to 3, 1 different ones"),
        ([3, 8], "expected different ones from 1 to 7"),
        ([1], "is a query and junk"),
    ],
)
def test_wrong_queries_are_refused(mars: Path, queries: list[int], message: str) -> None:
    savemat(mars / "info" / "query_IDX.mat", {"query_IDX": np.array([queries], np.uint16)})
    with pytest.raises(DataError, match=message):
        read_mars(mars)


def test_wrong_matrices_are_refused(mars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mars / "info" / "tracks_train_info.mat"
    for content, message in (
        ({"other": np.ones((1, 4))}, "lacks the matrix track_train_info"),
        ({"track_train_info": np.ones((2, 3))}, "track_train_info is 2 x 3, expected 4 columns"),
        ({"track_train_info": np.full((1, 4), 0.5)}, "does not hold whole numbers"),
    ):
        savemat(path, content)
        with pytest.raises(DataError, match=message):
            read_mars(mars)
    path.write_bytes(b"no file of MATLAB")
    with pytest.raises(DataError, match="is not a MATLAB file of version 5"):
        read_mars(mars)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingPackageError, match=r"needs scipy, which is not installed: pip install 'rga\[video\]'"):
        read_mars(mars)


def test_images_are_no_data_for_a_dataset_without_options(mars: Path) -> None:
    with pytest.raises(InputError, match="has no option 'split'"):
        CATALOG.read(f"mars:{mars}?split=1")
