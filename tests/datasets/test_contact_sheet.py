"""Where images and labels lie on a contact sheet."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.datasets.contact_sheet import PAPER, TEXT_HEIGHT, contact_sheet
from rga.errors import InputError

COLOURS = {"red": (200, 0, 0), "blue": (0, 0, 200)}


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    for name, colour in COLOURS.items():
        Image.new("RGB", (5, 7), colour).save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in COLOURS}


def test_images_lie_in_their_cells(paths: dict[str, Path]) -> None:
    sheet = np.asarray(contact_sheet([[paths["red"], None], [None, paths["blue"]]], cell=(10, 6), gap=3))
    assert sheet.shape == (3 + 2 * 13, 3 + 2 * 9, 3)
    expected = np.full_like(sheet, PAPER)
    expected[3:13, 3:9] = COLOURS["red"]
    expected[16:26, 12:18] = COLOURS["blue"]
    assert (sheet == expected).all()


def test_labels_take_room_and_the_images_keep_theirs(paths: dict[str, Path]) -> None:
    rows = [[paths["red"]], [paths["blue"], paths["red"]]]
    plain = contact_sheet(rows, cell=(10, 6))
    assert plain.size == (4 + 2 * 10, 4 + 2 * 14)
    beside = contact_sheet(rows, cell=(10, 6), row_labels=["one", "a longer one"])
    above = contact_sheet(rows, cell=(10, 6), column_labels=["a", "b"])
    assert above.size == (plain.width, plain.height + 4 + TEXT_HEIGHT)
    assert beside.height == plain.height
    assert beside.width > plain.width + 30
    for sheet, corner in ((above, (4, 8 + TEXT_HEIGHT)), (beside, (beside.width - plain.width + 4, 4))):
        assert sheet.getpixel(corner) == COLOURS["red"]
        assert sheet.getpixel((corner[0], corner[1] + 14)) == COLOURS["blue"]
        assert sheet.getpixel((corner[0] + 10, corner[1])) == PAPER
    assert (np.asarray(beside)[:, 4 : beside.width - plain.width] != PAPER).any()
    assert (np.asarray(above)[4 : 4 + TEXT_HEIGHT] != PAPER).any()


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([], {}, "there are no images for a contact sheet"),
        ([[]], {}, "there are no images for a contact sheet"),
        ([[None]], {"row_labels": ["a", "b"]}, "got 2 row labels for 1 rows: expected none, or one each"),
        ([[None], [None, None]], {"column_labels": ["a"]}, "got 1 column labels for 2 columns"),
    ],
)
def test_what_cannot_be_laid_out_is_named(rows: list[list[None]], more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        contact_sheet(rows, **more)
