"""Market-1501 on a few files with its names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.market1501 import read_market1501

FILES = {
    "bounding_box_train": ["0002_c1s1_000451_03.jpg", "0002_c2s1_000551_01.jpg", "0007_c3s3_077419_03.jpg"],
    "query": ["0001_c1s1_001051_00.jpg"],
    "bounding_box_test": ["-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0001_c2s1_000301_00.jpg", "0001_c6s4_000810_00.jpg.jpg"],
}


@pytest.fixture
def root(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for folder, names in FILES.items():
        for name in names:
            write_image(tmp_path / folder / name)
        (tmp_path / folder / "Thumbs.db").touch()
        (tmp_path / folder / "._0002_c1s1_000451_03.jpg").touch()
    return tmp_path


def test_names_say_identity_and_camera(root: Path) -> None:
    data = read_market1501(root)
    assert data.name == "market1501"
    assert [(sample.identity, sample.camera) for sample in data.train] == [(2, 1), (2, 2), (7, 3)]
    assert [(sample.identity, sample.camera) for sample in data.query] == [(1, 1)]
    assert data.train[0].path == root / "bounding_box_train" / FILES["bounding_box_train"][0]
    assert data.has_cameras


def test_junk_goes_and_distractors_stay(root: Path) -> None:
    gallery = read_market1501(root).gallery
    assert [(sample.identity, sample.camera) for sample in gallery] == [(DISTRACTOR, 1), (1, 2), (1, 6)]


def test_the_folder_above_will_do(root: Path) -> None:
    unpacked = root / "above" / "Market-1501-v15.09.15"
    unpacked.mkdir(parents=True)
    for folder in FILES:
        (root / folder).rename(unpacked / folder)
    assert read_market1501(root / "above").root == unpacked


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*bounding_box_train, query, bounding_box_test.*Liang Zheng"):
        read_market1501(tmp_path / "nowhere")


def test_a_folder_is_missing(root: Path) -> None:
    (root / "query").rename(root / "queries")
    with pytest.raises(FileNotFoundError, match="lacks query: expected bounding_box_train"):
        read_market1501(root)


def test_an_empty_split(root: Path) -> None:
    (root / "query" / FILES["query"][0]).unlink()
    with pytest.raises(DataError, match=r"no image in .*query: expected files \*\.jpg"):
        read_market1501(root)


def test_a_name_that_says_nothing(root: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(root / "query" / "holiday.jpg")
    with pytest.raises(DataError, match=r"holiday\.jpg: the file name does not follow IDENTITY_cCAMERA.*0002_c1s1_000451_03\.jpg"):
        read_market1501(root)
