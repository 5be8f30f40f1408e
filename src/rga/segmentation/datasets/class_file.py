"""The file that names the classes of your own masks: ``classes.csv``, with a line for each value.

    value,name,colour
    0,ignored,
    1,road,#804080
    2,car,#00008e

Values with the same name are one class, the name ``ignored``, in any case, is for pixels that do not count, and so is 255 where it is not
listed. Other names that differ in case alone are refused. Classes are numbered in the order in which they come. Colours may be left out;
where masks are in colours (RGB), they say which colour is which class. Where the masks are in colours alone, the colour is the value:

    value,name
    #804080,road
    #00008e,car

Other columns are passed over. ``rga data classes FOLDER`` proposes the file from the masks.
"""

from __future__ import annotations

import re
from pathlib import Path

from rga.datasets.layout import DataError
from rga.datasets.tables import read_rows
from rga.errors import InputError
from rga.segmentation.datasets.classes import IGNORED, LARGEST, Classes, Colour, from_hexadecimal, spread_colours

IGNORED_NAME = "ignored"
PROPOSE = "rga data classes FOLDER proposes such a file from the masks"
"""The way to go for those who have none."""

WHERE = f"Expected value, name and, if you like, colour; {PROPOSE}."

NUMBER = re.compile(r"0*[0-9]{1,5}")
"""A value that may be within 16 bits."""


def read_classes(path: Path) -> Classes:
    """Reads the file that names the classes.

    Raises:
        DataError: a column is missing or there twice, a line is wrong, there is no class, or the file is no text.
    """
    rows = read_rows(path, ("value", "name"), ("colour",), WHERE)
    spelt: dict[str, str] = {}
    values: dict[int, int] = {}
    more: dict[Colour, int] = {}
    chosen: dict[str, Colour | None] = {}
    for row in rows:
        value, name = row["value"], row["name"]
        colour = colour_of(row["colour"], row.location)
        written = colour_of(value, row.location) if value.startswith("#") else None
        if written is None and (not NUMBER.fullmatch(value) or int(value) > LARGEST):
            raise DataError(f"{row.location}: the value {value!r} is no whole number from 0 to {LARGEST} and no colour such as #804080")
        if (written in more) if written else (int(value) in values):
            raise DataError(f"{row.location}: the value {value} is there twice")
        if not name:
            raise DataError(f"{row.location}: the value {value} has no name; call it {IGNORED_NAME!r} if it does not count")
        index = IGNORED
        if name.casefold() != IGNORED_NAME:
            other = spelt.setdefault(name.casefold(), name)
            if other != name:
                raise DataError(f"{row.location}: the names {other!r} and {name!r} differ in case alone: write one class in one way")
            chosen[name] = chosen.get(name) or colour or written
            index = list(chosen).index(name)
        if written:
            more[written] = index
        else:
            values[int(value)] = index
            if colour and colour != (chosen.get(name) or ()) and more.setdefault(colour, index) != index:
                raise DataError(f"{row.location}: the colour {row['colour']} is that of another class, too")
    if not chosen:
        raise DataError(f"{path} names no class; {PROPOSE}")
    by_colour = any(row["value"].startswith("#") for row in rows)
    if by_colour and values:
        raise DataError(
            f"{path} has numbers and colours in the column value: write one of both, and colours of numbers in the column colour"
        )
    implicit = frozenset() if by_colour or IGNORED in values else frozenset((IGNORED,))
    values |= dict.fromkeys(implicit, IGNORED)
    spare = spread_colours(len(chosen))
    colours = tuple(colour or spare[index] for index, colour in enumerate(chosen.values()))
    return Classes(tuple(chosen), colours, values, more, implicit)


def colour_of(text: str, location: str) -> Colour | None:
    """A colour as web pages write it; None for an empty one."""
    if not text:
        return None
    try:
        return from_hexadecimal(text)
    except InputError as error:
        raise DataError(f"{location}: {error}") from error
