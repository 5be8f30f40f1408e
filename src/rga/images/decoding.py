"""Images from files as bytes in tensors: what trainings read.

JPEG is decoded by simplejpeg where it is installed (``pip install rga[fast]``), faster than by Pillow and to the same bytes: both build on
libjpeg-turbo, with its exact transform and smooth upsampling. Pillow reads what is not in grey or YCbCr, tells how an image is turned, and
says what is damaged.
"""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rga.images.conversion import TURNS, Pixels, orientation
from rga.images.images import read_contents, read_image

JPEG = frozenset({".jpg", ".jpeg", ".jfif"})
PLAIN = frozenset({"Gray", "YCbCr"})
"""Colour spaces, as simplejpeg calls them, that it decodes as Pillow does."""
METADATA = (b"Exif", b"Orientation")
"""One of these is in each file whose metadata (EXIF, XMP) tell its orientation."""


def read_pixels(path: Path) -> Tensor:
    """Reads an image as RGB, as ``rga.images.images.read_image`` does, into bytes (H, W, 3).

    Raises:
        FileNotFoundError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: the file is no image, or a damaged one.
    """
    fast = simplejpeg() if path.suffix.lower() in JPEG else None
    if fast is not None:
        contents = read_contents(path, str(path))
        with suppress(ValueError):  # damaged: Pillow says so
            if fast.decode_jpeg_header(contents)[2] in PLAIN:
                return torch.from_numpy(turned(fast.decode_jpeg(contents, "RGB"), contents))
    return torch.from_numpy(np.array(read_image(path)))


def turned(pixels: Pixels, contents: bytes) -> Pixels:
    """A decoded image upright, as its metadata say.

    Args:
        pixels: (H, W, 3).
        contents: of its file.
    """
    if not any(each in contents for each in METADATA):
        return pixels
    with Image.open(io.BytesIO(contents)) as image:  # which decodes nothing
        turn = TURNS.get(orientation(image))
    return pixels if turn is None else np.array(Image.fromarray(pixels).transpose(turn))


@cache
def simplejpeg() -> Any:
    """The module, None where it is not installed."""
    return import_module("simplejpeg") if find_spec("simplejpeg") else None
