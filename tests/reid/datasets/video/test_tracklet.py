"""Tracklets as samples: what they hold, what is refused, and what a dataset of them counts and remembers."""

from dataclasses import replace
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.reid.datasets.check import check_data
from rga.reid.datasets.joining import join
from rga.reid.datasets.samples import ReidData, Sample, validation_split
from rga.reid.datasets.video.tracklet import Tracklet

from .walked import write_tracklet


def tracklet(root: Path, identity: int, camera: int, frames: int = 3, track: int = 1) -> Tracklet:
    folder = root / f"{identity}" / f"{camera}" / f"{track}"
    return Tracklet.of(write_tracklet(folder, frames, [identity, camera, track]), identity, camera)


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    """Two people to train on, one to test on."""
    train = tuple(tracklet(tmp_path, identity, camera) for identity in (1, 2) for camera in (1, 2))
    return ReidData("walks", train, (tracklet(tmp_path, 3, 1),), (tracklet(tmp_path, 3, 2),), tmp_path)


def test_the_middle_frame_stands_for_a_tracklet() -> None:
    frames = [Path(f"{number}.jpg") for number in range(4)]
    made = Tracklet.of(frames, 7, 2)
    assert (made.path, made.files, made.is_tracklet) == (Path("1.jpg"), tuple(frames), True)
    assert (made.identity, made.camera, made.domain) == (7, 2, 0)
    assert Tracklet.of(frames[:1], 7, None).path == Path("0.jpg")
    sample = Sample(Path("0.jpg"), 7, 2)
    assert (sample.files, sample.is_tracklet) == ((Path("0.jpg"),), False)
    assert replace(made, identity=3).files == tuple(frames)


def test_wrong_tracklets_are_refused() -> None:
    with pytest.raises(DataError, match="a tracklet of identity 7 by camera 2 has no frame"):
        Tracklet.of([], 7, 2)
    with pytest.raises(DataError, match="a tracklet of identity 7 by camera 2 is wrong: it has no frame"):
        Tracklet(Path("a.jpg"), 7, 2)
    with pytest.raises(DataError, match=r"has the frame a\.jpg twice"):
        Tracklet.of([Path("a.jpg"), Path("a.jpg")], 7, 2)
    with pytest.raises(DataError, match=r"b\.jpg is none of its 1 frames"):
        Tracklet(Path("b.jpg"), 7, 2, frames=(Path("a.jpg"),))


def test_a_dataset_counts_tracklets_and_checks_all_their_frames(data: ReidData) -> None:
    assert (data.is_video, data.unit, data.counts["train"].images, data.counts["train"].cameras) == (True, "tracklets", 4, 2)
    text = str(check_data(data, open_images=True))
    assert "tracklets" in text
    first = data.train[0].files[0]
    data.gallery[0].files[2].write_bytes(first.read_bytes())
    assert any("1/1/1/001.jpg" in group and "3/2/1/003.jpg" in group for group in check_data(data).leaked)
    first.write_bytes(b"no image")
    assert [path for path, _ in check_data(data, open_images=True).damaged] == ["1/1/1/001.jpg"]


def test_images_and_tracklets_are_not_mixed(data: ReidData, tmp_path: Path) -> None:
    path = write_tracklet(tmp_path / "images", 1, [9])[0]
    with pytest.raises(DataError, match="has images and tracklets"):
        ReidData("both", (*data.train, Sample(path, 9, 1)), data.query, data.gallery, tmp_path)


def test_a_frame_belongs_to_one_tracklet_and_one_person(data: ReidData) -> None:
    shared = Tracklet.of([*data.train[0].files, data.train[1].files[0]], 1, 1)
    with pytest.raises(DataError, match=r"train holds 1/2/1/001\.jpg twice"):
        replace(data, train=(shared, *data.train[1:]))
    stolen = Tracklet.of([*data.gallery[0].files, data.train[0].files[0]], 3, 2)
    with pytest.raises(DataError, match=r"1/1/1/001\.jpg is in two splits, as identity 1 by camera 1 and as identity 3 by camera 2"):
        replace(data, gallery=(stolen,))


def test_the_fingerprint_knows_every_frame_and_which_tracklet_has_it(data: ReidData) -> None:
    before = data.fingerprint
    assert replace(data).fingerprint == before
    frames = data.train[0].files
    cut = replace(data, train=(Tracklet.of(frames[:2], 1, 1), *data.train[1:]))
    parted = replace(data, train=(Tracklet.of(frames[:2], 1, 1), Tracklet.of(frames[2:], 1, 1), *data.train[1:]))
    assert len({before, cut.fingerprint, parted.fingerprint}) == 3


def test_tracklets_are_joined_and_held_out_as_images_are(data: ReidData, tmp_path: Path) -> None:
    held = validation_split(data, 1, seed=0)
    assert (len(held.train), len(held.query), len(held.gallery), held.is_video) == (2, 1, 1, True)
    other = ReidData("other", (tracklet(tmp_path / "other", 1, 1),), (), (), tmp_path)
    joined = join("both", data, other)
    assert joined.is_video
    assert sorted({sample.identity for sample in joined.train}) == [1, 2, 3]
    shared = Tracklet.of([*other.train[0].files, data.train[0].files[0]], 5, 1)
    with pytest.raises(DataError, match="both train on"):
        join("both", data, ReidData("again", (shared,), (), (), tmp_path))


def test_a_person_of_one_camera_has_nothing_to_find(data: ReidData, tmp_path: Path) -> None:
    alone = replace(data, query=(*data.query, tracklet(tmp_path, 4, 1)), gallery=(*data.gallery, tracklet(tmp_path, 4, 1, track=2)))
    report = check_data(alone)
    assert report.unmatched_queries == ("4/1/1/002.jpg",)
    assert "1 of 2 queries has nothing to find by another camera" in str(report)
