"""A crop: the image of one person that is to be enrolled, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError


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
        track: number of the track within its recording; None if there are no tracks.
        recording: the same for all crops of one video, folder or table, and another one for each other: two videos may have the same name.
            Empty if the source tells it.

    Raises:
        InputError: the image is none, or the time has no zone.
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
    recording: str = ""

    def __post_init__(self) -> None:
        check_image(self.image, f"the image of {self.source}")
        check_zone(self.time, f"the time of {self.source}")


@dataclass(frozen=True)
class Unreadable:
    """A file, or a part of one, that could not be read.

    Attributes:
        source: which.
        reason: why.
    """

    source: str
    reason: str


def check_image(image: object, what: str) -> None:
    """Checks that something is an image: RGB, (H, W, 3), uint8.

    Args:
        image: that is checked.
        what: it is, for the error.

    Raises:
        InputError: it is something else.
    """
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        return
    found = f"{image.dtype} of the shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise InputError(f"{what} is {found}: expected an array of RGB, (height, width, 3), of uint8")


def check_zone(time: datetime | None, what: str) -> None:
    """Checks that a time is one moment, whoever reads it.

    Args:
        time: that is checked; None for none.
        what: it is, for the error.

    Raises:
        InputError: it has no time zone.
    """
    if time is not None and time.utcoffset() is None:
        raise InputError(f"{what} is {time.isoformat()}, without a time zone: give it one, as time.astimezone() gives it this machine's")
