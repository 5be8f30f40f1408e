"""A table of classes proposed from masks: their numbers or colours, each with its pixels, for a person to name.

What a mask holds is found from the masks alone, so that names and the choice of what is ignored are guesses, which are said to be such.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.datasets.layout import DataError
from rga.errors import ExistingFileError
from rga.images.defects import examples
from rga.segmentation.datasets.class_file import IGNORED_NAME
from rga.segmentation.datasets.classes import IGNORED, LARGEST, hexadecimal, packed, spread_colours, unpacked
from rga.segmentation.datasets.masks import MaskPixels, read_pixels
from rga.storage.files import write_atomically
from rga.storage.outputs import check_output

Progress = Callable[[int, int], None]

RARE = 0.001
"""A value with a smaller share of the pixels is rare."""
MANY = 20
"""More values than this, of which most are rare, are no classes."""

COLOURS, DEEP = "colours", "numbers of 16 bits"
"""Kinds of masks."""


@dataclass(frozen=True)
class ProposedClass:
    """A line of the table.

    Attributes:
        value: a number, or a colour as #rrggbb.
        name: a guess.
        colour: as #rrggbb; empty for what is ignored.
        pixels: how many have the value.
        masks: in how many masks it is.
    """

    value: str
    name: str
    colour: str
    pixels: int
    masks: int


@dataclass(frozen=True)
class Proposal:
    """A table of classes, and what is to be known about it.

    Attributes:
        rows: the lines of the table.
        notes: what to look at, a sentence each.
        masks: how many were read.
    """

    rows: tuple[ProposedClass, ...]
    notes: tuple[str, ...]
    masks: int

    def __str__(self) -> str:
        """The table for people, with shares of the pixels."""
        total = sum(row.pixels for row in self.rows)
        wide = max(len("value"), *(len(row.value) for row in self.rows))
        names = max(len("name"), *(len(row.name) for row in self.rows))
        lines = [f"{'value':<{wide}}  {'name':<{names}}  {'colour':<7} {'pixels':>14} {'share':>8}  in masks"]
        lines += [
            f"{row.value:<{wide}}  {row.name:<{names}}  {row.colour:<7} {row.pixels:>14,} {row.pixels / total:>8.2%}  {row.masks:,}"
            for row in self.rows
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_csv(self) -> str:
        """The table as ``rga.segmentation.datasets.class_file`` reads it."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("value", "name", "colour", "pixels"))
        table.writerows((row.value, row.name, row.colour, row.pixels) for row in self.rows)
        return text.getvalue()


def check_new_table(path: Path | None) -> None:
    """Checks that a table can be written where none is; None for no table.

    Raises:
        ExistingFileError: something is there, which is never replaced.
        FolderError: a folder has its name.
        OSError: it cannot be written there.
    """
    check_output(path)
    if path is not None and path.exists():
        raise ExistingFileError(f"{path} is there already and is not replaced: name another file with --output, or move it away")


def write_table(path: Path, proposal: Proposal) -> None:
    """Writes a proposal as a new CSV file.

    Raises:
        ExistingFileError: something is there, which is never replaced.
        OSError: it cannot be written.
    """
    check_new_table(path)
    write_atomically(path, lambda temporary: temporary.write_text(proposal.to_csv(), encoding="utf-8"))


class Tally:
    """Counts values of one kind, numbers or colours, over masks."""

    def __init__(self) -> None:
        self.pixels: dict[int, int] = {}
        self.masks: dict[int, int] = {}

    def add(self, values: NDArray[np.integer[Any]]) -> None:
        """Counts those of one mask."""
        for value, count in zip(*(each.tolist() for each in np.unique(values, return_counts=True)), strict=True):
            self.pixels[value] = self.pixels.get(value, 0) + count
            self.masks[value] = self.masks.get(value, 0) + 1


def propose(paths: Sequence[Path], progress: Progress | None = None) -> Proposal:
    """Proposes a table of classes from masks.

    Masks in numbers (grey of 1, 8 or 16 bits, or with a palette) make a table of numbers, masks in colours one of colours. Palettes whose
    colours differ from mask to mask are read as colours: their indices mean nothing.

    Args:
        paths: of the masks.
        progress: told after each mask.

    Raises:
        MissingFileError: a mask is gone.
        DamagedImageError: a mask is damaged.
        DataError: there is no mask; all hold one value; or they hold more values than there can be classes, as soft edges, JPEG or numbers
            of single things leave them.
    """
    if not paths:
        raise DataError("no masks to propose classes from")
    found = Found()
    for done, path in enumerate(paths, start=1):
        found.add(path)
        if progress is not None:
            progress(done, len(paths))
    notes = found.notes()
    by_colour = found.by_colour
    tally = found.colours if by_colour else found.numbers
    check_values(tally, by_colour=by_colour)
    values = sorted(tally.pixels)
    names = guess_names(values, by_colour=by_colour)
    rare = [value for value, count in tally.pixels.items() if count < RARE * sum(tally.pixels.values())]
    if len(values) > MANY and len(rare) > len(values) / 2:
        notes.append(
            f"{len(rare)} of {len(values)} values have less than {RARE:.1%} of the pixels each: edges may be soft or compressed; draw and "
            "resize masks without interpolation"
        )
    if IGNORED_NAME in names.values():
        notes.append(f"{IGNORED_NAME} is a guess: such pixels count neither in training nor in testing")
    spare = dict(zip(values, spread_colours(len(values)), strict=True))
    own = {value: unpacked(next(iter(each))) for value, each in found.palette.items()}
    rows = []
    for value in values:
        colour = unpacked(value) if by_colour else own.get(value, spare[value])
        written = "" if names[value] == IGNORED_NAME else hexadecimal(colour)
        number = hexadecimal(colour) if by_colour else str(value)
        rows.append(ProposedClass(number, names[value], written, tally.pixels[value], tally.masks[value]))
    return Proposal(tuple(rows), tuple(notes), len(paths))


class Found:
    """All that masks hold: their numbers, their colours, and which colours their palettes give to a number."""

    def __init__(self) -> None:
        self.numbers = Tally()
        self.colours = Tally()
        self.palette: dict[int, set[int]] = {}
        self.kinds: dict[str, Path] = {}

    def add(self, path: Path) -> None:
        """Reads one mask."""
        pixels = read_pixels(path)
        self.kinds.setdefault(kind_of(pixels), path)
        if pixels.numbers is not None:
            self.numbers.add(pixels.numbers)
        if pixels.colours is not None:
            shown = packed(pixels.colours)
            self.colours.add(shown)
            if pixels.mode == "P" and pixels.numbers is not None:
                for pair in np.unique(pixels.numbers.astype(np.int64) << 24 | shown).tolist():
                    self.palette.setdefault(pair >> 24, set()).add(pair & 0xFFFFFF)

    @property
    def by_colour(self) -> bool:
        """Whether colours are the values: some masks are in colours, or the palettes differ."""
        return COLOURS in self.kinds or any(len(each) > 1 for each in self.palette.values())

    def notes(self) -> list[str]:
        """What is to be known about the kinds of masks.

        Raises:
            DataError: some are in colours and others have numbers of 16 bits.
        """
        listed = ", ".join(f"{kind} ({path})" for kind, path in self.kinds.items())
        notes = [f"masks are of several kinds: {listed}"] if len(self.kinds) > 1 else []
        if self.by_colour and DEEP in self.kinds:
            raise DataError(f"{notes[0]}: bring them to one kind")
        if self.by_colour and COLOURS not in self.kinds:
            notes.append("the palettes differ from mask to mask, so that the colours are taken for the values, not the indices")
        return notes


def kind_of(pixels: MaskPixels) -> str:
    """What a mask holds, in words; grey that was saved in colours counts as numbers."""
    if pixels.numbers is None:
        return COLOURS
    return "a palette" if pixels.mode == "P" else DEEP if pixels.colours is None else "numbers"


def check_values(tally: Tally, *, by_colour: bool) -> None:
    """Checks that the values can be classes.

    Raises:
        DataError: there is one, or more than classes can be.
    """
    found = [hexadecimal(unpacked(value)) if by_colour else str(value) for value in sorted(tally.pixels)]
    if len(found) == 1:
        raise DataError(f"all masks hold one value, {found[0]}: to tell classes apart takes two or more")
    if len(found) > IGNORED:
        what = "colours" if by_colour else "numbers"
        raise DataError(
            f"the masks hold {len(found):,} {what} ({examples(found)}), and there can be {IGNORED} classes: edges may be soft, files "
            "compressed as JPEG, or numbers those of single things, not of classes; save masks as PNG with one value for each class, "
            "without smoothing"
        )


def guess_names(values: Sequence[int], *, by_colour: bool) -> Mapping[int, str]:
    """Names for values: 0 or black is the background, of two the other is the foreground, the largest number of its depth is ignored.

    Example:
        >>> guess_names([0, 255], by_colour=False), guess_names([0, 4, 255], by_colour=False)
        ({0: 'background', 255: 'foreground'}, {0: 'background', 4: 'class4', 255: 'ignored'})
    """
    names = {value: hexadecimal(unpacked(value))[1:] if by_colour else str(value) for value in values}
    named = {value: "background" if value == 0 else f"class{name}" for value, name in names.items()}
    if len(values) == 2 and values[0] == 0:
        return named | {values[1]: "foreground"}
    unnamed = {} if by_colour else {value: IGNORED_NAME for value in (IGNORED, LARGEST) if value == values[-1]}
    return named | unnamed
