"""Checks of arguments and options, each with one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from numbers import Real
from typing import Any

from rga.errors import InputError

LARGEST = 2**31 - 1
"""Images at a time, answers and the like."""


def check_range(group: Any, names: tuple[str, ...], low: float, high: float | None = None) -> None:
    """Checks that fields lie in [low, high].

    Args:
        group: a dataclass.
        names: of its fields.
        low: the smallest value.
        high: the largest value; None for no bound.

    Raises:
        InputError: a field does not, or its value is not of a number's type.
    """
    for name in names:
        value = getattr(group, name)
        if not isinstance(getattr(group, name), Real):
            raise InputError(f"{name} must be a number, got {value!r}")
        if not (value >= low and (high is None or value <= high)):
            wanted = f"be at least {low}" if high is None else f"lie between {low} and {high}"
            raise InputError(f"{name} must {wanted}, got {value}")


def check_several(**values: object) -> None:
    """Checks that what should be several values is no text, which is several characters.

    Args:
        **values: by the names of the arguments.

    Raises:
        InputError: one is a text.

    Example:
        >>> check_several(cameras=["entrance"])
    """
    for name, value in values.items():
        if isinstance(value, (str, bytes)):
            raise InputError(f"{name} is the text {value!r}, and several are taken: write [{value!r}]")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is unknown: the nearest one, or all of them."""
    known = list(known)
    close = get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f": did you mean {close[0]}?" if close else f": choose one of {', '.join(known)}"


def read_value(kind: Any, value: Any, name: str) -> Any:
    """A field's value from what JSON held.

    Raises:
        InputError: it is not of the field's type.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  slow to import, and not needed for help

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise InputError(f"{name} is {value!r}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


def read_text(kind: Any, text: str, name: str) -> Any:
    """A field's value from what a person typed: ``none`` where the field takes it, the text, JSON, or a list with commas.

    Raises:
        InputError: it is not of the field's type.

    Example:
        >>> read_text(float | None, "none", "margin"), read_text(str, "none", "attention"), read_text(tuple[int, ...], "4,7", "milestones")
        (None, 'none', (4, 7))
    """
    readings: list[Any] = [None, text] if text.lower() == "none" else [text]
    with suppress(ValueError):
        readings.append(json.loads(text))
    readings.append([part.strip() for part in text.split(",") if part.strip()])
    for reading in readings:
        with suppress(InputError):
            return read_value(kind, reading, name)
    return read_value(kind, text, name)  # which says what is wrong with it


MOST_PROCESSES = 256
"""The largest number of processes, or of threads, that may be asked for: more are a slip, and stop the machine."""


def check_workers(num_workers: int) -> None:
    """Checks a number of processes that read images: none, or at most ``MOST_PROCESSES``.

    Raises:
        InputError: it is another one.
    """
    if not 0 <= num_workers <= MOST_PROCESSES:
        raise InputError(f"num-workers must lie between 0 and {MOST_PROCESSES}, got {num_workers}")


def check_at_least(low: int, **values: int) -> None:
    """Checks options by their names.

    Args:
        low: the smallest value.
        **values: name -> value.

    Raises:
        InputError: a value is smaller, or larger than any machine has use for.
    """
    for name, value in values.items():
        if value < low:
            raise InputError(f"{name.replace('_', '-')} must be at least {low}, got {value}")
        if value > LARGEST:
            raise InputError(f"{name.replace('_', '-')} must be at most {LARGEST}, got {value}")
