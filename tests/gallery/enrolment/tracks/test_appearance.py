"""Crops that are typical of their track."""

import numpy as np
import pytest

from gallery.enrolment.making import walkers
from rga.gallery.crop import Box
from rga.gallery.enrolment.tracks.appearance import Appearance, colours_of

BOX = Box(0, 0, 40, 80)


def test_the_formula() -> None:
    appearance = Appearance()
    for level in (100, 100, 160):
        appearance.add(colours_of(np.full((90, 50, 3), level, dtype=np.uint8), BOX))
    typical, other = (appearance.typicality(colours_of(np.full((99, 99, 3), level, dtype=np.uint8), BOX)) for level in (100, 160))
    assert typical == pytest.approx(1 / (1 + (20 / 30) ** 2))
    assert other == pytest.approx(1 / (1 + (40 / 30) ** 2))


def test_who_is_half_covered_is_not_typical() -> None:
    person = walkers([(0, 0, 40, 80)])[:80, :40]
    covered = person.copy()
    covered[:40] = (0, 200, 200)
    appearance = Appearance()
    for crop in (covered, *[person] * 9):
        appearance.add(colours_of(crop, BOX))
    assert appearance.typicality(colours_of(person, BOX)) > 2 * appearance.typicality(colours_of(covered, BOX))
