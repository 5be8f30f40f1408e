"""The image that maps are laid over is the part that the model sees."""

import numpy as np
import pytest
from PIL import Image

from explanation.conftest import Build
from rga.explanation import shown_image
from rga.segmentation.model import SegmentationModel


def half(width: int, height: int) -> Image.Image:
    """Left half red, right half blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 255
    return Image.fromarray(pixels)


def test_reid_resizes_the_whole(build: Build) -> None:
    shown = shown_image(build("reid"), half(100, 60))
    assert shown.size == (32, 64)
    assert shown.getpixel((2, 5)) == (255, 0, 0)
    assert shown.getpixel((29, 60)) == (0, 0, 255)


def test_classification_takes_the_middle(build: Build) -> None:
    shown = shown_image(build("classification"), half(300, 100))
    assert shown.size == (64, 64)
    assert shown.getpixel((10, 10)) == (255, 0, 0)
    assert shown.getpixel((60, 10)) == (0, 0, 255)


def test_segmentation_takes_the_window_in_the_middle_and_pads_it_with_the_mean(build: Build) -> None:
    model = build("segmentation")
    shown = shown_image(model, half(200, 100))
    assert shown.size == (64, 48)  # 40 rows, padded to a multiple of 16
    assert [shown.getpixel((x, 5)) for x in (0, 31, 32, 63)] == [(255, 0, 0), (255, 0, 0), (0, 0, 255), (0, 0, 255)]
    assert shown.getpixel((5, 44)) == tuple(round(255 * each) for each in model.preprocessing.mean)
    assert shown_image(model, half(20, 10)).getpixel((40, 5)) == tuple(round(255 * each) for each in model.preprocessing.mean)


def test_segmentation_of_any_size_takes_the_whole(build: Build) -> None:
    model = build("segmentation", attention_options={"fit": "pool"}, largest_grid=(4, 4))
    assert isinstance(model, SegmentationModel)
    assert shown_image(model, half(100, 70)).size == (112, 80)
    smaller = build("segmentation", attention="none", resolution=0.5)
    assert shown_image(smaller, half(96, 64)).size == (48, 32)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "I;16", "1"])
def test_images_of_every_mode(build: Build, mode: str) -> None:
    image = Image.new(mode, (3, 2)) if mode == "I;16" else half(40, 80).convert(mode)
    assert shown_image(build("reid"), image).size == (32, 64)
