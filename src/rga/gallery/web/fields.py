"""The fields of requests: what they may be is in their types, and so in the API's description."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from rga.gallery.crop import Box

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def storable(text: str) -> str:
    """A text that the database can hold: without controls and halves of characters."""
    if any(ord(each) < 32 or 0xD800 <= ord(each) <= 0xDFFF or ord(each) == 127 for each in text):
        raise ValueError("a text holds no control characters")
    return text.strip()


def sensible(time: datetime) -> datetime:
    """A time with its zone: that of the server, where none is said."""
    try:
        zoned = time if time.tzinfo is not None else time.astimezone()
        inside = EARLIEST <= zoned <= LATEST
    except (OverflowError, ValueError, OSError) as error:
        raise ValueError("a time lies between the years 1900 and 2200") from error
    if not inside:
        raise ValueError("a time lies between the years 1900 and 2200")
    return zoned


def none_if_empty(value: object) -> object:
    """Nothing, for a field of a form that was left empty."""
    return None if value == "" else value


def box_of(text: str) -> str:
    """A box that is one: four numbers, the last two above 0."""
    *_, width, height = map(float, text.split(","))
    if not (width > 0 and height > 0):
        raise ValueError("the width and the height of a box are above 0")
    return text


NUMBER = r"\d{1,5}(\.\d{1,3})?"
Text: TypeAlias = Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)]
Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(storable), StringConstraints(min_length=1)]
Time: TypeAlias = Annotated[datetime, AfterValidator(sensible)]
OptionalTime: TypeAlias = Annotated[Time | None, BeforeValidator(none_if_empty)]
BoxText: TypeAlias = Annotated[str, StringConstraints(pattern=rf"^{NUMBER},{NUMBER},{NUMBER},{NUMBER}$"), AfterValidator(box_of)]
"""``left,top,width,height``, in pixels."""
Identifier: TypeAlias = Annotated[UUID, Path(description="Identifier of a sighting, a person or an action.")]


def read_box(text: str) -> Box:
    """A box from its text.

    Example:
        >>> read_box("10,20,30,60.5")
        Box(left=10.0, top=20.0, width=30.0, height=60.5)
    """
    return Box(*map(float, text.split(",")))
