"""The classes of a segmentation dataset: their names, their colours, and the values that stand for them in the files of the masks."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError

IGNORED = 255
"""The class of pixels that count neither in training nor in testing."""

UNKNOWN = -1
"""Marks values that a dataset does not have, in ``Classes.table``."""

Colour = tuple[int, int, int]
"""Red, green and blue from 0 to 255."""

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
        values: value in the files -> index of a class, or ``IGNORED``. Several values may stand for one class.

    Raises:
        InputError: a name is missing or there twice, a colour is no colour, or a class has no value.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    values: Mapping[int, int]

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
        if not all(0 <= value <= 255 for value in self.values):
            raise InputError(f"values of a mask lie between 0 and 255, got {sorted(self.values)}")
        strange = sorted(set(self.values.values()) - {*range(len(self.names)), IGNORED})
        if strange:
            raise InputError(f"values stand for the classes {strange}, but there are {len(self.names)}")
        bare = [name for index, name in enumerate(self.names) if index not in self.values.values()]
        if bare:
            raise InputError(f"no value in the masks stands for {', '.join(map(repr, bare))}")

    def __len__(self) -> int:
        """How many classes."""
        return len(self.names)

    @cached_property
    def table(self) -> NDArray[np.int16]:
        """(256,): the class of each value, ``UNKNOWN`` for those that the dataset does not have."""
        table = np.full(256, UNKNOWN, np.int16)
        for value, index in self.values.items():
            table[value] = index
        return table

    def decode(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A mask's values as classes.

        Args:
            values: (H, W), as in the file.

        Returns:
            (H, W): indices of classes, and ``IGNORED``.

        Raises:
            UnknownValueError: a value stands for no class.

        Example:
            >>> Classes(("road", "sky"), ((0, 0, 0), (0, 0, 255)), {7: 0, 23: 1, 0: IGNORED}).decode(np.array([[7, 0, 23]], np.uint8))
            array([[  0, 255,   1]], dtype=uint8)
        """
        decoded = self.table[values]
        wrong = decoded == UNKNOWN
        if wrong.any():
            found = ", ".join(map(str, np.unique(values[wrong])[:5]))
            known = ", ".join(map(str, sorted(self.values)))
            raise UnknownValueError(f"{int(wrong.sum()):,} pixels have values that stand for no class ({found}); known values are {known}")
        return decoded.astype(np.uint8)

    def encode(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Classes as values of the files, the smallest of each class: what a benchmark's server expects.

        Args:
            labels: (H, W), indices of classes.
        """
        table = np.full(256, IGNORED, np.uint8)
        for value in sorted(self.values, reverse=True):
            table[self.values[value]] = value
        return table[labels]

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """(256, 3): the colour of each class, black for all others."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colours
        return palette

    def to_dict(self) -> dict[str, Any]:
        """The classes as JSON can hold them."""
        return {
            "names": list(self.names),
            "colours": [list(colour) for colour in self.colours],
            "values": {str(value): index for value, index in sorted(self.values.items())},
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Classes:
        """The classes of ``to_dict``.

        Raises:
            InputError: something is missing or wrong.
        """
        try:
            colours = tuple((int(red), int(green), int(blue)) for red, green, blue in stored["colours"])
            return cls(tuple(stored["names"]), colours, {int(value): int(index) for value, index in stored["values"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"classes are stored as names, colours and values; got {stored!r} ({error!r})") from error


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
