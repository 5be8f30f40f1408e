"""Images of any kind as RGB with 8 bits, as an image viewer shows them: upright, on white where transparent, deeper ones scaled.

Files and what callers hold in memory go through here, so that training, evaluation and use see the same pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from rga.errors import InputError

Pixels = NDArray[np.uint8]

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation -> what makes the image upright."""

WIDE = ("I", "F")
"""How Pillow's modes of more than 8 bits begin: whole numbers and floats."""

ALPHA = ("RGBA", "LA", "PA", "RGBa")
"""Pillow's modes with opacity."""

OVERSHOOT = 0.25
"""By this share of white an interpolation may exceed the range of its image."""

DARKEST = 16
"""Floats whose largest lies between 1 and this are on no known scale: neither up to 1 nor, unless the image is all but black, up to 255."""


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB, upright by its EXIF orientation, on white where it is transparent.

    The result has no metadata, so that nothing is applied twice.

    Raises:
        InputError: its numbers are on no known scale.
        OSError: the image is read from an open file, which is damaged.
    """
    load(image)
    turn = TURNS.get(orientation(image))
    image = flattened(image).convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
    image.info.clear()
    return image


def load(image: Image.Image) -> None:
    """Decodes an image that was opened: only then the EXIF of all formats is known. TIFF is turned by Pillow.

    Pillow turns a TIFF file twice if it maps the file into memory, as it does with uncompressed ones of some modes that are opened by name.
    """
    name = getattr(image, "filename", "")
    if not name or image.format != "TIFF":
        image.load()
        return
    image.filename = ""  # type: ignore[attr-defined]  # of an ImageFile; without a name it is not mapped
    try:
        image.load()
    finally:
        image.filename = name  # type: ignore[attr-defined]


def orientation(image: Image.Image) -> int:
    """EXIF's orientation of an image, 1 for upright. Metadata that cannot be read count for nothing, as in viewers."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # Pillow raises what it likes on broken metadata, and the image is whole
        return 1


def upright(image: Image.Image) -> Image.Image:
    """An image turned by its EXIF orientation, in its own mode: for masks, whose numbers must not change."""
    load(image)
    turn = TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def flattened(image: Image.Image) -> Image.Image:
    """An image of any mode in one that Pillow can convert to RGB, without transparency and with 8 bits."""
    if image.mode.startswith(WIDE):
        values = np.asarray(image)
        grey = Image.fromarray(eight_bits(values))
        clear = image.info.get("transparency")  # the one value that is transparent
        return grey if clear is None else over_white(grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    if image.mode in ALPHA or "transparency" in image.info:
        above = image.convert("RGBA")
        return over_white(above, above.getchannel("A"))
    return image


def over_white(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """An image on white, by its opacity."""
    above = image.convert("RGB").convert("RGBA")
    above.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)


def eight_bits(values: NDArray[Any]) -> Pixels:
    """Numbers of any type as bytes.

    Bytes stay as they are and truth values become black and white. Unsigned 16-bit numbers are scaled from their whole range. Other whole
    numbers are taken for bytes up to 255, and for 16 bits up to 65535. Floats run to 1, or to 255; they may exceed their range a little, as
    interpolation makes them, and are clipped.

    Args:
        values: of any shape.

    Raises:
        InputError: they are of another type than numbers, not finite, or on no known scale.

    Example:
        >>> eight_bits(np.array([0.0, 0.5, 1.0])).tolist(), eight_bits(np.array([0, 65535], ">u2")).tolist()
        ([0, 128, 255], [0, 255])
    """
    kind = values.dtype.kind
    if kind not in "buif":
        raise InputError(f"an image holds numbers, got the type {values.dtype}")
    if values.dtype == np.uint8:
        return values
    if kind == "b" or not values.size:
        return values.astype(np.uint8) * np.uint8(255)
    white = 65535.0 if values.dtype.newbyteorder("=") == np.uint16 else white_of(values)
    scaled = values.astype(np.float64) * (255 / white)
    return np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)


def white_of(values: NDArray[Any]) -> float:
    """The number that stands for white.

    Raises:
        InputError: it cannot be told from the numbers.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("it holds values that are not finite")
    if values.dtype.kind != "f":
        for white in (255.0, 65535.0):
            if low >= 0 and high <= white:
                return white
    elif low >= -OVERSHOOT * max(high, 1):
        if high <= 1 + OVERSHOOT:
            return 1.0
        if DARKEST <= high <= 255 * (1 + OVERSHOOT):
            return 255.0
    raise InputError(
        f"its values run from {low:g} to {high:g}: expected whole numbers from 0 to 255 or to 65535, or floats from 0 to 1 or to 255"
        + (
            " (a normalised tensor is for the network itself: model(images))"
            if values.dtype.kind == "f" and low < 0 and high < DARKEST
            else ""
        )
    )
