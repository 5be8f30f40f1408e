"""Folders of crops: order, people, cameras, contents, damaged files."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.enrolment.making import write_image
from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError
from rga.gallery.crop import Crop, Unreadable
from rga.gallery.enrolment import EnrolmentOptions, crops_of


def crops(folder: Path, **options: str) -> list[Crop]:
    found = list(crops_of(folder, options=EnrolmentOptions(**options)))  # type: ignore[arg-type]
    assert all(isinstance(each, Crop) for each in found)
    return [each for each in found if isinstance(each, Crop)]


def test_images_at_any_depth_in_natural_order(tmp_path: Path) -> None:
    for value, name in enumerate(("b/9.png", "b/10.png", "a10/1.png", "a2/x/1.PNG", "z.png", "B/8.png")):
        write_image(tmp_path / name, value)
    (tmp_path / "notes.txt").write_text("no image")
    assert [crop.source for crop in crops(tmp_path)] == ["a2/x/1.PNG", "a10/1.png", "B/8.png", "b/9.png", "b/10.png", "z.png"]


def test_a_crop_is_its_file(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (crop,) = crops(tmp_path, camera="gate")
    assert np.array_equal(crop.image, pixels)
    assert crop.content == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert (crop.camera, crop.person, crop.time, crop.frame, crop.box, crop.track) == ("gate", "", None, None, None, None)
    (again,) = crops(tmp_path / "a.png")
    assert (again.content, again.source) == (crop.content, "a.png")


def test_names_of_market1501_say_person_and_camera_and_junk_is_left_out(tmp_path: Path) -> None:
    for name in ("0002_c1s1_000451_03.png", "-1_c3s1_000001_01.png", "0000_c2s1_000001_01.png", "anna_1.png"):
        write_image(tmp_path / name)
    found = {crop.source: (crop.person, crop.camera) for crop in crops(tmp_path, camera="door")}
    assert found == {"0000_c2s1_000001_01.png": ("", "2"), "0002_c1s1_000451_03.png": ("0002", "1"), "anna_1.png": ("", "door")}
    assert {crop.person for crop in crops(tmp_path, people="none")} == {""}
    assert len(crops(tmp_path, people="none")) == 4


def test_folders_say_the_person_when_asked(tmp_path: Path) -> None:
    for name in ("anna/1.png", "anna/monday/2.png", "bert/1.png", "-1/1.png"):
        write_image(tmp_path / name)
    assert [(crop.source, crop.person) for crop in crops(tmp_path, people="folders")] == [
        ("anna/1.png", "anna"),
        ("anna/monday/2.png", "anna"),
        ("bert/1.png", "bert"),
    ]
    write_image(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"beside its folders.*loose\.png"):
        crops_of(tmp_path, options=EnrolmentOptions(people="folders"))


def test_a_damaged_image_is_told_and_the_others_follow(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"no image")
    write_image(tmp_path / "3.png")
    told: list[tuple[int, int]] = []
    found = crops_of(tmp_path, progress=lambda *step: told.append(step))
    first, second, third = found
    assert isinstance(second, Unreadable)
    assert (second.source, second.reason) == ("2.png", "it cannot be read as an image: its format is not known")
    assert isinstance(first, Crop)
    assert isinstance(third, Crop)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_images_are_read_when_their_turn_comes(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png")
    found = crops_of(tmp_path)
    next(found)
    (tmp_path / "1.png").unlink()
    assert next(found) == Unreadable("1.png", "there is no such file")


def test_a_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    try:
        write_image(tmp_path / "caf\udce9.png")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    assert [crop.source for crop in crops(tmp_path)] == ["caf\\xe9.png"]


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no images .* below"):
        crops_of(tmp_path)
    with pytest.raises(MissingFileError, match=r"no file or folder .*nothing"):
        crops_of(tmp_path / "nothing")
    (tmp_path / "a.docx").touch()
    with pytest.raises(InputError, match=r"ends in '\.docx': expected a folder of images"):
        crops_of(tmp_path / "a.docx")
