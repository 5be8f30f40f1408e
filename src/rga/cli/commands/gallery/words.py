"""What the commands of galleries share: how a gallery, a time and a person are written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import tyro

from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import Sighting

Where = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="GALLERY")]
"""A folder, or the URL of a database; the first word of all commands of galleries."""

Sources = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]

Triple = tuple[float, float, float]
"""A number for each channel."""


def read_time(text: str | None, flag: str) -> datetime | None:
    """A time as it was typed, of this machine's zone where it names none.

    Raises:
        InputError: it is none.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise InputError(f"{flag} is no time: {text!r}; write it as 2026-05-31 or 2026-05-31T14:30") from error


def read_ids(texts: tuple[str, ...]) -> list[UUID]:
    """Identifiers of sightings as they were typed.

    Raises:
        InputError: one is none.
    """
    try:
        return [UUID(text) for text in texts]
    except ValueError as error:
        raise InputError(f"a sighting is named by its identifier, which rga gallery show prints, got {', '.join(texts)}") from error


def seen(sighting: Sighting) -> str:
    """Where and when, in few words."""
    parts = [sighting.source if sighting.frame is None else f"{sighting.source} frame {sighting.frame}"]
    if sighting.camera:
        parts.append(f"camera {sighting.camera}")
    if sighting.time is not None:
        parts.append(f"{sighting.time.astimezone():%Y-%m-%d %H:%M:%S}")
    return ", ".join(parts)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things.

    Example:
        >>> counted(1, "sighting"), counted(1200, "sighting"), counted(2, "person", "people")
        ('1 sighting', '1,200 sightings', '2 people')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def person_of(gallery: Gallery, named: str) -> UUID:
    """The person of a name or an identifier.

    Raises:
        GalleryError: there is none.
    """
    return gallery.find(named).id
