"""Your own images in folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.reid.datasets.folder import read_folder


@pytest.fixture
def split(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for name in ("train/ann/c1_1.jpg", "train/bob/c2_1.png", "query/cleo/c1_1.JPG", "gallery/cleo/c12_2.jpg", "gallery/zoe/c3_2.jpg"):
        write_image(tmp_path / name)
    (tmp_path / "train" / "ann" / "notes.txt").touch()
    return tmp_path


@pytest.fixture
def unsplit(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for identity in "abcdef":
        for camera in (1, 2):
            for number in (1, 2):
                write_image(tmp_path / identity / f"walk_c{camera}_{number}.jpg")
    return tmp_path


def test_folder_names_are_identities(split: Path) -> None:
    data = read_folder(split)
    assert data.name == split.name
    assert [sample.identity for sample in data.train] == [1, 2]
    assert [sample.identity for sample in data.query] == [3]
    assert [sample.identity for sample in data.gallery] == [3, 4]
    assert not data.has_cameras


def test_file_names_say_the_camera(split: Path) -> None:
    data = read_folder(split, camera=r"c(\d+)")
    assert [sample.camera for sample in (*data.query, *data.gallery)] == [1, 12, 3]
    assert data.has_cameras


def test_a_split_may_be_missing(split: Path) -> None:
    (split / "train").rename(split / "other")
    data = read_folder(split)
    assert not data.train
    assert data.query


def test_half_a_test(split: Path) -> None:
    (split / "gallery").rename(split / "other")
    with pytest.raises(DataError, match="a query and an empty gallery"):
        read_folder(split)


def test_identities_are_split_with_a_seed(unsplit: Path) -> None:
    data = read_folder(unsplit, camera=r"_c(\d)_", test_fraction=1 / 3, seed=3)
    trained, tested = {s.identity for s in data.train}, {s.identity for s in data.query}
    assert (len(trained), len(tested)) == (4, 2)
    assert trained | tested == {1, 2, 3, 4, 5, 6}
    assert (len(data.train), len(data.query), len(data.gallery)) == (16, 4, 4)
    assert data == read_folder(unsplit, camera=r"_c(\d)_", test_fraction=1 / 3, seed=3)
    assert len({read_folder(unsplit, seed=seed).query for seed in range(6)}) > 1


def test_without_cameras_an_identity_is_asked_for_once(unsplit: Path) -> None:
    data = read_folder(unsplit)
    assert (len(data.train), len(data.query), len(data.gallery)) == (12, 3, 9)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_something_stays_on_both_sides(unsplit: Path, fraction: float) -> None:
    data = read_folder(unsplit, test_fraction=fraction)
    assert data.train
    assert data.query


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"camera": r"c\d"}, "has 0 groups"),
        ({"camera": r"(c)(\d)"}, "has 2 groups"),
        ({"camera": r"c(\d"}, "no regular expression"),
        ({"test_fraction": 0.0}, "test_fraction must lie between 0 and 1"),
        ({"test_fraction": 1.0}, "test_fraction must lie between 0 and 1"),
    ],
)
def test_options_out_of_range(unsplit: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_folder(unsplit, **options)  # type: ignore[arg-type]


def test_a_name_without_camera(split: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(split / "query" / "cleo" / "holiday.jpg")
    with pytest.raises(DataError, match=r"holiday\.jpg: no camera number in the file name, looked for 'c\(\\\\d\+\)'"):
        read_folder(split, camera=r"c(\d+)")


def test_an_empty_identity(split: Path) -> None:
    (split / "train" / "nobody").mkdir()
    with pytest.raises(DataError, match=r"no image in .*nobody"):
        read_folder(split)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*ROOT/IDENTITY/\*\.jpg"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="has no folder in it"):
        read_folder(tmp_path)


def test_too_little_to_split(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(tmp_path / "ann" / "1.jpg")
    with pytest.raises(DataError, match="has 1 identity"):
        read_folder(tmp_path)
    write_image(tmp_path / "bob" / "1.jpg")
    with pytest.raises(DataError, match="none of the 1 test identities"):
        read_folder(tmp_path)
