"""Images of any kind are read as a viewer shows them, in training and in use alike: each equals the same content in a plain form."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rga.datasets.contact_sheet import contact_sheet
from rga.images.conversion import eight_bits, to_rgb
from rga.images.decoding import read_pixels
from rga.images.defects import decoding_error
from rga.images.images import DamagedImageError, read_image
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.datasets.masks import read_mask

GREY = np.arange(0, 256, 11, dtype=np.uint8).reshape(4, 6)
COLOUR = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
PILLOW = int(PIL.__version__.partition(".")[0])
SIXTEEN = GREY.astype(np.uint16) * 257
"""Of the same brightness with 16 bits."""

ORIENTATION = 274


def same(path: Path, expected: NDArray[Any]) -> None:
    """A file shows an image to those that train, and to those that use a model."""
    rgb = np.broadcast_to(expected[..., None], (*expected.shape, 3)) if expected.ndim == 2 else expected
    np.testing.assert_array_equal(np.asarray(read_image(path)), rgb)
    np.testing.assert_array_equal(read_pixels(path).numpy(), rgb)
    assert decoding_error(path) is None


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("a.png", SIXTEEN),
        ("a.tif", SIXTEEN),
        ("a.tif", SIXTEEN.astype(">u2")),
        ("a.tif", SIXTEEN.astype(np.int32)),
        ("a.tif", GREY.astype(np.int32)),
        ("a.pgm", SIXTEEN),
        ("a.tif", GREY.astype(np.float32)),
        ("a.tif", (GREY / 255).astype(np.float32)),
        ("a.tif", (GREY / 255).astype(">f4")),
        ("a.tif", np.where(GREY == 0, -0.02, GREY / 255).astype(np.float32)),
    ],
)
def test_deep_images_are_scaled(tmp_path: Path, name: str, stored: NDArray[Any]) -> None:
    Image.fromarray(stored).save(tmp_path / name)
    same(tmp_path / name, GREY)


@pytest.mark.parametrize("values", [(-3.0, 1.0), (0.0, 900.0), (0.0, np.nan), (0.0, np.inf), (0.0, 3.0), (-1.0, 1.0)])
def test_floats_on_no_known_scale_are_refused(tmp_path: Path, values: tuple[float, float]) -> None:
    Image.fromarray(np.array([values, values], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DamagedImageError, match=r"a\.tif cannot be read as an image: its? .*(values run from|not finite)"):
        read_image(tmp_path / "a.tif")
    assert "values" in (decoding_error(tmp_path / "a.tif") or "")


def test_whole_numbers_on_no_known_scale_are_refused() -> None:
    for low, high in ((-1, 255), (0, 65536)):
        with pytest.raises(ValueError, match=f"its values run from {low} to {high}: expected whole numbers from 0 to 255 or to 65535"):
            eight_bits(np.array([low, high]))
    with pytest.raises(ValueError, match="an image holds numbers, got the type complex128"):
        eight_bits(np.array([1j]))
    assert eight_bits(np.array([True, False])).tolist() == [255, 0]
    assert eight_bits(np.array([0, 128, 255], np.float64)).tolist() == [0, 128, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_images_are_turned_upright(tmp_path: Path, name: str, orientation: int) -> None:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    lossless: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(COLOUR).save(tmp_path / name, exif=tags, **lossless)
    with Image.open(tmp_path / name) as opened:
        opened.load()
        expected = ImageOps.exif_transpose(opened)
    assert expected.size == ((4, 6) if orientation > 4 else (6, 4))
    same(tmp_path / name, np.asarray(expected.convert("RGB")))
    sheet = contact_sheet([[tmp_path / name]], cell=(expected.height, expected.width), gap=0)
    np.testing.assert_array_equal(np.asarray(sheet), np.asarray(expected.convert("RGB")))
    once = to_rgb(Image.open(tmp_path / name))  # a PIL image in the hands of a caller, who hands it on
    np.testing.assert_array_equal(np.asarray(to_rgb(once)), np.asarray(expected.convert("RGB")))


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("stored", [GREY, SIXTEEN, np.dstack([COLOUR, GREY | 255])])
def test_tiff_files_that_callers_open(tmp_path: Path, stored: NDArray[Any], orientation: int) -> None:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / "a.tif", exif=tags)  # uncompressed
    with Image.open(tmp_path / "a.tif") as opened:
        np.testing.assert_array_equal(np.asarray(to_rgb(opened)), np.asarray(read_image(tmp_path / "a.tif")))
        assert opened.filename == str(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_masks_are_turned_as_their_images(tmp_path: Path, name: str) -> None:
    labels = np.arange(24, dtype=np.uint8).reshape(4, 6) % 3
    tags = Image.Exif()
    tags[ORIENTATION] = 6
    Image.fromarray(labels).save(tmp_path / name, exif=tags)
    classes = numbered(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    np.testing.assert_array_equal(read_mask(tmp_path / name, classes), np.rot90(labels, -1))


def test_orientation_in_xmp(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"></rdf:Description></x:xmpmeta>'
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", xmp=xmp, quality=100, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as opened:
        expected = ImageOps.exif_transpose(opened)
    same(tmp_path / "a.jpg", np.asarray(expected))
    assert not np.array_equal(np.asarray(expected), np.asarray(Image.open(tmp_path / "a.jpg")))


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0"],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_metadata_count_for_nothing(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", exif=exif)
    same(tmp_path / "a.jpg", np.asarray(Image.open(tmp_path / "a.jpg")))


def in_mode(mode: str) -> Callable[[], tuple[Image.Image, NDArray[Any]]]:
    """An image of a mode, and what Pillow makes of it alone."""
    return lambda: (Image.fromarray(COLOUR).convert(mode), np.asarray(Image.fromarray(COLOUR).convert(mode).convert("RGB")))


def transparent() -> tuple[Image.Image, NDArray[Any]]:
    """An image of which one half is clear."""
    alpha = np.where(np.arange(6) < 3, 255, 0).astype(np.uint8)[None].repeat(4, 0)
    return Image.fromarray(np.dstack([COLOUR, alpha])), np.where(alpha[..., None] == 255, COLOUR, 255)


def transparent_grey() -> tuple[Image.Image, NDArray[Any]]:
    """The same in grey with its own alpha."""
    alpha = np.where(np.arange(6) < 3, 255, 0).astype(np.uint8)[None].repeat(4, 0)
    return Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)]), np.where(alpha == 255, GREY, 255)


def transparent_palette() -> tuple[Image.Image, NDArray[Any]]:
    """A palette of which one colour is clear."""
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.info["transparency"] = 1
    return image, np.array([[[10, 20, 30], [255, 255, 255], [70, 80, 90]]], np.uint8)


def transparent_value(values: NDArray[Any], clear: Any, shown: NDArray[Any]) -> Callable[[], tuple[Image.Image, NDArray[Any]]]:
    """An image without alpha of which one value is clear."""

    def make() -> tuple[Image.Image, NDArray[Any]]:
        image = Image.fromarray(values)
        image.info["transparency"] = clear
        return image, shown

    return make


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.png", in_mode("1")),
        ("a.png", in_mode("L")),
        ("a.png", in_mode("P")),
        ("a.gif", in_mode("P")),
        ("a.tif", in_mode("CMYK")),
        pytest.param("a.tif", in_mode("YCbCr"), marks=pytest.mark.skipif(PILLOW < 13, reason="older Pillows cannot read what they write")),
        ("a.tif", in_mode("LAB")),
        ("a.bmp", in_mode("RGB")),
        ("a.png", transparent),
        ("a.webp", transparent),
        ("a.png", transparent_grey),
        ("a.png", transparent_palette),
        ("a.gif", transparent_palette),
        ("a.png", transparent_value(GREY, 11, np.where(GREY == 11, 255, GREY))),
        ("a.png", transparent_value(SIXTEEN, 11 * 257, np.where(GREY == 11, 255, GREY))),
        (
            "a.png",
            transparent_value(
                COLOUR, tuple(COLOUR[0, 0].tolist()), np.where(np.equal(COLOUR, COLOUR[0, 0]).all(2, keepdims=True), 255, COLOUR)
            ),
        ),
    ],
)
def test_all_modes_are_read(tmp_path: Path, name: str, make: Callable[[], tuple[Image.Image, NDArray[Any]]]) -> None:
    image, expected = make()
    options: dict[str, Any] = {"lossless": True, "exact": True} if name == "a.webp" else {}
    if "transparency" in image.info:
        options["transparency"] = image.info["transparency"]
    image.save(tmp_path / name, **options)
    same(tmp_path / name, expected)


def test_inverted_cmyk_of_jpeg_files(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    with Image.open(tmp_path / "a.jpg") as opened:
        same(tmp_path / "a.jpg", np.asarray(opened.convert("RGB")))


def test_what_is_shown_has_no_metadata() -> None:
    stored = io.BytesIO()
    Image.fromarray(COLOUR).save(stored, "PNG", exif=b"Exif\0\0", dpi=(72, 72))
    assert to_rgb(Image.open(stored)).info == {}
