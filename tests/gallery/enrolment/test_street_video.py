"""A real video with boxes of 19 people (PETS 2009 S2.L1, as in MOT15), where it is on this machine: nothing of it is in the project."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rga.gallery.crop import Crop
from rga.gallery.enrolment import Detections, EnrolmentOptions, Frame, crops_of
from rga.gallery.enrolment.detectors.mot_file import MotFile

pytest.importorskip("av")


@pytest.fixture
def folder(project: Path) -> Path:
    folder = Path(os.environ.get("RGA_SHARED_DATA", project.parent / "shared" / "data")) / "street-video"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


def test_every_person_is_enrolled_and_no_track_is_of_two(folder: Path) -> None:
    """The true boxes, without a word on whose they are: people 11 and 12 leave and come back, so that 21 tracks are right."""
    truth = MotFile(folder / "gt.txt")

    def nameless(frame: Frame) -> Detections:
        return replace(truth(frame), tracks=None)

    people: dict[int, list[int]] = {}
    for crop in crops_of(folder / "vtest.avi", detector=nameless, options=EnrolmentOptions(every=0.2)):
        assert isinstance(crop, Crop)
        assert crop.frame is not None
        assert crop.track is not None
        known = truth(Frame(crop.image, crop.frame))
        assert known.tracks is not None
        (person,) = known.tracks[(known.boxes == crop.box).all(axis=1)].tolist()
        people.setdefault(crop.track, []).append(person)
    assert len(people) == 21
    assert all(len({*each}) == 1 for each in people.values())
    assert len({each[0] for each in people.values()}) == 19
    assert all(len(each) == 5 for each in people.values())


def test_the_numbers_of_the_file(folder: Path) -> None:
    options = EnrolmentOptions(every=1, tracks="detector", crops_per_track=3)
    found = list(crops_of(folder / "vtest.avi", detector=MotFile(folder / "gt.txt"), options=options))
    assert {crop.track for crop in found if isinstance(crop, Crop)} == set(range(1, 20))
    assert len(found) == 57
