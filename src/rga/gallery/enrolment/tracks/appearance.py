"""What a person looks like on most crops of a track, in a few colours: crops that differ show what stands in front of the person.

A sign, a pole or another person who covers somebody is often sharper than the person, and has no box of its own. It passes, though: on most
crops of the track it is somewhere else, or not there.

typicality = 1 / (1 + (d / 30)^2), d being the mean absolute difference of the crop's colours, at 4x8 pixels, from their mean over the
track, in levels from 0 to 255. It lies between 0 and 1: about 0.8 for another pose (d = 15), 0.3 for a covered half (d = 45).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.gallery.crop import Box
from rga.gallery.enrolment.boxes import cut

SIZE = (4, 8)
"""Width and height in pixels at which colours are compared: parts of a body, and no pose."""

SPREAD = 30.0
"""The difference of colours at which typicality is one half."""

Colours = NDArray[np.float64]
"""(8, 4, 3), from 0 to 255."""


def colours_of(image: NDArray[np.uint8], box: Box) -> Colours:
    """The colours of a crop.

    Args:
        image: the whole frame, (H, W, 3).
        box: in it, with a pixel at least.
    """
    crop = cut(image, box)
    assert crop is not None, "such boxes are left out"
    return np.asarray(Image.fromarray(crop).resize(SIZE, Image.Resampling.BOX), dtype=np.float64)


class Appearance:
    """The mean colours of a track's crops."""

    def __init__(self) -> None:
        self.total: Colours = np.zeros((SIZE[1], SIZE[0], 3))
        self.count = 0

    def add(self, colours: Colours) -> None:
        """Adds those of one more crop."""
        self.total = self.total + colours
        self.count += 1

    def typicality(self, colours: Colours) -> float:
        """How much the colours of a crop are those of the track, from 0 to 1.

        Args:
            colours: of one of the crops that were added.
        """
        difference = float(np.abs(colours - self.total / self.count).mean())
        return 1 / (1 + (difference / SPREAD) ** 2)
