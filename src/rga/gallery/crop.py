"""A crop: the image of one person that is to be enrolled, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """A box in an image, in its pixels; it may end outside of the image.

    Attributes:
        left: of its left edge.
        top: of its upper edge.
        width: above 0.
        height: above 0.
    """

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Crop:
    """The image of one person.

    Attributes:
        image: RGB, (H, W, 3), uint8, 0 to 255.
        content: SHA-256 of what was read, in hexadecimal: of the file and, if the crop is a part of an image, of its box. The same crop has
            the same content each time, so that it is enrolled once.
        source: where it is from, for people: a file's name in its folder, a video's name.
        camera: name of the camera; empty if unknown.
        time: when it was taken, with a time zone; None if unknown.
        person: name of the person; empty if unknown.
        frame: number of the frame in a video, from 0; None for an image.
        box: in the image or the frame; None if the crop is the whole image.
        track: number of the track within its source; None if there are no tracks.
    """

    image: NDArray[np.uint8]
    content: str
    source: str
    camera: str = ""
    time: datetime | None = None
    person: str = ""
    frame: int | None = None
    box: Box | None = None
    track: int | None = None


@dataclass(frozen=True)
class Unreadable:
    """A file, or a part of one, that could not be read.

    Attributes:
        source: which.
        reason: why.
    """

    source: str
    reason: str
