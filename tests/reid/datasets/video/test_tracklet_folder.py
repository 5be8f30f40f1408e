"""Tracklets of one's own in folders, and generated ones that are rendered when they are read."""

from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.datasets.video.folder import read_tracklets

from .walked import write_frame, write_tracklet


def write_person(folder: Path, cameras: tuple[str, ...], seed: int, tracks: int = 2) -> None:
    for number, camera in enumerate(cameras):
        for track in range(tracks):
            write_tracklet(folder / camera / f"walk{track}", 2 + track, [seed, number, track])


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    for split, names in (("train", ("anna", "bert")), ("query", ("cora", "dora")), ("gallery", ("cora", "dora", "-1"))):
        for number, name in enumerate(names):
            write_person(tmp_path / split / name, ("door",) if split == "query" else ("hall", "yard"), len(split) + number)
    return tmp_path


def test_splits_are_read_with_one_number_for_a_name(splits: Path) -> None:
    data = read_tracklets(splits)
    assert {each.identity for each in data.train} == {2, 3}  # -1, anna, bert, cora, dora in their order
    assert {each.identity for each in data.query} == {each.identity for each in data.gallery} == {4, 5}
    assert {each.camera for each in data.query} == {1}
    assert {each.camera for each in data.gallery} == {2, 3}
    assert [len(each.files) for each in data.query] == [2, 3, 2, 3]
    assert (data.query[1].path.name, data.counts["gallery"].images) == ("002.jpg", 8)


def test_a_test_is_divided_into_query_and_gallery(splits: Path) -> None:
    (splits / "query").rename(splits / "elsewhere")
    (splits / "gallery").rename(splits / "test")
    for path in (splits / "test" / "-1", splits / "elsewhere"):
        path.rename(splits.parent / path.name)
    data = read_tracklets(splits)
    assert (len(data.query), len(data.gallery), {each.camera for each in data.query}) == (4, 4, {1, 2})
    assert read_tracklets(splits).query == data.query
    write_person(splits / "query" / "cora", ("door",), 1)
    with pytest.raises(DataError, match="a test is either query and gallery"):
        read_tracklets(splits)


def test_people_without_splits_are_split_by_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(("anna", "bert", "cora", "dora")):
        write_person(tmp_path / name, ("1", "2"), number)
    data = CATALOG.read(f"tracklets:{tmp_path}?test_fraction=0.25")
    assert isinstance(data, ReidData)
    assert [len({each.identity for each in part}) for part in (data.train, data.query, data.gallery)] == [3, 1, 1]
    assert data.is_video


def test_wrong_folders_are_refused(splits: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(InputError, match="test_fraction must lie between 0 and 1"):
        read_tracklets(splits, test_fraction=1.0)
    with pytest.raises(MissingFileError, match=r"no folder .*The tracklets are your own: ROOT/IDENTITY/CAMERA/TRACKLET"):
        read_tracklets(splits / "absent")
    person = splits / "train" / "anna"
    loose = write_frame(person / "portrait.jpg", [1])
    with pytest.raises(DataError, match=r"anna has images \(portrait\.jpg\) where folders of cameras are expected"):
        read_tracklets(splits)
    loose.unlink()
    (person / "hall" / "walk0" / "inner").mkdir()
    with pytest.raises(DataError, match="walk0 is a tracklet and has the folders inner in it: expected its frames"):
        read_tracklets(splits)
    (person / "hall" / "walk0" / "inner").rmdir()
    (person / "hall" / "walk9").mkdir()
    with pytest.raises(DataError, match="walk9 is a tracklet and has no image in it"):
        read_tracklets(splits)
    (person / "hall" / "walk9").rmdir()
    (person / "roof").mkdir()
    with pytest.raises(DataError, match="roof has no folder in it: expected tracklets"):
        read_tracklets(splits)


def test_generated_people_are_rendered_when_they_are_read_and_not_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = f"walks:{tmp_path / 'data' / 'walks'}?identities=4&cameras=2&frames=1"
    data = CATALOG.read(spec)
    assert "rendering generated people who walk" in capsys.readouterr().err
    assert [len(part) for part in (data.train, data.query, data.gallery)] == [8, 4, 4]
    times = {path: path.stat().st_mtime_ns for part in (data.train, data.query, data.gallery) for each in part for path in each.files}
    assert CATALOG.read(spec) == data
    assert not capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in times} == times
    with pytest.raises(DataError, match=r"was rendered with other options, as its walks\.json says"):
        CATALOG.read(spec.replace("frames=1", "frames=2"))
    assert CATALOG.read(f"tracklets:{tmp_path / 'data' / 'walks'}").train == data.train
    with pytest.raises(DataError, match=r"has no walks\.json, so these are no generated people"):
        CATALOG.read(f"walks:{tmp_path}")


@pytest.mark.parametrize(("old", "new"), [("gallery/cora", "gallery/Cora"), ("gallery/cora/hall", "gallery/cora/Hall")])
def test_people_and_cameras_that_differ_in_case_alone_are_refused(splits: Path, old: str, new: str) -> None:
    (splits / old).rename(splits / new)
    with pytest.raises(DataError, match=r"(Cora and cora|Hall and hall) differ in case alone"):
        read_tracklets(splits)
    assert len(read_tracklets(splits, case=True).gallery) == 8


def test_frames_are_in_the_order_of_their_numbers(splits: Path) -> None:
    home = splits / "train" / "anna" / "hall" / "walk9"
    for beginning, numbers in (("f_", range(1, 13)), ("", range(98, 103))):
        for number in numbers:
            write_frame(home / f"{beginning}{number}.jpg", [number])
        (found,) = [each for each in read_tracklets(splits).train if each.files[0].parent == home]
        assert [path.stem for path in found.files] == [f"{beginning}{number}" for number in numbers]
        for path in home.iterdir():
            path.unlink()
    for name in ("a2", "a10", "b"):  # which is no order of numbers
        write_frame(home / f"{name}.jpg", [1])
    (found,) = [each for each in read_tracklets(splits).train if each.files[0].parent == home]
    assert [path.stem for path in found.files] == ["a10", "a2", "b"]
