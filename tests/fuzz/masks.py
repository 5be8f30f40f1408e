"""Masks in the kinds of files that people have, read by a table of classes, pixel by pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, must_work, refused, right
from rga.segmentation.datasets.classes import IGNORED, Classes
from rga.segmentation.datasets.masks import read_mask

FORMS = ("grey", "palette", "16 bits", "colours", "grey as RGB", "one bit", "float", "with alpha", "another value", "damaged", "JPEG")
"""How a mask is stored, or what is wrong with it."""


def mask_case(draw: Draw, folder: Path, classes: Classes) -> Outcome:
    """A mask of some of the values of a table: its classes are those of a loop over its pixels."""
    known = sorted(classes.values)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = generator.choice(known, (draw(st.integers(1, 9)), draw(st.integers(1, 9)))).astype(np.uint8)
    form = draw(st.sampled_from(FORMS))
    if form == "another value":
        values.flat[0] = next(value for value in range(256) if value not in classes.values) if len(known) < 256 else values.flat[0]
    shown = np.array([classes.values.get(int(value), IGNORED) for value in values.ravel()]).reshape(values.shape)
    path = folder / f"mask.{'jpg' if form == 'JPEG' else draw(st.sampled_from(['png', 'tif', 'PNG']))}"
    write(path, values, shown, form, classes)
    found = attempt(read_mask, path, classes)
    if isinstance(found, Refused):
        if form in ("grey", "palette", "16 bits"):
            must_work(found, f"a mask ({form})")
        return refused(f"a mask: {form}")
    if form == "damaged" or (form == "another value" and len(known) < 256):
        raise FaultError(f"a mask is read: {form}")
    if form == "JPEG":
        return right("a mask: values that are in the table")
    if not np.array_equal(found, shown):
        raise FaultError(f"a mask ({form}): {found.tolist()}, by a loop {shown.tolist()}")
    return right(f"a mask: {form}")


def write(path: Path, values: NDArray[np.uint8], shown: NDArray[Any], form: str, classes: Classes) -> None:
    """Writes a mask."""
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix.lower(), "PNG")
    grey = Image.fromarray(values)
    if form == "palette":
        grey.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tolist())
    made: dict[str, Any] = {
        "16 bits": lambda: Image.fromarray(values.astype(np.uint16)),
        "colours": lambda: Image.fromarray(classes.palette[np.where(shown == IGNORED, 0, shown)]),
        "grey as RGB": lambda: grey.convert("RGB"),
        "one bit": lambda: Image.fromarray(values > 0),
        "float": lambda: Image.fromarray(values.astype(np.float32)),
        "with alpha": lambda: Image.merge("LA", (grey, Image.new("L", grey.size, 128))),
    }
    if form == "one bit":
        shown[:] = [[classes.values.get(int(value > 0), IGNORED) for value in row] for row in values]
    if form == "float" and kind == "PNG":
        kind = "TIFF"  # Pillow tells formats by their contents
    if form == "colours":
        shown[shown == IGNORED] = 0
    (made[form]() if form in made else grey).save(path, kind)
    if form == "damaged":
        path.write_bytes(path.read_bytes()[:30])
