"""The quality of crops: each part of the formula."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from gallery.enrolment.making import walkers
from rga.gallery.crop import Box
from rga.gallery.enrolment.tracks.quality import qualities, quality, sharpness, visibility, wholeness

NOBODY = np.zeros((0, 4))
BOX = Box(60, 20, 40, 80)
SCENE = walkers([BOX])


def test_the_product_of_its_parts() -> None:
    crop = SCENE[20:100, 60:100]
    assert quality(SCENE, BOX, NOBODY) == pytest.approx(sharpness(crop) * 80 / 256)
    half = np.array([[80, 30, 40, 80]], dtype=float)
    assert quality(SCENE, BOX, half) == pytest.approx(sharpness(crop) * 80 / 256 * (1 - 20 * 70 / 3200))
    assert qualities(SCENE, np.array([BOX, half[0]]))[0] == quality(SCENE, BOX, half)
    assert quality(SCENE, Box(500, 0, 9, 9), NOBODY) == 0


def test_blur_lowers_sharpness_and_more_pixels_do_not() -> None:
    crop = SCENE[20:100, 60:100]
    blurred = np.array(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(3)))
    large = np.array(Image.fromarray(crop).resize((160, 320), Image.Resampling.BICUBIC))
    assert 0 < sharpness(blurred) < 0.5 * sharpness(crop) < 0.5
    assert sharpness(large) > 0.9 * sharpness(crop)
    assert 0 <= sharpness(crop[:1, :1]) < 1
    assert sharpness(np.zeros((80, 40, 3), dtype=np.uint8)) == 0


def test_who_is_cut_by_the_edge() -> None:
    assert wholeness(BOX, (120, 200)) == 1
    assert wholeness(Box(0, 20, 40, 80), (120, 200)) == 0.5
    assert wholeness(Box(160, 20, 40, 80), (120, 200)) == 0.5
    assert wholeness(Box(60, 40, 40, 80), (120, 200)) == 0.5
    assert wholeness(Box(60, 0, 40, 80), (120, 200)) == 0.5
    assert wholeness(Box(-10, 20, 40, 80), (120, 200)) == pytest.approx(0.5 * 0.75)


def test_who_is_covered_by_a_nearer_person() -> None:
    assert visibility(BOX, NOBODY) == 1
    assert visibility(BOX, np.array([[60, 19, 40, 80]], dtype=float)) == 1  # who stands farther away
    assert visibility(BOX, np.array([[60, 60, 40, 80], [60, 80, 40, 80]], dtype=float)) == 0.5
