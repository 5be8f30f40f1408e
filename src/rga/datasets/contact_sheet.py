"""Contact sheets: small images in rows and columns, to look at a dataset or a ranking at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from rga.errors import InputError
from rga.images.images import read_image

PAPER, WRITING = (250, 250, 248), (40, 40, 44)
TEXT_HEIGHT = 11


def contact_sheet(
    rows: Sequence[Sequence[Path | None]],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    cell: tuple[int, int] = (128, 64),
    gap: int = 4,
) -> Image.Image:
    """Puts images on one sheet.

    Args:
        rows: paths of the images; ``None`` leaves a cell free, and rows may be short.
        row_labels: written to the left of the rows; none, or one a row.
        column_labels: written above the columns; none, or one a column.
        cell: (height, width) to which each image is resized.
        gap: pixels between cells and around them.

    Raises:
        InputError: there are no images, or not as many labels as rows or columns.
    """
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise InputError("there are no images for a contact sheet: expected at least one row with at least one path")
    for what, labels, count in (("row", row_labels, len(rows)), ("column", column_labels, columns)):
        if labels and len(labels) != count:
            raise InputError(f"got {len(labels)} {what} labels for {count} {what}s: expected none, or one each")
    font = ImageFont.load_default(TEXT_HEIGHT)
    left = gap + (gap + max(round(font.getlength(label)) for label in row_labels) if row_labels else 0)
    top = gap + (gap + TEXT_HEIGHT if column_labels else 0)
    height, width = cell
    sheet = Image.new("RGB", (left + columns * (width + gap), top + len(rows) * (height + gap)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, label in enumerate(row_labels):
        draw.text((gap, top + index * (height + gap) + height // 2), label, fill=WRITING, font=font, anchor="lm")
    for index, label in enumerate(column_labels):
        draw.text((left + index * (width + gap) + width // 2, gap), label, fill=WRITING, font=font, anchor="mt")
    for down, row in enumerate(rows):
        for across, path in enumerate(row):
            if path is not None:
                small = read_image(path).resize((width, height), Image.Resampling.LANCZOS)
                sheet.paste(small, (left + across * (width + gap), top + down * (height + gap)))
    return sheet
