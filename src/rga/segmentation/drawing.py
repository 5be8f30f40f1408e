"""Label maps as images: in the colours of the classes, over the image that they belong to, and as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rga.errors import InputError
from rga.segmentation.datasets.classes import Classes
from rga.storage.files import write_atomically

PAPER, WRITING = (250, 250, 248), (40, 40, 44)
ROW = 18
"""Height of a line of the legend."""


def label_image(labels: NDArray[np.uint8], classes: Classes) -> Image.Image:
    """A label map (H, W) in the colours of its classes; ignored pixels are black."""
    return Image.fromarray(classes.palette[labels])


def overlay(image: Image.Image, labels: NDArray[np.uint8], classes: Classes, share: float = 0.55) -> Image.Image:
    """A label map over its image.

    Args:
        image: of the size of the labels.
        labels: (H, W).
        classes: whose colours are taken.
        share: of the colours; the rest is the image's. Ignored pixels show the image alone.
    """
    height, width = labels.shape
    if image.size != (width, height):
        raise InputError(f"the labels are {width}x{height}, their image {image.width}x{image.height}: bring both to one size")
    shares = np.where(labels < len(classes), share, 0.0)[..., None]  # (H, W, 1)
    mixed = (1 - shares) * np.asarray(image.convert("RGB")) + shares * classes.palette[labels]
    return Image.fromarray((mixed + 0.5).astype(np.uint8))


def legend(classes: Classes, width: int) -> Image.Image:
    """The names of the classes beside their colours, in as many rows as it takes.

    Args:
        classes: to name.
        width: of the image.
    """
    font = ImageFont.load_default(11)
    corners, left, row = [], 6, 0
    for name in classes.names:
        needed = 16 + round(font.getlength(name)) + 12
        if left > 6 and left + needed > width:
            left, row = 6, row + 1
        corners.append((left, 4 + row * ROW))
        left += needed
    image = Image.new("RGB", (width, 8 + (row + 1) * ROW), PAPER)
    draw = ImageDraw.Draw(image)
    for (left, top), name, colour in zip(corners, classes.names, classes.colours, strict=True):
        draw.rectangle((left, top + 2, left + 11, top + 13), fill=colour)
        draw.text((left + 16, top + 8), name, fill=WRITING, font=font, anchor="lm")
    return image


def panels(rows: Sequence[Sequence[Image.Image]], heads: Sequence[str], gap: int = 4) -> Image.Image:
    """Images of one size in rows and columns, with a heading above each column.

    Args:
        rows: as long as the heads.
        heads: of the columns.
        gap: pixels between images.
    """
    width, height = rows[0][0].size
    sheet = Image.new("RGB", (len(heads) * (width + gap) - gap, ROW + len(rows) * (height + gap) - gap), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for column, head in enumerate(heads):
        draw.text((column * (width + gap), ROW // 2), head, fill=WRITING, font=font, anchor="lm")
        for line, row in enumerate(rows):
            sheet.paste(row[column], (column * (width + gap), ROW + line * (height + gap)))
    return sheet


def save_labels(path: Path, labels: NDArray[np.uint8], classes: Classes) -> None:
    """Writes the indices of the classes as PNG, atomically; its palette has their colours, so that viewers show them."""
    image = Image.fromarray(labels)
    image.putpalette(classes.palette.ravel().tolist())
    save(path, image, "PNG")


def save_values(path: Path, labels: NDArray[np.uint8], classes: Classes) -> None:
    """Writes the values that the dataset's own masks have as grey PNG, atomically: what a benchmark's server expects."""
    save(path, Image.fromarray(classes.encode(labels)), "PNG")


def save_confidence(path: Path, confidence: NDArray[np.float32]) -> None:
    """Writes probabilities (H, W) as grey PNG, atomically: 255 is 1."""
    save(path, Image.fromarray((confidence * 255 + 0.5).astype(np.uint8)), "PNG")


def save(path: Path, image: Image.Image, kind: str) -> None:
    """Writes an image, atomically."""
    write_atomically(path, lambda temporary: image.save(temporary, kind, quality=92))
