"""Masks from files: one number a pixel, checked against the classes of the dataset and against the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.datasets.layout import DataError
from rga.errors import InputError
from rga.images.conversion import upright
from rga.images.images import decoded, read_contents, read_image
from rga.segmentation.datasets.classes import Classes, UnknownValueError
from rga.segmentation.datasets.samples import Sample

MODES = frozenset({"1", "L", "P"})
"""Pillow's names of images with one number of at most 8 bits a pixel."""


def read_mask(path: Path, classes: Classes) -> NDArray[np.uint8]:
    """Reads a mask.

    Args:
        path: of an image with 8 bits a pixel, grey or with a palette (whose colours do not matter).
        classes: what its values stand for.

    Returns:
        (H, W): indices of classes, and ``IGNORED``.

    Raises:
        MissingFileError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: the file is no image, or a damaged one.
        DataError: it is an image in colours, or a value stands for no class.
    """
    mode, values = decoded(
        read_contents(path, str(path)), f"mask {path} cannot be read", lambda image: (image.mode, np.asarray(upright(image)))
    )
    if mode not in MODES:
        raise DataError(
            f"mask {path} has the mode {mode}: expected one number of 8 bits a pixel, grey or with a palette; turn colours into such"
        )
    try:
        return classes.decode(values.astype(np.uint8, copy=False))
    except UnknownValueError as error:
        raise DataError(f"mask {path}: {error}; add them to the classes, or fix the mask") from error


def read_sample(sample: Sample, classes: Classes) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Reads an image and its mask.

    Returns:
        The image as RGB, and the classes (H, W).

    Raises:
        InputError: the sample has no mask.
        DamagedImageError: one of both is no image, or a damaged one.
        DataError: the mask holds what it must not, or is of another size than the image.
    """
    if sample.mask is None:
        raise InputError(f"{sample.image} has no mask: it can be predicted on, not trained or tested on")
    image, labels = read_image(sample.image), read_mask(sample.mask, classes)
    height, width = labels.shape
    if image.size != (width, height):
        raise DataError(
            f"mask {sample.mask} is {width}x{height}, its image {sample.image} {image.width}x{image.height}: a mask has a number for each "
            "pixel of its image; bring both to one size, the mask without interpolation"
        )
    return image, labels
