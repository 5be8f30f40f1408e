"""Times of day with their zone: when an image was taken must be one moment, whoever reads it and wherever."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rga.errors import InputError

OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9])")

EXPECTED = "as 2024-05-31T18:30:00+02:00"


def read_zone(name: str) -> tzinfo | None:
    """A time zone by its name.

    Args:
        name: of the IANA database, as ``Europe/Berlin``; ``UTC``; an offset, as ``+02:00``; or empty.

    Returns:
        The zone, None for an empty name.

    Raises:
        InputError: there is no such zone.

    Example:
        >>> str(read_zone("+02:00")), read_zone("")
        ('UTC+02:00', None)
    """
    if not name:
        return None
    if name.upper() in ("UTC", "Z"):
        return UTC
    if found := OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        if offset < timedelta(hours=24):
            return timezone(-offset if found["sign"] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of the database, a name that is none, no database
        raise InputError(f"unknown time zone {name!r}: expected a name as Europe/Berlin, UTC, or an offset as +02:00") from error


def read_time(text: str, zone: tzinfo | None) -> datetime:
    """A time with its zone.

    Args:
        text: date and time in ISO 8601.
        zone: of a time that is written without one.

    Raises:
        InputError: it is no date and time, has no zone and none is declared, or the clocks of the zone show it twice or never.

    Example:
        >>> read_time("2024-05-31 18:30", read_zone("+02:00")).isoformat()
        '2024-05-31T18:30:00+02:00'
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no date and time: expected ISO 8601, {EXPECTED}") from error
    if not re.search(r"[Tt ][0-9]{2}", text):
        raise InputError(f"{text!r} is a date without a time of day: expected ISO 8601, {EXPECTED}")
    if time.tzinfo is None and zone is None:
        raise InputError(f"{text!r} has no time zone: write it with one, {EXPECTED}, or declare the zone of all such times")
    try:
        aware = in_zone(time, zone) if time.tzinfo is None and zone is not None else time
        aware.astimezone(UTC)
    except OverflowError as error:
        raise InputError(f"{text!r} is too near to the first or the last year: expected a time of footage, {EXPECTED}") from error
    return aware


def in_zone(time: datetime, zone: tzinfo) -> datetime:
    """A time on the clocks of a zone.

    Raises:
        InputError: the clocks show it twice or never, as they do when they are changed.
    """
    first, second = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    for each in (first, second):
        if each.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != time:
            raise InputError(
                f"{time.isoformat()} does not exist in {zone}, whose clocks were put forward: write it with its offset, {EXPECTED}"
            )
    if first.utcoffset() != second.utcoffset():
        raise InputError(f"{time.isoformat()} is there twice in {zone}, whose clocks were put back: write it with its offset, {EXPECTED}")
    return first
