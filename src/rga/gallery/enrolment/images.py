"""Images that are enrolled: their pixels, and what tells each from all others."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rga.gallery.crop import Box, Unreadable
from rga.images.conversion import to_rgb
from rga.images.images import DamagedImageError, decoded, read_contents, reason

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
"""What a system answers where no file has a name."""


@dataclass(frozen=True)
class ReadImage:
    """An image from a file.

    Attributes:
        pixels: RGB, (H, W, 3), uint8, upright.
        content: SHA-256 of the file, in hexadecimal.
    """

    pixels: NDArray[np.uint8]
    content: str


def read(path: Path, source: str) -> ReadImage | Unreadable:
    """Reads an image; one that is damaged or not there is told, so that the others can be enrolled.

    Args:
        path: of the file.
        source: what people call it.

    Raises:
        OSError: the file is there and cannot be read from where it lies: a disk or a permission fails, which says nothing about the image.
    """
    try:
        contents = read_contents(path, str(path))
        pixels = decoded(contents, "no image", lambda image: np.array(to_rgb(image)))
    except DamagedImageError as error:
        return Unreadable(source, f"it cannot be read as an image: {reason(error.__cause__)}")
    except OSError as error:
        if error.errno not in NOT_THERE:
            raise
        return Unreadable(source, "there is no such file")
    return ReadImage(pixels, hashlib.sha256(contents).hexdigest())


def content_of(whole: str, box: Box) -> str:
    """What tells a part of an image from all others: SHA-256, in hexadecimal.

    The box counts in whole pixels: detectors find the same box a hair's breadth off on another machine.

    Args:
        whole: what tells the image from all others.
        box: of the part, without a margin.
    """
    sides = " ".join(str(round(side)) for side in box)
    return hashlib.sha256(f"{whole} box {sides}".encode()).hexdigest()
