"""Cityscapes' layout, and the real files where a machine has them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.datasets.layout import DataError
from rga.segmentation.datasets.cityscapes import CLASSES, read_cityscapes, read_generated
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.datasets.learnable import count_pixels
from rga.segmentation.datasets.masks import read_mask, read_sample
from segmentation.conftest import RealData, WriteImage

TRAIN_IDS = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16,
             32: 17, 33: 18}  # fmt: skip
"""The benchmark's own table."""


def test_splits_and_classes(cityscapes: Path) -> None:
    data = read_cityscapes(cityscapes)
    assert [sample.image.parent.name for sample in data.train] == ["aachen", "bad-honnef"]
    assert [sample.mask.name for sample in data.val if sample.mask] == ["lindau_000003_000019_gtFine_labelIds.png"]
    assert [sample.mask for sample in data.test] == [None]
    assert len(data.classes) == 19
    _, labels = read_sample(data.train[0], data.classes)
    assert labels[0].tolist() == [0, 10, 255, 18] * 2


def test_labels_are_the_benchmarks(cityscapes: Path) -> None:
    classes = read_cityscapes(cityscapes).classes
    assert {value: index for value, index in classes.values.items() if index != IGNORED} == TRAIN_IDS
    assert set(classes.values) == set(range(34))
    assert classes.names[:3] == ("road", "sidewalk", "building")
    assert classes.colours[13] == (0, 0, 142)
    assert classes.encode(np.array([[13]], np.uint8)).tolist() == [[26]]


def test_generated_street_scenes_have_eight_of_the_classes(cityscapes: Path) -> None:
    classes = read_generated(cityscapes).classes
    assert classes.names == ("road", "sidewalk", "building", "pole", "vegetation", "sky", "person", "car")
    assert classes.decode(np.array([[33, 26, 0]], np.uint8)).tolist() == [[255, 7, 255]]
    assert [CLASSES[label][1] for label in (7, 26)] == [classes.colours[0], classes.colours[7]]


def test_a_part_of_it_will_do(cityscapes: Path) -> None:
    for split in ("val", "test"):
        for kind in ("leftImg8bit", "gtFine"):
            (cityscapes / kind / split).rename(cityscapes / f"{kind}-{split}")
    data = read_cityscapes(cityscapes)
    assert (len(data.train), len(data.val), len(data.test)) == (2, 0, 0)


def test_an_image_without_a_mask_is_named_and_a_mask_without_an_image(cityscapes: Path) -> None:
    mask = cityscapes / "gtFine/train/aachen/aachen_000001_000019_gtFine_labelIds.png"
    image = cityscapes / "leftImg8bit/train/aachen/aachen_000001_000019_leftImg8bit.png"
    kept = mask.read_bytes()
    mask.unlink()
    with pytest.raises(DataError, match=rf"image {image} has no mask: expected one named 'aachen/aachen_000001_000019' .* \(1 of 2 lack"):
        read_cityscapes(cityscapes)
    mask.write_bytes(kept)
    image.unlink()
    with pytest.raises(DataError, match=rf"mask {mask} has no image \(1 of 2 lack one\): add the image"):
        read_cityscapes(cityscapes)


def test_other_names_are_refused(cityscapes: Path, write_image: WriteImage) -> None:
    path = write_image(cityscapes / "leftImg8bit/train/aachen/holiday_leftImg8bit.png")
    with pytest.raises(DataError, match=rf"{path}: the file name does not follow CITY_SEQUENCE_FRAME_leftImg8bit.png"):
        read_cityscapes(cityscapes)


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected a folder with leftImg8bit, gtFine.*cityscapes-dataset\.com"):
        read_cityscapes(tmp_path / "nowhere")
    (tmp_path / "leftImg8bit").mkdir()
    with pytest.raises(FileNotFoundError, match="lacks gtFine"):
        read_cityscapes(tmp_path)
    (tmp_path / "gtFine").mkdir()
    with pytest.raises(DataError, match="has no images SPLIT/CITY"):
        read_cityscapes(tmp_path)
    with pytest.raises(DataError, match="rga data make streets DIR"):
        read_generated(tmp_path)


def test_real_masks_agree_with_the_instances_that_the_authors_drew_beside_them(real_data: RealData) -> None:
    data = read_cityscapes(real_data("cityscapes-sample"))
    assert len(data.train) == 3
    for sample in data.train:
        image, labels = read_sample(sample, data.classes)
        assert image.size == (2048, 1024)
        assert sample.mask is not None
        with Image.open(sample.mask.with_name(sample.mask.name.replace("labelIds", "instanceIds"))) as drawn:
            instances = np.asarray(drawn).astype(int)
        label_ids = np.where(instances < 1000, instances, instances // 1000)
        expected = [int((label_ids == label).sum()) for label in TRAIN_IDS]
        assert count_pixels(labels, data.classes).tolist() == [*expected, labels.size - sum(expected)]


def test_the_small_real_mask_agrees_with_the_train_ids_beside_it(real_data: RealData) -> None:
    data = read_cityscapes(real_data("cityscapes-sample") / "tiny_256x128_mmseg")
    (sample,) = data.val
    assert sample.mask is not None
    labels = read_mask(sample.mask, data.classes)
    with Image.open(sample.mask.with_name(sample.mask.name.replace("labelIds", "labelTrainIds"))) as drawn:
        expected = np.asarray(drawn)
    assert labels.shape == (128, 256)
    assert (labels != expected).sum() <= 77  # at borders: the file was made by shrinking
