"""Masks from files, and what is wrong with some."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.datasets.layout import DataError
from rga.images.images import DamagedImageError
from rga.segmentation.datasets.classes import IGNORED, Classes
from rga.segmentation.datasets.masks import read_mask, read_sample
from rga.segmentation.datasets.samples import Sample
from segmentation.conftest import WriteImage, WriteMask

CLASSES = Classes(("road", "sky"), ((0, 0, 0), (9, 9, 9)), {7: 0, 23: 1, 0: IGNORED})


def test_grey_and_palette_masks_are_the_same(tmp_path: Path, write_mask: WriteMask) -> None:
    path = write_mask(tmp_path / "mask.png", (7, 0, 23))
    with Image.open(path) as grey:
        painted = Image.fromarray(np.asarray(grey))
        painted.putpalette([value for index in range(256) for value in (255 - index, index, 7)])
    painted.save(tmp_path / "painted.png")
    with Image.open(tmp_path / "painted.png") as image:
        assert image.mode == "P"
    assert read_mask(path, CLASSES)[0, :3].tolist() == [0, IGNORED, 1]
    assert (read_mask(tmp_path / "painted.png", CLASSES) == read_mask(path, CLASSES)).all()


def test_a_black_and_white_mask(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", Classes(("no", "yes"), ((0, 0, 0),) * 2, {0: 0, 1: 1})).tolist() == [[1, 0]]


def test_a_value_without_a_class_is_named_with_its_file(tmp_path: Path, write_mask: WriteMask) -> None:
    path = write_mask(tmp_path / "mask.png", (7, 42))
    with pytest.raises(DataError, match=rf"mask {path}: 24 pixels .*\(42\); known values are 0, 7, 23; add them to the classes, or fix"):
        read_mask(path, CLASSES)


def test_a_mask_in_colours_is_refused(tmp_path: Path, write_image: WriteImage) -> None:
    with pytest.raises(
        DataError, match=r"it is in colours \(mode RGB\): 48 pixels have colours that stand for no class .*rga data classes"
    ):
        read_mask(write_image(tmp_path / "mask.png"), CLASSES)


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path, write_mask: WriteMask) -> None:
    path = write_mask(tmp_path / "mask.png", (7, 23), (64, 64))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no image at all", b""):
        path.write_bytes(damaged)
        with pytest.raises(DamagedImageError, match=rf"mask {path} cannot be read: .*; replace the file or take it out"):
            read_mask(path, CLASSES)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_mask(path, CLASSES)


def test_a_mask_of_another_size_is_named_with_both_sizes(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> None:
    sample = Sample(write_image(tmp_path / "image.png"), write_mask(tmp_path / "mask.png", (7,), (6, 9)))
    with pytest.raises(DataError, match=rf"mask {sample.mask} is 9x6, its image {sample.image} 8x6"):
        read_sample(sample, CLASSES)
    image, labels = read_sample(Sample(sample.image, write_mask(tmp_path / "mask.png", (7,))), CLASSES)
    assert (image.size, image.mode, labels.shape) == ((8, 6), "RGB", (6, 8))


def test_a_sample_without_a_mask_is_named(tmp_path: Path, write_image: WriteImage) -> None:
    with pytest.raises(ValueError, match="has no mask: it can be predicted on"):
        read_sample(Sample(write_image(tmp_path / "image.png"), None), CLASSES)
