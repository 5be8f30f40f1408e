"""Masks from files, and what is wrong with some."""

from pathlib import Path
from typing import Any

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


BOTH = Classes(("road", "sky"), ((128, 64, 128), (0, 0, 142)), {7: 0, 23: 1, 0: IGNORED}, {(0, 0, 0): IGNORED})


def save(path: Path, values: Any, dtype: Any, mode: str = "") -> Path:
    """Writes one row of pixels."""
    image = Image.fromarray(np.array(values, dtype))
    (image.convert(mode) if mode else image).save(path)
    return path


def test_a_mask_in_the_colours_of_the_classes_is_read(tmp_path: Path) -> None:
    rgb = [[(128, 64, 128), (0, 0, 142), (0, 0, 0)]]
    assert read_mask(save(tmp_path / "a.png", rgb, np.uint8), BOTH).tolist() == [[0, 1, IGNORED]]
    assert read_mask(save(tmp_path / "b.png", rgb, np.uint8, "RGBA"), BOTH).tolist() == [[0, 1, IGNORED]]
    with pytest.raises(
        DataError, match=r"a\.png: it is in colours \(mode RGB\): 3 pixels .* \(#000000, #00008e, #804080\); known .*rga data classes"
    ):
        read_mask(tmp_path / "a.png", Classes(("road", "sky"), ((1, 1, 1), (9, 9, 9)), {7: 0, 23: 1}))
    painted = Classes(BOTH.names, BOTH.colours, {}, {**BOTH.colour_values, (128, 64, 128): 0, (0, 0, 142): 1})
    image = Image.fromarray(np.array([[3, 9, 4]], np.uint8))
    palette = np.zeros((256, 3), np.uint8)
    palette[[3, 9]] = [(128, 64, 128), (0, 0, 142)]
    image.putpalette(palette.ravel().tolist())
    image.save(tmp_path / "palette.png")
    assert read_mask(tmp_path / "palette.png", painted).tolist() == [[0, 1, IGNORED]]
    with pytest.raises(DataError, match="it has numbers of 16 bits, and the classes have colours alone: rga data classes"):
        read_mask(save(tmp_path / "deep.png", [[7, 300]], np.uint16), painted)


def test_grey_masks_that_were_saved_in_colours_are_read_as_numbers(tmp_path: Path) -> None:
    assert read_mask(save(tmp_path / "a.png", [[7, 23, 0]], np.uint8, "RGB"), BOTH).tolist() == [[0, 1, IGNORED]]
    twisted = Classes(("road", "sky"), ((255, 255, 255), (0, 0, 0)), {0: 0, 255: 1})
    with pytest.raises(DataError, match="as numbers it shows other classes than as the colours of the class file; save it with one number"):
        read_mask(save(tmp_path / "b.png", [[0, 255]], np.uint8, "RGB"), twisted)
    assert read_mask(save(tmp_path / "c.png", [[0, 255]], np.uint8), twisted).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("name", "dtype"), [("a.png", np.uint16), ("a.tif", np.uint16), ("a.tif", ">u2"), ("a.tif", np.int32), ("a.tif", np.float32)]
)
def test_masks_of_16_bits_and_more_are_read(tmp_path: Path, name: str, dtype: Any) -> None:
    deep = Classes(("road", "sky"), ((0, 0, 0), (9, 9, 9)), {300: 0, 7: 1})
    assert read_mask(save(tmp_path / name, [[300, 7]], dtype), deep).tolist() == [[0, 1]]
    assert read_mask(save(tmp_path / name, [[7, 23]], dtype), CLASSES).tolist() == [[0, 1]]


def test_masks_that_hold_no_classes_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds numbers that are no whole ones from 0 to 65535 \(mode F\)"):
        read_mask(save(tmp_path / "a.tif", [[0.5, 7]], np.float32), CLASSES)
    with pytest.raises(DataError, match=r"holds numbers that are no whole ones from 0 to 65535 \(mode I\)"):
        read_mask(save(tmp_path / "a.tif", [[-1, 7]], np.int32), CLASSES)
    with pytest.raises(DataError, match=r"has transparent pixels \(mode RGBA\): save it without transparency"):
        read_mask(save(tmp_path / "a.png", [[(7, 7, 7, 0), (7, 7, 7, 255)]], np.uint8), CLASSES)
    with pytest.raises(
        DataError, match="has the mode CMYK: expected one number a pixel, grey or with a palette, or one colour, RGB; save it as"
    ):
        read_mask(save(tmp_path / "a.tif", [[(7, 7, 7)]], np.uint8, "CMYK"), CLASSES)


def test_a_mask_belongs_to_its_image_as_a_viewer_shows_it(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[274] = 6  # a quarter turn
    shown = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    Image.fromarray(np.ascontiguousarray(np.rot90(shown))).save(tmp_path / "a.png", exif=tags)
    Image.fromarray(np.full((6, 4), 7, np.uint8)).save(tmp_path / "mask.png")
    image, labels = read_sample(Sample(tmp_path / "a.png", tmp_path / "mask.png"), CLASSES)
    np.testing.assert_array_equal(np.asarray(image), shown)
    assert labels.shape == (6, 4)
    Image.fromarray(np.full((4, 6), 7, np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"is 6x4, its image .* 4x6; one is turned by its EXIF orientation and the other is not: "):
        read_sample(Sample(tmp_path / "a.png", tmp_path / "mask.png"), CLASSES)
