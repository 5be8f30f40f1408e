"""CamVid in SegNet's form."""

from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.segmentation.datasets.camvid import EXPECTED, read_camvid
from rga.segmentation.datasets.learnable import count_pixels
from rga.segmentation.datasets.masks import read_mask, read_sample
from segmentation.conftest import RealData, WriteImage, WriteMask


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> Path:
    for split in ("train", "val", "test"):
        for number in range(2):
            write_image(tmp_path / "CamVid" / split / f"0001TP_00{number}.jpg")
            write_mask(tmp_path / "CamVid" / f"{split}annot" / f"0001TP_00{number}.png", (0, 3, 10, 11))
    return tmp_path


def test_it_is_read_from_its_folder_or_the_one_above(root: Path) -> None:
    for folder in (root, root / "CamVid"):
        data = read_camvid(folder)
        assert [len(data.train), len(data.val), len(data.test)] == [2, 2, 2]
    assert data.classes.names[3] == "road"
    _, labels = read_sample(data.test[1], data.classes)
    assert labels[0].tolist() == [0, 3, 10, 255] * 2


def test_missing_parts_are_named(root: Path) -> None:
    mask = root / "CamVid/testannot/0001TP_001.png"
    mask.rename(mask.with_name("0001TP_002.png"))
    with pytest.raises(DataError, match=r"0001TP_001\.jpg has no mask: expected one named '0001TP_001' in .*testannot"):
        read_camvid(root)
    (root / "CamVid/valannot").rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"expected train, trainannot, .* in it\. CamVid in this form is part of SegNet's tutorial"):
        read_camvid(root)


def test_a_twelfth_class_is_refused(root: Path, write_mask: WriteMask) -> None:
    with pytest.raises(DataError, match=r"no class \(12\); known values are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"):
        read_mask(write_mask(root / "mask.png", (3, 12)), read_camvid(root).classes)


def test_the_real_data_have_all_classes_in_every_split(real_data: RealData) -> None:
    data = read_camvid(real_data("camvid-480x360"))
    assert data.counts == EXPECTED
    for samples in (data.train, data.val, data.test):
        pixels = sum(count_pixels(read_sample(sample, data.classes)[1], data.classes) for sample in samples[::20])
        assert (pixels[[0, 1, 3, 5]] > 0).all()  # type: ignore[index]
