"""Under which conditions an image of a generated person was taken: what covers the person, how the box lies, from where, before what.

``make_people`` writes them beside the images, as ``conditions.csv`` with one row an image.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from rga.errors import InputError
from rga.synthetic.generated import check_whole_numbers

FILE = "conditions.csv"
"""The table in the folder of a dataset."""

NONE = "none"
"""The word for no obstacle and no company."""

VIEWS = ("front", "side", "back")
"""From where a person is seen."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What is in an image, measured while it is drawn. What concerns the person is None in an image without one.

    Attributes:
        camera: its number, from 1.
        background: the place, a key of ``rga.synthetic.people.scene.PLACES``.
        clutter: how many things stand behind the person.
        company: where somebody else is: none, behind, front or both.
        obstacle: what stands in front of the person: none, or pole, bin, bush or railing; several are joined by +.
        occlusion: share of the person's pixels in the image that obstacles or company cover, from 0 to 1; None where all of the person is
            outside of the image.
        offset_x: from the middle of the image to the middle of the person, to the right, in widths of the image.
        offset_y: the same downwards, in heights of the image.
        zoom: height of the person / height of the image; above 1, the box cuts the person.
        yaw: direction of the person in degrees, from -180 to 180: 0 towards the camera, 90 to the image's right, 180 away from it.
        view: one of ``VIEWS``: front up to 45 degrees of yaw, back from 135 degrees on.
    """

    camera: int
    background: str
    clutter: int
    company: str
    obstacle: str
    occlusion: float | None = None
    offset_x: float | None = None
    offset_y: float | None = None
    zoom: float | None = None
    yaw: float | None = None
    view: str | None = None


COLUMNS = ("path", *(field.name for field in fields(Conditions)))
"""Of the table; path is that of the image, from the table's folder."""


@dataclass(frozen=True, kw_only=True)
class Chances:
    """How often images are taken under bad conditions.

    Attributes:
        occlusion: chance of obstacles in front of a person.
        obstacles: how many there are then.
        clutter: chance of each of three things behind the person.
        company: chance of somebody else behind the person.
        company_in_front: chance of somebody else at the edge of the image, in front of the person.
        cut: chance that the box is smaller than the person.
        misalignment: standard deviation of more offset of the box in both directions, in box sizes; a box is always off by some 0.05 of
            its width.

    Raises:
        InputError: a chance is not a number from 0 to 1, or ``obstacles`` not a whole number from 1 to 9.
    """

    occlusion: float = 0.07
    obstacles: int = 1
    clutter: float = 0.0
    company: float = 0.1
    company_in_front: float = 0.05
    cut: float = 0.05
    misalignment: float = 0.0

    def __post_init__(self) -> None:
        check_whole_numbers(self, {"obstacles": (1, 9)})
        for name, value in vars(self).items():
            if name != "obstacles" and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1):
                raise InputError(f"{name} is {value!r}: expected a number from 0 to 1")


CHANCES = Chances()
"""Those of the dataset that ``make_people`` renders by default."""


def view_of(yaw: float) -> str:
    """From where a person of a yaw in degrees is seen.

    Example:
        >>> [view_of(yaw) for yaw in (-10.0, 90.0, -170.0)]
        ['front', 'side', 'back']
    """
    return VIEWS[0] if abs(yaw) <= 45 else VIEWS[2] if abs(yaw) >= 135 else VIEWS[1]


def degrees(yaw: float) -> float:
    """Radians -> degrees from -180 to 180.

    Example:
        >>> degrees(1.5 * math.pi)
        -90.0
    """
    return math.degrees(math.remainder(yaw, 2 * math.pi))


def company_word(*, behind: bool, front: bool) -> str:
    """Where somebody else is, in a word."""
    return "both" if behind and front else "behind" if behind else "front" if front else NONE


def write_conditions(file: Path, rows: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Writes the table.

    Args:
        file: to write.
        rows: path of an image from the table's folder, with slashes, and the cells of its conditions.
    """
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((path, *row) for path, row in rows)


def cells(conditions: Conditions) -> list[str]:
    """Conditions as the table has them."""
    return [cell(value) for value in vars(conditions).values()]


def cell(value: float | str | None) -> str:
    """A value as the table has it: numbers with four decimals, nothing for None."""
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
