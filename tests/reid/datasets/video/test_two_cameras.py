"""iLIDS-VID and PRID-2011, in their own layouts: a folder a person under each of two cameras, and splits in two halves."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.datasets.video.ilids_vid import read_ilids_vid
from rga.reid.datasets.video.prid2011 import read_prid2011

from .walked import write_frame, write_tracklet

PEOPLE = ("person001", "person002", "person005", "person319")
SPLITS = [[4, 1, 2, 3], [2, 3, 1, 4]]
"""Numbers of people in the order of their folders; the first half is for the test."""


@pytest.fixture
def ilids(tmp_path: Path) -> Path:
    for camera in ("cam1", "cam2"):
        for number, person in enumerate(PEOPLE):
            for frame in (9, 10, 11):
                name = f"{camera}_{person}_{frame:05d}.png"
                write_frame(tmp_path / "i-LIDS-VID" / "sequences" / camera / person / name, [number, frame, len(name)])
    folder = tmp_path / "train-test people splits"
    folder.mkdir()
    savemat(folder / "train_test_splits_ilidsvid.mat", {"ls_set": np.array(SPLITS, np.uint16)})
    return tmp_path


def people(data: ReidData) -> list[list[str]]:
    """The folders of each split."""
    return [[f"{each.path.parent.parent.name}/{each.path.parent.name}" for each in part] for part in (data.train, data.query, data.gallery)]


def test_a_split_of_ilids_vid(ilids: Path) -> None:
    train, query, gallery = people(read_ilids_vid(ilids))
    assert train == ["cam1/person002", "cam2/person002", "cam1/person005", "cam2/person005"]
    assert (query, gallery) == (["cam1/person001", "cam1/person319"], ["cam2/person001", "cam2/person319"])
    data = CATALOG.read(f"ilids-vid:{ilids}?split=1")
    assert (data.name, people(data)[1]) == ("ilids-vid-1", ["cam1/person002", "cam1/person005"])
    assert [path.name for path in data.query[0].files] == [f"cam1_person002_{frame:05d}.png" for frame in (9, 10, 11)]
    assert [(each.identity, each.camera) for each in (*data.query, *data.gallery)] == [(2, 1), (3, 1), (2, 2), (3, 2)]


def test_wrong_splits_of_ilids_vid(ilids: Path) -> None:
    for split in (2, -1):
        with pytest.raises(InputError, match=f"no split {split} in .*choose one of 0 to 1"):
            read_ilids_vid(ilids, split=split)
    lost = ilids / "i-LIDS-VID" / "sequences" / "cam2" / "person005"
    for path in lost.iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"no image in .*person005"):
        read_ilids_vid(ilids)
    lost.rmdir()
    with pytest.raises(DataError, match=r"divides 4 people, and .* has 3 whom both cameras see"):
        read_ilids_vid(ilids)
    (ilids / "train-test people splits" / "train_test_splits_ilidsvid.mat").unlink()
    with pytest.raises(MissingFileError, match="lacks train-test people splits"):
        read_ilids_vid(ilids)


@pytest.fixture
def prid(tmp_path: Path) -> Path:
    """Six people who are seen by both cameras, one of them for too short; 201 is another person under each camera."""
    for camera, numbers in (("cam_a", (1, 2, 3, 4, 5, 6, 7, 201)), ("cam_b", (1, 2, 3, 4, 5, 6, 201, 300))):
        for number in numbers:
            frames = 2 if (camera, number) == ("cam_b", 4) else 3
            write_tracklet(tmp_path / "multi_shot" / camera / f"person_{number:04d}", frames, [number, len(numbers)], ".png")
    return tmp_path


def test_a_drawn_split_of_prid_2011(prid: Path) -> None:
    """Without a file of splits; people 1, 2, 3, 5 and 6 have frames enough."""
    splits = [people(read_prid2011(prid, split=split, min_frames=3)) for split in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    train, query, gallery = splits[0]
    assert sorted({name.split("/")[1] for name in (*train, *query)}) == [f"person_{number:04d}" for number in (1, 2, 3, 5, 6)]
    assert (len(train), len(query), len(gallery)) == (6, 2, 2)
    assert [name.replace("cam_a", "cam_b") for name in query] == gallery
    with pytest.raises(DataError, match="has 0 people with 21 frames or more by both cameras"):
        read_prid2011(prid)


def test_splits_of_prid_2011_from_a_file(prid: Path) -> None:
    splits = [{"train": ["person_0001", "person_0003"], "test": ["person_0006", "person_0002"]}]
    (prid / "splits_prid2011.json").write_text(json.dumps(splits))
    train, query, _ = people(read_prid2011(prid, min_frames=3))
    assert (train[::2], query) == (["cam_a/person_0001", "cam_a/person_0003"], ["cam_a/person_0002", "cam_a/person_0006"])
    with pytest.raises(InputError, match=r"no split 1 in .*choose one of 0 to 0"):
        read_prid2011(prid, split=1, min_frames=3)
    for content, message in (
        (json.dumps([{"train": ["person_0001", "person_0004"], "test": ["person_0002"]}]), "names person_0004, who are not seen by both"),
        (json.dumps([{"train": ["person_0001"], "test": ["person_0001"]}]), "names person_0001 twice"),
        ('{"train": []}', "is no file of splits"),
        ("[", "is no JSON"),
    ):
        (prid / "own.json").write_text(content)
        with pytest.raises(DataError, match=message):
            CATALOG.read(f"prid2011:{prid}?min_frames=3&splits=own.json")
    with pytest.raises(MissingFileError, match=r"no file .*absent\.json"):
        read_prid2011(prid, splits="absent.json", min_frames=3)
    with pytest.raises(InputError, match="min_frames must be at least 1"):
        read_prid2011(prid, min_frames=0)


def test_folders_of_prid_2011_are_called_like_persons(prid: Path) -> None:
    for camera in ("cam_a", "cam_b"):
        write_tracklet(prid / "multi_shot" / camera / "anna", 3, [1, 2])
    with pytest.raises(DataError, match="the folder anna is not called like a person, as person_0001"):
        read_prid2011(prid, min_frames=3)


def test_cameras_without_anybody_in_common(tmp_path: Path) -> None:
    write_tracklet(tmp_path / "multi_shot" / "cam_a" / "person_0001", 1, [1])
    write_tracklet(tmp_path / "multi_shot" / "cam_b" / "person_0002", 1, [2])
    with pytest.raises(DataError, match=r"no folder is in .*cam_a and in .*cam_b"):
        read_prid2011(tmp_path)
