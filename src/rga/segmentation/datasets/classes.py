"""The classes of a segmentation dataset: their names, their colours, and the values that stand for them in the files of the masks."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.arrays import read_integers
from rga.errors import InputError

IGNORED = 255
"""The class of pixels that count neither in training nor in testing."""

UNKNOWN = -1
"""Marks values that a dataset does not have, in ``Classes.table``."""

LARGEST = 65535
"""The largest value of a mask: of 16 bits."""

Colour = tuple[int, int, int]
"""Red, green and blue from 0 to 255."""

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
"""How colours are written."""

GOLDEN = 0.618034
"""Steps of this share around the circle of hues never come near to an earlier one for long."""


class UnknownValueError(InputError):
    """A mask holds a value that stands for no class."""


@dataclass(frozen=True)
class Classes:
    """What is told apart.

    Attributes:
        names: of the classes, in their order.
        colours: of the classes in overlays.
        values: value in the files -> index of a class, or ``IGNORED``. Several values may stand for one class. Empty where masks are in
            colours alone.
        colour_values: colours in the files -> index of a class, or ``IGNORED``, besides the classes' own ``colours``.
        implicit: values that are ignored though nobody said so; it is not stored with a model, and does not make two tables differ.

    Raises:
        InputError: a name is missing or there twice, a colour is no colour, or a class has no value.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    values: Mapping[int, int]
    colour_values: Mapping[Colour, int] = field(default_factory=dict)
    implicit: frozenset[int] = field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= IGNORED:
            raise InputError(f"a dataset has 1 to {IGNORED} classes, got {len(self.names)}")
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled or not all(self.names):
            raise InputError(f"every class needs a name of its own, got {', '.join(map(repr, doubled)) or 'an empty one'}")
        if len(self.colours) != len(self.names):
            raise InputError(f"got {len(self.colours)} colours for {len(self.names)} classes: expected one each")
        for name, colour in zip(self.names, self.colours, strict=True):
            if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
                raise InputError(f"the colour of {name!r} is {colour}: expected red, green and blue from 0 to 255")
        if not all(0 <= value <= LARGEST for value in self.values):
            raise InputError(f"values of a mask lie between 0 and {LARGEST}, got {sorted(self.values)}")
        meant = {*self.values.values(), *self.colour_values.values()}
        strange = sorted(meant - {*range(len(self.names)), IGNORED})
        if strange:
            raise InputError(f"values stand for the classes {strange}, but there are {len(self.names)}")
        bare = [name for index, name in enumerate(self.names) if index not in meant]
        if bare:
            raise InputError(f"no value in the masks stands for {', '.join(map(repr, bare))}")

    def __len__(self) -> int:
        """How many classes."""
        return len(self.names)

    @cached_property
    def table(self) -> NDArray[np.int16]:
        """(256 or more,): the class of each value, ``UNKNOWN`` for those that the dataset does not have."""
        table = np.full(max(256, 1 + max(self.values, default=0)), UNKNOWN, np.int16)
        for value, index in self.values.items():
            table[value] = index
        return table

    def decode(self, values: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """A mask's values as classes.

        Args:
            values: (H, W), as in the file, of 8 or 16 bits.

        Returns:
            (H, W): indices of classes, and ``IGNORED``.

        Raises:
            UnknownValueError: a value stands for no class.

        Example:
            >>> Classes(("road", "sky"), ((0, 0, 0), (0, 0, 255)), {7: 0, 23: 1, 0: IGNORED}).decode(np.array([[7, 0, 23]], np.uint8))
            array([[  0, 255,   1]], dtype=uint8)
        """
        table = self.table
        if type(values) is np.ndarray and values.dtype == np.uint8:
            decoded = table[values]
        else:
            values = read_integers(values, "the values of a mask")
            decoded = np.where((values >= 0) & (values < len(table)), table[values.clip(0, len(table) - 1)], UNKNOWN)
        wrong = decoded == UNKNOWN
        if wrong.any():
            found = ", ".join(map(str, np.unique(values[wrong])[:5]))
            known = ", ".join(map(str, sorted(self.values)))
            raise UnknownValueError(f"{int(wrong.sum()):,} pixels have values that stand for no class ({found}); known values are {known}")
        labels: NDArray[np.uint8] = decoded.astype(np.uint8)
        return labels

    @cached_property
    def meanings(self) -> dict[Colour, int]:
        """Every colour of a mask in colours -> index of a class, or ``IGNORED``.

        Raises:
            InputError: two classes have the same colour.
        """
        for index, colour in enumerate(self.colours):
            others = {*self.colours[:index]} | {each for each, meant in self.colour_values.items() if meant != index}
            if colour in others:
                raise InputError(
                    f"the colour {hexadecimal(colour)} stands for {self.names[index]!r} and another class: masks in colours need one each"
                )
        return {colour: index for index, colour in enumerate(self.colours)} | dict(self.colour_values)

    def decode_colours(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A mask's colours as classes.

        Args:
            pixels: (H, W, 3), as in the file.

        Returns:
            (H, W): indices of classes, and ``IGNORED``.

        Raises:
            UnknownValueError: a colour stands for no class.
            InputError: a colour stands for two.
        """
        meanings = {packed(np.array(colour, np.uint8)).item(): index for colour, index in self.meanings.items()}
        colours = packed(pixels)  # (H, W, 3) -> (H, W)
        known = np.array(sorted(meanings), np.int32)
        at = np.searchsorted(known, colours).clip(max=len(known) - 1)
        wrong = known[at] != colours
        if wrong.any():
            strange = np.unique(colours[wrong])
            found = ", ".join(hexadecimal(unpacked(int(each))) for each in strange[:5])
            raise UnknownValueError(
                f"{int(wrong.sum()):,} pixels have colours that stand for no class ({found}{', ...' if len(strange) > 5 else ''}); known "
                f"colours are {', '.join(map(hexadecimal, self.meanings))}"
            )
        indices = np.array([meanings[each] for each in known.tolist()], np.uint8)
        labels: NDArray[np.uint8] = indices[at]
        return labels

    def encode(self, labels: NDArray[np.uint8]) -> NDArray[np.unsignedinteger[Any]]:
        """Classes as the files have them: the smallest value of each class, as a benchmark's server expects, or its first colour.

        Args:
            labels: (H, W), indices of classes.

        Returns:
            (H, W) of 8 bits, or of 16 where values need them; (H, W, 3) where masks are in colours alone.
        """
        if not self.values:
            painted = self.palette.copy()
            for colour, index in reversed(list(self.colour_values.items())):
                painted[index] = colour
            return painted[labels]
        table = np.full(256, IGNORED, np.uint16)
        for value in sorted(self.values, reverse=True):
            table[self.values[value]] = value
        encoded = table[labels]  # (H, W)
        return encoded.astype(np.uint8) if max(self.values) < 256 else encoded

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """(256, 3): the colour of each class, black for all others."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colours
        return palette

    def to_dict(self) -> dict[str, Any]:
        """The classes as JSON can hold them."""
        stored: dict[str, Any] = {
            "names": list(self.names),
            "colours": [list(colour) for colour in self.colours],
            "values": {str(value): index for value, index in sorted(self.values.items())},
        }
        if self.colour_values:
            stored["colour_values"] = {hexadecimal(colour): index for colour, index in sorted(self.colour_values.items())}
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Classes:
        """The classes of ``to_dict``.

        Raises:
            InputError: something is missing or wrong.
        """
        try:
            colours = tuple((int(red), int(green), int(blue)) for red, green, blue in stored["colours"])
            values = {int(value): int(index) for value, index in stored["values"].items()}
            more = {from_hexadecimal(colour): int(index) for colour, index in stored.get("colour_values", {}).items()}
            return cls(tuple(stored["names"]), colours, values, more)
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"classes are stored as names, colours and values; got {stored!r} ({error!r})") from error


def packed(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colours (..., 3) as one number each (...): red, green, blue from the highest byte."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    numbers: NDArray[np.int32] = red << 16 | green << 8 | blue
    return numbers


def unpacked(number: int) -> Colour:
    """The colour of one such number."""
    return number >> 16, number >> 8 & 255, number & 255


def hexadecimal(colour: Colour) -> str:
    """A colour as web pages write it.

    Example:
        >>> hexadecimal((128, 64, 0)), from_hexadecimal("#804000")
        ('#804000', (128, 64, 0))
    """
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


def from_hexadecimal(text: str) -> Colour:
    """A colour from ``#rrggbb``.

    Raises:
        InputError: it is written in another way.
    """
    if not COLOUR.fullmatch(text):
        raise InputError(f"the colour {text!r} is not written as #rrggbb")
    return unpacked(int(text[1:], 16))


def spread_colours(count: int) -> tuple[Colour, ...]:
    """Colours that can be told apart, for classes that have none.

    Example:
        >>> len(set(spread_colours(50)))
        50
    """
    colours = []
    for index in range(count):
        tone = colorsys.hsv_to_rgb((index * GOLDEN) % 1, (0.85, 0.55)[index // 2 % 2], (0.9, 0.6)[index % 2])
        red, green, blue = (round(255 * channel) for channel in tone)
        colours.append((red, green, blue))
    return tuple(colours)


def numbered(names: Sequence[str], colours: Sequence[Colour], ignored: Sequence[int] = (IGNORED,)) -> Classes:
    """Classes whose value in the files is their index.

    Args:
        names: of the classes.
        colours: of the classes.
        ignored: values of pixels that do not count.
    """
    return Classes(tuple(names), tuple(colours), {**{index: index for index in range(len(names))}, **dict.fromkeys(ignored, IGNORED)})
