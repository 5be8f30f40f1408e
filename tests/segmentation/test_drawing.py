"""Label maps as images and files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from rga.segmentation.datasets.classes import IGNORED, Classes
from rga.segmentation.drawing import ROW, label_image, legend, overlay, panels, save_confidence, save_labels, save_values

CLASSES = Classes(("road", "sky"), ((128, 64, 128), (70, 130, 180)), {7: 0, 23: 1, 0: IGNORED})
LABELS = np.array([[0, 1, IGNORED]], np.uint8)


def test_colours_are_those_of_the_classes() -> None:
    assert np.asarray(label_image(LABELS, CLASSES)).tolist() == [[[128, 64, 128], [70, 130, 180], [0, 0, 0]]]


def test_an_overlay_mixes_and_leaves_ignored_pixels_alone() -> None:
    mixed = np.asarray(overlay(Image.new("L", (3, 1), 200), LABELS, CLASSES, share=0.5))
    assert mixed.tolist() == [[[164, 132, 164], [135, 165, 190], [200, 200, 200]]]
    with pytest.raises(ValueError, match="the labels are 3x1, their image 4x1"):
        overlay(Image.new("L", (4, 1)), LABELS, CLASSES)


def test_files_hold_indices_or_the_data_sets_values(tmp_path: Path) -> None:
    save_labels(tmp_path / "deep" / "labels.png", LABELS, CLASSES)
    with Image.open(tmp_path / "deep" / "labels.png") as image:
        assert image.mode == "P"
        assert np.asarray(image).tolist() == LABELS.tolist()
        assert np.asarray(image.convert("RGB"))[0, 1].tolist() == [70, 130, 180]
    save_values(tmp_path / "values.png", LABELS, CLASSES)
    with Image.open(tmp_path / "values.png") as image:
        assert (image.mode, np.asarray(image).tolist()) == ("L", [[7, 23, 0]])
    save_confidence(tmp_path / "confidence.png", np.array([[0.0, 0.5, 1.0]], np.float32))
    with Image.open(tmp_path / "confidence.png") as image:
        assert np.asarray(image).tolist() == [[0, 128, 255]]


def test_a_legend_shows_every_colour_and_breaks_its_lines() -> None:
    wide, narrow = legend(CLASSES, 400), legend(CLASSES, 60)
    for image in (wide, narrow):
        assert {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()} >= set(CLASSES.colours)
    assert narrow.height > wide.height


def test_panels_stand_in_rows_below_their_headings() -> None:
    rows = [[Image.new("RGB", (30, 10), (10 * row, 0, column)) for column in range(2)] for row in range(3)]
    sheet = np.asarray(panels(rows, ("scene", "mask"), gap=2))
    assert sheet.shape == (ROW + 3 * 12 - 2, 62, 3)
    for row in range(3):
        for column in range(2):
            assert sheet[ROW + 12 * row + 5, 32 * column + 15].tolist() == [10 * row, 0, column]
    assert len(np.unique(sheet[:ROW])) > 10  # something is written


def test_the_legend_has_a_square_before_each_name() -> None:
    classes = Classes(("road", "sky", "person"), ((200, 0, 0), (0, 200, 0), (0, 0, 200)), {0: 0, 1: 1, 2: 2})
    font = ImageFont.load_default(11)
    sheet = np.asarray(legend(classes, 400))
    assert sheet.shape == (8 + 18, 400, 3)
    left = 6
    for name, colour in zip(classes.names, classes.colours, strict=True):
        assert (sheet[6:18, left : left + 12] == colour).all()
        assert (sheet[6:18, left - 1] == (250, 250, 248)).all()
        left += 16 + round(font.getlength(name)) + 12
    assert np.asarray(legend(classes, 90)).shape[0] > 8 + 18
