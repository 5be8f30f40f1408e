"""Images from files as bytes in tensors: what trainings read.

JPEG is decoded by simplejpeg where it is installed (``pip install rga[fast]``), faster than by Pillow and to the same bytes: both build on
libjpeg-turbo, with its exact transform and smooth upsampling. Pillow reads what is not in grey or YCbCr, and says what is damaged.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rga.images.images import read_contents, read_image

JPEG = frozenset({".jpg", ".jpeg"})
PLAIN = frozenset({"Gray", "YCbCr"})
"""Colour spaces, as simplejpeg calls them, that it decodes as Pillow does."""


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
                return torch.from_numpy(fast.decode_jpeg(contents, "RGB"))
    return torch.from_numpy(np.array(read_image(path)))


@cache
def simplejpeg() -> Any:
    """The module, None where it is not installed."""
    return import_module("simplejpeg") if find_spec("simplejpeg") else None
