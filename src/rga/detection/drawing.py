"""What was found in an image, drawn over it: masks in the colours of the categories, boxes, names with scores."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rga.detection.found import Detections
from rga.errors import InputError
from rga.storage.files import write_atomically

SHARE = 0.45
"""Of the colour in a mask; the rest is the image's."""

STEP = 0.618034
"""Steps of this share around the circle of hues never come near to an earlier one for long."""


def overlay(image: Image.Image, found: Detections, names: tuple[str, ...]) -> Image.Image:
    """What was found over its image, the surest on top.

    Args:
        image: RGB, of the size of the masks.
        found: in it.
        names: of the categories.

    Raises:
        InputError: the masks have another size, or a label no name.
    """
    if found.masks.shape[1:] != (image.height, image.width) and len(found):
        raise InputError(f"the masks are {found.masks.shape[2]}x{found.masks.shape[1]}, their image {image.width}x{image.height}")
    if len(found) and found.labels.max() >= len(names):
        raise InputError(f"there is an object of category {found.labels.max()}, and {len(names)} names")
    pixels = np.array(image.convert("RGB"), np.float32)
    for index in reversed(range(len(found))):
        pixels[found.masks[index]] *= 1 - SHARE
        pixels[found.masks[index]] += SHARE * np.array(colour_of(int(found.labels[index])), np.float32)
    drawn = Image.fromarray((pixels + 0.5).clip(0, 255).astype(np.uint8))
    brush, font = ImageDraw.Draw(drawn), ImageFont.load_default(11)
    for index in reversed(range(len(found))):
        left, top, right, bottom = found.boxes[index].tolist()
        colour = colour_of(int(found.labels[index]))
        text = f"{names[found.labels[index]]} {found.scores[index]:.2f}"
        brush.rectangle((left, top, right, bottom), outline=colour)
        above = max(0.0, top - 13)
        brush.rectangle((left, above, left + font.getlength(text) + 4, above + 13), fill=colour)
        brush.text((left + 2, above + 6), text, fill=(255, 255, 255), font=font, anchor="lm")
    return drawn


def colour_of(category: int) -> tuple[int, int, int]:
    """A colour for a category, dark enough for white letters; categories near to each other have different ones.

    Example:
        >>> colour_of(0) != colour_of(1) != colour_of(2)
        True
    """
    red, green, blue = (round(255 * channel) for channel in colorsys.hsv_to_rgb((category * STEP) % 1, 0.85, (0.8, 0.6)[category % 2]))
    return red, green, blue


def save(path: Path, image: Image.Image) -> None:
    """Writes an image as JPEG, atomically."""
    write_atomically(path, lambda temporary: image.save(temporary, "JPEG", quality=92))
