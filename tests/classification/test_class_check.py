"""The check of classification data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classification.conftest import MakeFolders
from rga.classification.datasets.check import check_data
from rga.classification.datasets.folder import read_folder
from rga.classification.datasets.samples import ClassificationData, LabeledImages
from rga.classification.image_sources import PixelImages
from rga.errors import MissingFileError


def test_sound_data_are_ok(data: ClassificationData) -> None:
    report = check_data(data, {"train": (3, 21), "test": (3, 9)}, open_images=True)
    assert report.ok
    assert report.found == {"train": (3, 21), "val": (0, 0), "test": (3, 9)}
    assert (report.wrong_counts, report.damaged, report.leaked, report.doubled) == ((), (), (), ())
    assert report.largest["train"] == ("red", 8)
    assert report.smallest["train"] == ("blue", 6)
    assert f"fingerprint {data.fingerprint}" in str(report)
    assert "train           3         21   as expected" in str(report)
    assert str(report).endswith("\nok")


def test_other_counts_than_the_published_are_a_problem(data: ClassificationData) -> None:
    report = check_data(data, {"train": (3, 21), "test": (10, 10_000)})
    assert not report.ok
    assert report.wrong_counts == ("test",)
    assert "test            3          9   10 classes, 10,000 images" in str(report)
    assert "PROBLEM  1 split does not hold what it should: test" in str(report)
    assert str(report).endswith("damaged ones are not known\nnot ok")


def test_images_that_are_trained_and_tested_on_are_a_problem_and_doubled_ones_a_note(data: ClassificationData) -> None:
    assert isinstance(data.train.images, PixelImages)
    pixels = data.train.images.pixels.copy()
    assert isinstance(data.test.images, PixelImages)
    pixels[4], pixels[9] = pixels[2], data.test.images.pixels[1]
    report = check_data(replace(data, train=LabeledImages(PixelImages(pixels, "train"), data.train.labels)))
    assert report.doubled == (("train/00002", "train/00004"),)
    assert report.leaked == (("train/00009", "test/00001"),)
    assert not report.ok
    assert "PROBLEM  1 group of images is in more than one split: train/00009 = test/00001" in str(report)


def test_the_same_size_or_sum_alone_is_no_double(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path, {"cat": 3, "dog": 3})
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:50].ljust(50, b"\0") + path.name.encode() + path.parent.name.encode())
    assert check_data(read_folder(tmp_path)).doubled == ()


def test_damaged_images_are_found_and_counted(tmp_path: Path, make_folders: MakeFolders) -> None:
    make_folders(tmp_path / "train", {"cat": 2, "dog": 32})
    make_folders(tmp_path / "test", {"cat": 1, "dog": 8})
    broken = tmp_path / "train" / "cat" / "0001.png"
    broken.write_bytes(broken.read_bytes()[:60])
    seen: list[tuple[int, int]] = []
    report = check_data(read_folder(tmp_path), open_images=True, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (43, 43)
    assert len(report.damaged) == 1
    assert "cat/0001.png cannot be read as an image" in report.damaged[0]
    assert not report.ok
    assert "note     classes to train on are uneven: 2 images of cat, 32 of dog" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["damaged"] == list(report.damaged)


def test_a_split_that_is_not_there_is_counted_as_nothing(data: ClassificationData) -> None:
    alone = ClassificationData("colours", data.classes, data.train, data.train.choose(np.zeros(0, dtype=np.int64)), data.root)
    report = check_data(alone)
    assert report.found["test"] == (0, 0)
    assert "test" not in report.largest
    assert report.ok


@pytest.mark.parametrize("open_images", [True, False])
def test_an_image_that_is_gone_is_named(tmp_path: Path, make_folders: MakeFolders, open_images: bool) -> None:
    make_folders(tmp_path, {"cat": 3, "dog": 3})
    data = read_folder(tmp_path)
    (tmp_path / "dog" / "0002.png").unlink()
    with pytest.raises(MissingFileError, match=r"0002\.png is not there, or a link to nothing"):
        check_data(data, open_images=open_images)
