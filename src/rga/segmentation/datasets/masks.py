"""Masks from files: a number or a colour for each pixel, checked against the classes of the dataset and against the image.

Numbers come from grey images of 1, 8 or 16 bits and from the indices of a palette, whose colours do not matter. Colours come from RGB
images, and from palettes where the classes have colours alone. A grey image that was saved as RGB has both readings.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.datasets.layout import DataError
from rga.errors import InputError
from rga.images.conversion import upright
from rga.images.images import decoded, read_contents, read_image
from rga.segmentation.datasets.class_file import PROPOSE
from rga.segmentation.datasets.classes import LARGEST, Classes, UnknownValueError
from rga.segmentation.datasets.samples import Sample

Numbers = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class MaskPixels:
    """What a mask's file holds.

    Attributes:
        mode: Pillow's name of the kind of image.
        numbers: (H, W), a number for each pixel, of 8 or 16 bits; None in an image in colours.
        colours: (H, W, 3), a colour for each pixel, in bytes; None in one of 16 bits.
        painted: whether the file itself holds colours, not numbers; grey ones have both.
    """

    mode: str
    numbers: Numbers | None
    colours: NDArray[np.uint8] | None
    painted: bool


def read_mask(path: Path, classes: Classes) -> NDArray[np.uint8]:
    """Reads a mask.

    Args:
        path: of an image in numbers or in colours.
        classes: what they stand for.

    Returns:
        (H, W): indices of classes, and ``IGNORED``.

    Raises:
        MissingFileError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: the file is no image, or a damaged one.
        DataError: a number or colour stands for no class, it cannot be told which is meant, or the image is of a kind that masks are not.
    """
    return classes_of(path, read_pixels(path), classes)


def classes_of(path: Path, pixels: MaskPixels, classes: Classes) -> NDArray[np.uint8]:
    """The classes of what a mask's file holds: (H, W), indices of classes, and ``IGNORED``.

    Raises:
        DataError: a number or colour stands for no class, or it cannot be told which is meant; the file is named.
    """
    try:
        return labels_of(pixels, classes)
    except UnknownValueError as error:
        raise DataError(f"mask {path}: {error}; add them to the classes, or fix the mask") from error
    except InputError as error:
        raise DataError(f"mask {path}: {error}") from error


def read_pixels(path: Path) -> MaskPixels:
    """Reads the numbers or colours of a mask.

    Raises:
        MissingFileError: there is no such file.
        OSError: the file cannot be read from where it lies; it is named.
        DamagedImageError: the file is no image, or a damaged one.
        DataError: the image is of a kind that masks are not.
    """
    contents = read_contents(path, str(path))
    found = decoded(contents, f"mask {path} cannot be read", pixels_of)
    if isinstance(found, MaskPixels):
        return found
    raise DataError(f"mask {path} {found}")


def pixels_of(image: Image.Image) -> MaskPixels | str:
    """The numbers or colours of an opened image, upright; or why there are none, in words."""
    image = upright(image)
    mode = image.mode
    if mode in ("LA", "RGBA"):
        if np.asarray(image.getchannel("A")).min() < 255:
            return f"has transparent pixels (mode {mode}): save it without transparency, as one number or colour a pixel"
        image = image.convert(mode[:-1])
    read = {"1": bits, "L": grey, "P": indices, "RGB": colours}.get(image.mode, deep if mode[0] in "IF" else None)
    if read is None:
        return f"has the mode {mode}: expected one number a pixel, grey or with a palette, or one colour, RGB; save it as PNG"
    return read(image)


def bits(image: Image.Image) -> MaskPixels:
    """A mask of black and white: the numbers 0 and 1."""
    values = np.asarray(image).astype(np.uint8)
    return MaskPixels(image.mode, values, np.repeat(255 * values[..., None], 3, 2), painted=False)


def grey(image: Image.Image) -> MaskPixels:
    """A mask of 8 bits a pixel."""
    values = np.asarray(image)
    return MaskPixels(image.mode, values, np.repeat(values[..., None], 3, 2), painted=False)


def indices(image: Image.Image) -> MaskPixels:
    """A mask with a palette."""
    return MaskPixels(image.mode, np.asarray(image), np.asarray(image.convert("RGB")), painted=False)


def deep(image: Image.Image) -> MaskPixels | str:
    """A mask of 16 bits a pixel, or of 32, whose values are within 16; or why it is none."""
    values = np.asarray(image)
    if not ((values >= 0) & (values <= LARGEST) & (values == values.round())).all():
        return f"holds numbers that are no whole ones from 0 to {LARGEST} (mode {image.mode}): save the classes as such"
    return MaskPixels(image.mode, values.astype(np.uint16), None, painted=False)


def colours(image: Image.Image) -> MaskPixels:
    """A mask in colours; if all are grey, it has numbers, too."""
    values = np.asarray(image)
    red = values[..., 0]
    return MaskPixels(image.mode, red if (values == red[..., None]).all() else None, values, painted=True)


def labels_of(pixels: MaskPixels, classes: Classes) -> NDArray[np.uint8]:
    """The classes of a mask's numbers or colours: (H, W), indices of classes, and ``IGNORED``.

    Raises:
        InputError: a number or colour stands for no class, or both readings are possible and differ.
    """
    if not classes.values:
        if pixels.colours is None:
            raise InputError(f"it has numbers of 16 bits, and the classes have colours alone: {PROPOSE}")
        return classes.decode_colours(pixels.colours)
    if not pixels.painted:
        assert pixels.numbers is not None
        return classes.decode(pixels.numbers)
    assert pixels.colours is not None
    readings, refused = [], []
    try:
        readings.append(classes.decode_colours(pixels.colours))
    except InputError as error:
        refused.append(str(error))
    if pixels.numbers is not None:
        with suppress(UnknownValueError):
            readings.append(classes.decode(pixels.numbers))
    if not readings:
        raise InputError(
            f"it is in colours (mode {pixels.mode}): {refused[0]}; write the colour of each class into the class file ({PROPOSE})"
        )
    if len(readings) == 2 and (readings[0] != readings[1]).any():
        raise InputError(
            "it is grey and saved in colours (mode RGB): as numbers it shows other classes than as the colours of the class file; save it "
            "with one number a pixel, or write the colours into the column value"
        )
    return readings[0]


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
        turned = "; one is turned by its EXIF orientation and the other is not" if image.size == (height, width) else ""
        raise DataError(
            f"mask {sample.mask} is {width}x{height}, its image {sample.image} {image.width}x{image.height}{turned}: a mask has a number "
            "for each pixel of its image as a viewer shows it; bring both to one size, the mask without interpolation"
        )
    return image, labels
