"""Boxes: overlap, suppression, cutting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rga.gallery.crop import Box
from rga.gallery.enrolment.boxes import cut, overlaps, suppress

SIDES = st.tuples(*[st.integers(-5, 12)] * 2, *[st.integers(1, 9)] * 2)


def filled(box: tuple[int, ...]) -> NDArray[np.bool_]:
    """The cells of a grid that a box covers."""
    grid = np.zeros((40, 40), dtype=np.bool_)
    left, top, width, height = box
    grid[top + 10 : top + height + 10, left + 10 : left + width + 10] = True
    return grid


@given(SIDES, SIDES)
def test_overlap_is_that_of_counted_cells(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    one, two = filled(first), filled(second)
    expected = (one & two).sum() / (one | two).sum()
    assert overlaps(np.array([first], dtype=float), np.array([second], dtype=float))[0, 0] == pytest.approx(expected)


def test_of_boxes_around_one_person_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 10, 20], [1, 0, 10, 20], [40, 0, 10, 20], [2, 1, 10, 20]], dtype=float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.4, 0.9]), 0.5).tolist() == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.9, 0.4, 0.9]), 1.0).tolist() == [1, 3, 0, 2]
    assert suppress(boxes[:0], np.zeros(0), 0.5).tolist() == []


def test_a_cut_has_a_margin_ends_at_the_edge_and_is_its_own() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint32).reshape(20, 30, 3).astype(np.uint8)
    part = cut(image, Box(10, 5, 10, 10), margin=0.2)
    assert part is not None
    assert np.array_equal(part, image[3:17, 8:22])
    assert part.base is None
    corner = cut(image, Box(-4, -4, 6, 6))
    assert corner is not None
    assert np.array_equal(corner, image[:2, :2])
    assert cut(image, Box(30, 0, 5, 5)) is None
