"""Your own images in folders."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.reid.datasets.folder import camera_of, camera_pattern, read_folder
from rga.reid.datasets.samples import ReidData


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
    shutil.rmtree(split / "train")
    data = read_folder(split)
    assert not data.train
    assert data.query


def test_half_a_test(split: Path) -> None:
    (split / "gallery").rename(split / "other")
    with pytest.raises(DataError, match="has train and query, called like splits of a dataset, and other images beside: other"):
        read_folder(split)
    shutil.rmtree(split / "other")
    with pytest.raises(DataError, match="a query and no gallery: add one, or write known=true to search in the training images"):
        read_folder(split)
    data = read_folder(split, known=True)
    assert data.gallery == data.train
    shutil.rmtree(split / "query")
    assert read_folder(split).gallery == ()


@pytest.mark.parametrize(
    "names", [("Train", "Query", "Gallery"), ("training", "probe", "gallery_set"), ("train_images", "queries", "GALLERY")]
)
def test_splits_have_their_usual_names(names: tuple[str, str, str], split: Path) -> None:
    expected = [(name, [sample.identity for sample in read_folder(split).split(name)]) for name in ("train", "query", "gallery")]
    for before, after in zip(("train", "query", "gallery"), names, strict=True):
        (split / before).rename(split / after)
    assert [(name, [sample.identity for sample in read_folder(split).split(name)]) for name in ("train", "query", "gallery")] == expected


@pytest.mark.parametrize("name", ["test", "Val", "validation"])
def test_a_test_folder_is_divided_into_query_and_gallery(name: str, unsplit: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("parts")
    for part, identities in (("train", "abcd"), (name, "ef")):
        for identity in identities:
            shutil.copytree(unsplit / identity, root / part / identity)
    data = read_folder(root, camera=r"_c(\d)_")
    assert {sample.identity for sample in data.train} == {1, 2, 3, 4}
    assert {sample.identity for sample in data.query} == {sample.identity for sample in data.gallery} == {5, 6}
    assert (len(data.train), len(data.query), len(data.gallery)) == (16, 4, 4)
    for path in (root / name).rglob("*_c2_*"):
        path.unlink()
    with pytest.raises(DataError, match=rf"none of the identities in .*{name} has an image by another camera \(the cameras are 1\)"):
        read_folder(root, camera=r"_c(\d)_")
    shutil.copytree(root / name, root / "gallery")
    with pytest.raises(DataError, match="a test is either query and gallery, or one folder that is divided into both"):
        read_folder(root)


def test_people_who_are_called_like_splits_are_people_if_one_says_so(unsplit: Path) -> None:
    (unsplit / "a").rename(unsplit / "Val")
    with pytest.raises(DataError, match=r"has Val, called like a split of a dataset, and other images beside: .* add the option splits=no"):
        read_folder(unsplit)
    assert read_folder(unsplit, splits=False).counts["train"].identities == 3


def test_images_of_nobody_are_not_passed_over(split: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(split / "query" / "loose.jpg")
    with pytest.raises(DataError, match=r"query has images beside its folders, of whom nobody says who they are: loose\.jpg"):
        read_folder(split)


def test_one_more_person_moves_no_other(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    def names(data: ReidData, split: str) -> set[str]:
        return {sample.path.relative_to(tmp_path).as_posix() for sample in data.split(split)}

    for identity in "abcdefghij":
        for number in range(3):
            write_image(tmp_path / identity / f"{number}.jpg")
    before = read_folder(tmp_path, seed=1)
    for number in range(3):
        write_image(tmp_path / "0new" / f"{number}.jpg")
    after = read_folder(tmp_path, seed=1)
    moved = {path.split("/")[0] for path in names(before, "train") & (names(after, "query") | names(after, "gallery"))}
    assert len(moved) <= 1
    both = {path.split("/")[0] for path in names(before, "query")} & {path.split("/")[0] for path in names(after, "query")}
    assert len(both) >= 4
    assert {path for path in names(before, "query") if path[0] in both} <= names(after, "query")


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


@pytest.mark.parametrize(
    ("camera", "name", "says"),
    [
        (r"c(\d)", "walk_c12_1.jpg", r"takes 1, a part of a longer number: write \(\\d\+\) for the whole"),
        (r"(\d)_", "walk_c12_1.jpg", "takes 2, a part of a longer number"),
        (r"c(\d+)", "c1_to_c2.jpg", r"'c\(\\\\d\+\)' finds the cameras 1, 2 in the file name: let it match what stands around"),
        (r"(\d+)", "c1_0001_02.jpg", "finds the cameras 1, 2 in the file name"),
        (r"c(\d+)?", "acd.jpg", "no camera number in the file name"),
        (r"c(\w)", "cx.jpg", "no camera number in the file name"),
        (r"c(\d+)", f"c{'9' * 30}.jpg", "camera is '9*', expected at most 18 digits"),
    ],
)
def test_a_camera_that_is_not_clear(camera: str, name: str, says: str, split: Path, write_image: Callable[[Path], Path]) -> None:
    for path in (split / "train").rglob("*.*"):
        path.unlink()
    write_image(split / "train" / "ann" / name)
    write_image(split / "train" / "bob" / name)
    with pytest.raises(DataError, match=says):
        read_folder(split, camera=camera)


@pytest.mark.parametrize(
    ("camera", "expected"), [(r"c(\d+)", 12), (r"c(\d)\d_", 1), (r"c\d(\d)", 2), (r"(?:^|_)c(\d+)_", 12), (r"\D(\d+)_", 12)]
)
def test_expressions_that_are_clear(camera: str, expected: int) -> None:
    assert camera_of(Path("walk3/c12_1.jpg"), camera_pattern(camera)) == expected


def test_junk_is_left_out_and_is_nobody_to_look_for(split: Path, write_image: Callable[[Path], Path]) -> None:
    before = read_folder(split)
    junk = write_image(split / "gallery" / "-1" / "c1_1.jpg")
    assert [sample.path for sample in read_folder(split).gallery] == [sample.path for sample in before.gallery]
    junk.parent.rename(split / "train" / "-1")
    with pytest.raises(DataError, match=r"train .*c1_1\.jpg has the identity -1"):
        read_folder(split)


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


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    """In two splits, too, where they are one person who is trained and tested on."""
    for split, name in (("train", "Anna"), ("query", "anna"), ("gallery", "anna"), ("gallery", "bert")):
        for number in range(2):
            write_image(tmp_path / split / name / f"{number}.jpg")
    with pytest.raises(DataError, match=r"Anna and anna differ in case alone: rename one of them, or write case=true"):
        read_folder(tmp_path)
    data = read_folder(tmp_path, case=True)
    assert {sample.identity for sample in data.train}.isdisjoint(sample.identity for sample in data.query)
