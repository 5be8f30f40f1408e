"""A dataset looked over: what is found, and what the command says."""

import json
import re
import shutil
from pathlib import Path

import pytest

from rga.cli.commands.data import check
from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError
from rga.segmentation.datasets.catalog import CATALOG, EXPECTED, READERS
from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.cityscapes import read_cityscapes
from rga.segmentation.datasets.samples import SplitCounts
from segmentation.conftest import WriteMask

AACHEN = "train/aachen/aachen_000001_000019"


def test_sound_data(cityscapes: Path) -> None:
    told: list[tuple[int, int]] = []
    report = check_data(read_cityscapes(cityscapes), open_images=True, progress=lambda done, of: told.append((done, of)))
    assert report.ok
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert report.pixels("train")["road"] == 24
    assert report.pixels("train")["(ignored)"] == 24
    text = str(report)
    assert re.search(r"road +25\.000% +25\.000%\n", text)
    assert "note     16 classes have no pixel in any mask of train: sidewalk, building, wall, fence, pole and 11 more" in text
    assert text.endswith("ok")
    assert json.loads(json.dumps(report.to_dict()))["pixels"]["val"]["sky"] == 12


def test_without_opening_nothing_is_said_about_pixels(cityscapes: Path) -> None:
    report = check_data(read_cityscapes(cityscapes))
    assert report.ok
    assert report.to_dict()["pixels"] is None
    assert "images were not opened, and 2 masks of train were: --open-images opens all" in str(report)


def test_counts_of_the_protocol(cityscapes: Path) -> None:
    report = check_data(read_cityscapes(cityscapes), EXPECTED["cityscapes"])
    assert not report.ok
    assert report.wrong_counts == ("train", "val", "test")
    assert "train            2         2   2,975 images, 2,975 masks" in str(report)
    right = {"train": SplitCounts(2, 2), "val": SplitCounts(1, 1), "test": SplitCounts(1, 0)}
    assert check_data(read_cityscapes(cityscapes), right).ok  # type: ignore[arg-type]


def test_defects_are_found_and_named(cityscapes: Path, write_mask: WriteMask) -> None:
    write_mask(cityscapes / "gtFine" / f"{AACHEN}_gtFine_labelIds.png", (7, 99))
    write_mask(cityscapes / "gtFine/val/lindau/lindau_000003_000019_gtFine_labelIds.png", (7,), (6, 7))
    (cityscapes / "leftImg8bit/test/bonn/bonn_000004_000019_leftImg8bit.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    report = check_data(read_cityscapes(cityscapes), open_images=True)
    assert not report.ok
    unknown, size, unreadable = report.defects
    assert "values that stand for no class (99)" in unknown
    assert "is 7x6, its image" in size
    assert "bonn_000004_000019_leftImg8bit.png cannot be read as an image" in unreadable
    assert "PROBLEM  3 images or masks cannot be used" in str(report)


def test_images_in_two_splits_are_a_problem_and_doubles_are_not(cityscapes: Path) -> None:
    images = cityscapes / "leftImg8bit"
    shutil.copy(images / f"{AACHEN}_leftImg8bit.png", images / "train/bad-honnef/bad-honnef_000002_000019_leftImg8bit.png")
    report = check_data(read_cityscapes(cityscapes))
    assert report.ok
    assert "note     1 group of images has the same content" in str(report)
    shutil.copy(images / f"{AACHEN}_leftImg8bit.png", images / "val/lindau/lindau_000003_000019_leftImg8bit.png")
    report = check_data(read_cityscapes(cityscapes))
    assert not report.ok
    assert "PROBLEM  1 image is in more than one split: leftImg8bit/train/aachen" in str(report)


def test_the_command(cityscapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(DataSpec("streets", cityscapes), open_images=True, output=tmp_path / "report.json") == 0
    assert json.loads((tmp_path / "report.json").read_text())["ok"]
    assert check(DataSpec("cityscapes", cityscapes), output=tmp_path / "counts.json") == 1
    assert "PROBLEM" in capsys.readouterr().out
    assert json.loads((tmp_path / "counts.json").read_text())["wrong_counts"] == ["train", "val", "test"]
    with pytest.raises(MissingFileError, match=r"no folder .*nowhere"):
        check(DataSpec("streets", tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"unknown dataset 'citscapes': did you mean cityscapes\?"):
        check(DataSpec("citscapes", tmp_path))


@pytest.mark.parametrize("name", READERS)
def test_missing_data_say_what_was_expected_and_where_to_have_it(name: str, tmp_path: Path) -> None:
    where = r"register|SegNet|your own|rga data make streets|host\.robots\.ox\.ac\.uk|sceneparsing\.csail\.mit\.edu"
    with pytest.raises(MissingFileError, match=rf"nowhere: expected a folder with .*({where})"):
        CATALOG.load(name, tmp_path / "nowhere")


def test_unknown_names_and_options(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown dataset 'kitti': choose one of cityscapes, camvid, pascal-voc, ade20k, folder, streets"):
        CATALOG.load("kitti", tmp_path)
    with pytest.raises(ValueError, match="'camvid' has no option 'split': it takes none"):
        CATALOG.load("camvid", tmp_path, split=1)
