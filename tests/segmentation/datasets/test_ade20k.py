"""ADE20K's SceneParsing release, in tiny folders of the real format."""

from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.segmentation.datasets.ade20k import NAMES, read_ade20k
from rga.segmentation.datasets.masks import read_mask, read_sample
from segmentation.conftest import WriteImage, WriteMask


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> Path:
    home = tmp_path / "ADEChallengeData2016"
    for split, code, count in (("training", "train", 2), ("validation", "val", 1)):
        for number in range(1, count + 1):
            write_image(home / f"images/{split}/ADE_{code}_{number:08d}.jpg")
            write_mask(home / f"annotations/{split}/ADE_{code}_{number:08d}.png", (0, 1, 13, 150))
    return tmp_path


def test_zero_is_ignored_and_the_classes_begin_with_one(root: Path) -> None:
    for folder in (root, root / "ADEChallengeData2016"):
        data = read_ade20k(folder)
        assert [len(data.train), len(data.val), len(data.test)] == [2, 1, 0]
    labels = read_sample(data.val[0], data.classes)[1]
    assert labels[0].tolist() == [255, 0, 12, 149] * 2
    assert [data.classes.names[index] for index in labels[0, 1:4]] == ["wall", "person", "flag"]


def test_there_are_150_names(root: Path) -> None:
    assert len(set(NAMES)) == 150
    assert [NAMES[index - 1] for index in (9, 21, 75, 81, 128, 137, 142, 144)] == [
        *("windowpane", "car", "computer", "bus", "bicycle", "traffic light", "crt screen", "monitor")
    ]


def test_missing_parts_are_named(root: Path, write_mask: WriteMask) -> None:
    home = root / "ADEChallengeData2016"
    with pytest.raises(DataError, match=r"no class \(151\)"):
        read_mask(write_mask(root / "mask.png", (1, 151)), read_ade20k(root).classes)
    mask = home / "annotations/training/ADE_train_00000002.png"
    mask.rename(mask.with_name("ADE_train_00000003.png"))
    with pytest.raises(DataError, match=r"ADE_train_00000002\.jpg has no mask: expected one named"):
        read_ade20k(root)
    (home / "images/validation").rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"expected images/training, images/validation, .*sceneparsing"):
        read_ade20k(root)
