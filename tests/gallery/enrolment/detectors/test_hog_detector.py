"""OpenCV's detector of people, on a generated one."""

import importlib.util
import sys

import numpy as np
import pytest

from rga.errors import InputError, MissingPackageError
from rga.gallery.enrolment import Frame
from rga.gallery.enrolment.detectors.hog_detector import HogDetector
from rga.synthetic.people.people import PeopleOptions, world_of

PERSON = 6
"""One whom the detector finds: it was made for photographs."""


def scene() -> Frame:
    world = world_of(PeopleOptions(height=256, width=128, occlusion=0, clutter=0, company=0, company_in_front=0, cut=0))
    shot = np.array(world.shoot(world.rng(9, PERSON), world.walks(PERSON)[0], world.person(PERSON)).image)
    image = np.full((360, 480, 3), shot[:8].mean((0, 1)), dtype=np.uint8)
    image[40:296, 150:278] = shot
    return Frame(image)


def test_a_person_is_found() -> None:
    pytest.importorskip("cv2")
    found = HogDetector(min_score=1.0, height=96)(scene())
    ((left, top, width, height),) = found.boxes.tolist()
    assert 190 < left + width / 2 < 238
    assert 140 < top + height / 2 < 196
    assert 150 < height < 260
    assert found.scores[0] >= 1


def test_small_people_are_looked_for_in_an_enlarged_frame() -> None:
    pytest.importorskip("cv2")
    small = Frame(np.ascontiguousarray(scene().image[::4, ::4]))
    assert len(HogDetector(min_score=0.5, height=96)(small)) == 0
    ((left, _, width, height),) = HogDetector(min_score=0.5, height=32)(small).boxes.tolist()
    assert 45 < left + width / 2 < 62
    assert 30 < height < 70


def test_a_frame_without_room_for_anybody() -> None:
    pytest.importorskip("cv2")
    assert len(HogDetector()(Frame(np.zeros((20, 20, 3), dtype=np.uint8)))) == 0


def test_opencv_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingPackageError, match=r"needs opencv-python-headless, .* pip install 'rga\[hog\]'"):
        HogDetector()


def test_wrong_options() -> None:
    if importlib.util.find_spec("cv2") is None:
        pytest.skip("no OpenCV")
    with pytest.raises(InputError, match="height must be at least 16"):
        HogDetector(height=3)
    with pytest.raises(InputError, match="max_overlap"):
        HogDetector(max_overlap=2)
