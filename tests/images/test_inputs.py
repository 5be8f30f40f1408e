"""One image or many, in whatever form callers have them: each is taken for what it is, or refused in one sentence."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.images.inputs import NotAnImageError, as_image, as_images

COLOUR = np.random.default_rng(0).integers(0, 256, (60, 24, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]


def pixels(image: Any) -> Any:
    """What an image shows."""
    return np.asarray(as_image(image))


@pytest.mark.parametrize(
    "image",
    [
        COLOUR,
        COLOUR.astype(np.int64),
        COLOUR.astype(">u2") * 257,
        COLOUR.astype(np.uint16) * 257,
        COLOUR / 255,
        (COLOUR / 255).astype(np.float16),
        COLOUR.astype(np.float64),
        np.dstack([COLOUR, np.full((60, 24), 255, np.uint8)]),
        np.asfortranarray(COLOUR),
        COLOUR[::-1][::-1],
        torch.from_numpy(COLOUR).permute(2, 0, 1),
        torch.from_numpy(COLOUR),
        torch.from_numpy(COLOUR).permute(2, 0, 1) / 255,
        (torch.from_numpy(COLOUR).permute(2, 0, 1) / 255).double().requires_grad_(),
        Image.fromarray(COLOUR),
    ],
    ids=lambda image: f"{type(image).__name__} {getattr(image, 'dtype', '')} {getattr(image, 'shape', '')}",
)
def test_one_image_in_any_form(image: Any) -> None:
    np.testing.assert_array_equal(pixels(image), COLOUR)
    (one,) = as_images(image)
    assert one is image


@pytest.mark.parametrize(
    "image",
    [
        GREY,
        GREY[..., None],
        GREY[None],
        GREY / 255,
        torch.from_numpy(GREY.copy()),
        torch.from_numpy(GREY.copy())[None],
        Image.fromarray(GREY),
    ],
)
def test_one_grey_image_in_any_form(image: Any) -> None:
    np.testing.assert_array_equal(pixels(image), np.dstack([GREY] * 3))
    assert len(list(as_images(image))) == 1


def test_truth_values_and_alpha() -> None:
    np.testing.assert_array_equal(pixels(GREY > 99)[..., 0], np.where(GREY > 99, 255, 0))
    np.testing.assert_array_equal(pixels(torch.from_numpy(GREY > 99))[..., 0], np.where(GREY > 99, 255, 0))
    clear = np.dstack([COLOUR, np.where(GREY > 99, 255, 0).astype(np.uint8)])
    np.testing.assert_array_equal(pixels(clear), np.where((GREY > 99)[..., None], COLOUR, 255))
    np.testing.assert_array_equal(pixels(torch.from_numpy(clear).permute(2, 0, 1)), pixels(clear))


def test_many_images_in_any_form(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    batch = np.stack([COLOUR] * 3)
    path = tmp_path / "a.png"
    many: list[tuple[Any, int]] = [
        (batch, 3),
        (torch.from_numpy(batch), 3),
        (torch.from_numpy(batch).permute(0, 3, 1, 2), 3),
        ([COLOUR, path, str(path), Image.fromarray(COLOUR), torch.from_numpy(COLOUR)], 5),
        ((each for each in batch), 3),
        (tmp_path.glob("*.png"), 1),
        (np.array([str(path)] * 2), 2),
        (str(path), 1),
        (path, 1),
        ({path: 1}.keys(), 1),
        ([], 0),
        ((), 0),
        (iter(()), 0),
        (np.zeros((0, 60, 24, 3)), 0),
        (torch.zeros(0, 3, 60, 24), 0),
    ]
    for images, count in many:
        found = [pixels(image) for image in as_images(images)]
        assert len(found) == count
        for each in found:
            np.testing.assert_array_equal(each, COLOUR)
    objects = np.empty(2, object)
    objects[:] = [path, Image.fromarray(COLOUR)]
    assert len(list(as_images(objects))) == 2


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (7, "of the type int is neither an image nor a list of images: an image is"),
        (None, "of the type NoneType is neither"),
        ({"a.jpg": 1}, "of the type dict is neither"),
        (b"\xff\xd8", r"got bytes: open them with PIL\.Image\.open\(io\.BytesIO"),
        (np.zeros((2, 3, 60, 24, 3), np.uint8), r"an array of the shape \(2, 3, 60, 24, 3\) and the type uint8 is neither"),
        (np.float64(3), "neither an image"),
        (np.zeros((10, 60, 24), np.uint8), r"image 0 is an array of the shape \(10, 60, 24\).*; many grey images are \(N, H, W, 1\)"),
        (np.zeros((3, 60, 24), np.uint8), r"image 0 is an array .*; in arrays the channels come last: np\.moveaxis\(array, 0, -1\)"),
        (torch.zeros(5, 60, 24), r"image 0 is a tensor of the shape \(5, 60, 24\)"),
        (np.zeros((60, 24, 2), np.uint8), r"image 0 is an array of the shape \(60, 24, 2\)"),
        ([COLOUR, 7], "image 1 is of the type int"),
        ([[1, 2], [3, 4]], "image 0 is of the type list"),
        ([(COLOUR, 3)], "image 0 is of the type tuple"),
        (np.zeros(5), "image 0 is of the type float64"),
        ({"a.png", "b.png"}, "got a set, which has no order, .*: pass a list, as sorted"),
    ],
)
def test_what_is_no_image_is_refused_in_one_sentence(images: Any, message: str) -> None:
    def look() -> list[Image.Image]:
        return [as_image(image, f"image {index}") for index, image in enumerate(as_images(images))]

    with pytest.raises(NotAnImageError, match=message):
        look()
    assert issubclass(NotAnImageError, TypeError)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            torch.randn(3, 60, 24, generator=torch.Generator().manual_seed(0)),
            r"values run from -.* \(a normalised tensor is for the network",
        ),
        (np.full((4, 4), np.nan), "not finite"),
        (np.full((4, 4, 3), 70000), "values run from 70000 to 70000"),
        (np.zeros((4, 4), complex), "an image holds numbers, got the type complex128"),
        (torch.zeros(3, 4, 4).to_sparse(), "picture: "),
        (torch.zeros(3, 4, 4, device="meta"), "picture: "),
        (np.ma.masked_array(np.zeros((4, 4)), True), "picture: a masked array"),
        (np.zeros((0, 4, 3), np.uint8), r"picture has no pixel: its shape is \(0, 4, 3\)"),
        (Image.new("RGB", (0, 4)), "picture has no pixel: its size is 0x4"),
    ],
)
def test_numbers_that_show_nothing(image: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_image(image, "picture")


def test_files_that_show_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=r"is a folder: pass its images, as sorted\(Path\("):
        as_image(tmp_path)
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    with pytest.raises(DamagedImageError, match=r"cut\.png cannot be read as an image"):
        as_image(Image.open(tmp_path / "cut.png"))
    with (tmp_path / "a.png").open("rb") as file, pytest.raises(NotAnImageError, match="got an open file: pass its path"):
        as_images(file)  # type: ignore[arg-type]


def test_images_are_read_one_after_the_other() -> None:
    drawn = []

    def generate() -> Iterable[Any]:
        for number in range(3):
            drawn.append(number)
            yield COLOUR

    next(as_images(generate()))
    assert drawn == [0]
