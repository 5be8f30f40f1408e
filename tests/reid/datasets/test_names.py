"""Images in one folder, whose names begin with the person."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError
from rga.reid.datasets.catalog import CATALOG

WriteImage = Callable[[Path], Path]
FOUR = ("anna", "bert", "carl", "dora")


@pytest.fixture
def folk(tmp_path: Path, write_image: WriteImage) -> Path:
    """Three images of each of four people, and what systems leave behind."""
    for name in FOUR:
        for number, joint in enumerate("_- "):
            write_image(tmp_path / "folk" / f"{name}{joint}{number}.jpg")
    (tmp_path / "folk" / "._anna_0.jpg").write_text("")
    (tmp_path / "folk" / "notes.txt").write_text("")
    return tmp_path / "folk"


def test_people_are_told_by_the_first_word_and_split(folk: Path) -> None:
    data = CATALOG.load("names", folk)
    assert (len(data.train), len(data.query), len(data.gallery)) == (6, 2, 4)
    for sample in (*data.train, *data.query, *data.gallery):
        assert sample.path.name.startswith(FOUR[sample.identity - 1])
        assert sample.camera is None
    assert not {sample.identity for sample in data.train} & {sample.identity for sample in data.query}
    assert {sample.identity for sample in data.query} == {sample.identity for sample in data.gallery}
    assert CATALOG.load("names", folk).query == data.query
    assert len(CATALOG.load("names", folk, test_fraction=0.25).train) == 9


@pytest.mark.parametrize("reader", ["names", "folder"])
def test_people_may_be_known(reader: str, folk: Path, tmp_path: Path, write_image: WriteImage) -> None:
    if reader == "folder":
        for name in FOUR:
            for number in range(3):
                write_image(tmp_path / "folders" / name / f"{number}.jpg")
        folk = tmp_path / "folders"
    data = CATALOG.read(f"{reader}:{folk}?known=true")
    assert (len(data.train), len(data.query), data.gallery) == (8, 4, data.train)
    assert {sample.identity for sample in data.query} == {1, 2, 3, 4}
    assert not {sample.path for sample in data.query} & {sample.path for sample in data.train}
    assert CATALOG.read(f"{reader}:{folk}?known=true&seed=1").query != data.query


def test_known_people_need_a_second_image(tmp_path: Path, write_image: WriteImage) -> None:
    for name in FOUR:
        write_image(tmp_path / "folk" / name / "0.jpg")
    with pytest.raises(DataError, match=r"none of the 4 identities of .*folk has a second image to find"):
        CATALOG.load("folder", tmp_path / "folk", known=True)


def test_other_names_are_read_by_a_pattern(tmp_path: Path, write_image: WriteImage) -> None:
    for number in range(8):
        write_image(tmp_path / "folk" / f"{number:04d}_p{number // 2}_c{number % 2 + 1}.jpg")
    data = CATALOG.read(rf"names:{tmp_path / 'folk'}?identity=_p(\d+)_&camera=_c(\d)")
    assert (len(data.train), len(data.query) + len(data.gallery)) == (4, 4)
    assert data.has_cameras
    with pytest.raises(DataError, match=r"every image in .*folk is of another person by its name .0000 of 0000_p0_c1\.jpg"):
        CATALOG.load("names", tmp_path / "folk")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"identity": "("}, InputError, "identity='\\(' is no regular expression"),
        ({"identity": "a"}, InputError, "identity='a' has 0 groups: expected one, the person"),
        ({"identity": "(x)"}, DataError, "anna 2.jpg: no person in the file name, looked for '\\(x\\)'"),
        ({"camera": r"c(\d)"}, DataError, "no camera number in the file name"),
        ({"test_fraction": 1.0}, InputError, "test_fraction must lie between 0 and 1"),
    ],
)
def test_mistakes_are_named(folk: Path, options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CATALOG.load("names", folk, **options)


def test_a_folder_of_loose_images_is_told_of_this_reader(folk: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"has no folder in it, though 12 images: .* write names:{folk}"):
        CATALOG.load("folder", folk)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no folder in it\. The images are your own"):
        CATALOG.load("folder", tmp_path / "empty")
    with pytest.raises(DataError, match="no image in"):
        CATALOG.load("names", tmp_path / "empty")
    with pytest.raises(MissingFileError, match="no folder"):
        CATALOG.load("names", tmp_path / "nowhere")


def test_images_in_folders_within_it_are_refused(folk: Path, write_image: WriteImage) -> None:
    write_image(folk / "more" / "anna_9.jpg")
    write_image(folk / "more" / "deep" / "anna_8.jpg")
    with pytest.raises(DataError, match=rf"has 2 images in folders within it \(more\).* move them up into .*, or write folder:{folk}"):
        CATALOG.load("names", folk)


def test_names_that_differ_in_case_alone_are_refused(folk: Path, write_image: WriteImage) -> None:
    write_image(folk / "Anna_8.jpg")
    write_image(folk / "Anna_9.jpg")
    with pytest.raises(
        DataError, match=r"Anna and anna differ in case alone: rename one of them, or write case=true if they are not the same"
    ):
        CATALOG.load("names", folk)
    assert {sample.identity for sample in CATALOG.read(f"names:{folk}?case=true&known=true").query} == {1, 2, 3, 4, 5}
