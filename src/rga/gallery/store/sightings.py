"""Sightings and thumbnails as they are read, and the names of the people on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rga.checks import nearest
from rga.errors import InputError
from rga.gallery.crop import Box
from rga.gallery.results import Sighting
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.postgresql.database import Connection
from rga.images.defects import examples

COLUMNS = (
    "s.sighting, s.source, s.camera, s.time, s.added, coalesce(p.merged_into, p.person), coalesce(r.name, p.name, ''), "
    "s.frame, s.box, s.track, s.width, s.height, s.sharpness, s.recording"
)
JOINED = "sightings s LEFT JOIN people p ON p.person = s.person LEFT JOIN people r ON r.person = p.merged_into"
"""Sightings ``s``, the person ``p`` as they were enrolled, and the one ``r`` that this was merged into."""


def read_sightings(
    connection: Connection, condition: str, values: Sequence[Any], order: str = "s.sighting", limit: int | None = None
) -> list[Sighting]:
    """Sightings that fulfil a condition.

    Args:
        connection: within a transaction.
        condition: SQL of ours about ``s``, ``p`` and ``r``.
        values: of the condition.
        order: SQL of ours.
        limit: how many at most.
    """
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM {JOINED} WHERE {condition} ORDER BY {order} LIMIT %s",  # noqa: S608  of ours
        [*values, limit],
    ).fetchall()
    return [as_sighting(row) for row in rows]


def as_sighting(row: Sequence[Any]) -> Sighting:
    """A sighting from its columns."""
    sighting, source, camera, time, added, person, name, frame, box, *numbers = row
    return Sighting(sighting, source, camera, time, added, person, name, frame, None if box is None else Box(*box), *numbers)


def read_sighting(connection: Connection, sighting: UUID) -> Sighting:
    """One sighting.

    Raises:
        GalleryError: it is not there.
    """
    found = read_sightings(connection, "s.sighting = %s", [sighting])
    if not found:
        raise GalleryError(f"the gallery has no sighting {sighting}: it was removed, or never there")
    return found[0]


def track_of(connection: Connection, sighting: Sighting) -> list[UUID]:
    """The sightings of the track that a sighting is of, itself included; none if it is of none."""
    if sighting.track is None:
        return []
    query = "SELECT sighting FROM sightings WHERE recording = %s AND track = %s ORDER BY 1"
    return [row[0] for row in connection.execute(query, [sighting.recording, sighting.track]).fetchall()]


def check_cameras(connection: Connection, cameras: Sequence[str]) -> None:
    """Checks that cameras have seen something.

    Raises:
        InputError: the gallery knows no such camera; the nearest that it knows is named.
    """
    for camera in cameras:
        if not connection.execute("SELECT 1 FROM sightings WHERE camera = %s LIMIT 1", [camera]).fetchone():
            known = [row[0] for row in connection.execute("SELECT DISTINCT camera FROM sightings WHERE camera <> '' ORDER BY 1").fetchall()]
            raise InputError(
                f"the gallery knows no camera {camera!r}{nearest(camera, known) if known else ': none of its sightings has one'}"
            )


def check_there(
    connection: Connection, sightings: Sequence[UUID], source: str | None, camera: str | None, *, every_recording: bool
) -> None:
    """Checks that what is to be removed is there.

    Raises:
        GalleryError: it is not; or several recordings have the name of the source, and not all of them are meant.
    """
    found = {row[0] for row in connection.execute("SELECT sighting FROM sightings WHERE sighting = ANY(%s)", [list(sightings)]).fetchall()}
    for sighting in sightings:
        if sighting not in found:
            raise GalleryError(f"the gallery has no sighting {sighting}, so nothing was removed: it was removed before, or never there")
    recordings = connection.execute(
        "SELECT count(*), array_agg(DISTINCT camera ORDER BY camera), min(time) FROM sightings WHERE source = %s "
        "GROUP BY recording ORDER BY 3, 2",
        [source],
    ).fetchall()
    if len(recordings) > 1 and not every_recording:
        said = [
            f"{count:,} sighting{'s' if count > 1 else ''} of {', '.join(each or 'an unknown camera' for each in cameras)}"
            + (f" from {first.astimezone():%Y-%m-%d %H:%M} on" if first else "")
            for count, cameras, first in recordings
        ]
        raise GalleryError(
            f"{len(recordings)} recordings have the name {source!r}: {examples(said)}; nothing was removed: name the sightings of one of "
            "them, or remove all of them with every_recording=True (--every-recording)"
        )
    if source is not None and not recordings:
        raise GalleryError(f"the gallery has nothing of the source {source!r}, so nothing was removed: rga gallery show names sources")
    if camera is not None:
        try:
            check_cameras(connection, [camera])
        except InputError as error:
            raise GalleryError(f"nothing was removed: {error}") from error


def read_thumbnail(connection: Connection, sighting: UUID) -> bytes:
    """The JPEG of a sighting.

    Raises:
        GalleryError: there is no such sighting, or no thumbnail of it.
    """
    row = connection.execute("SELECT jpeg FROM thumbnails WHERE sighting = %s", [sighting]).fetchone()
    if row is None:
        read_sighting(connection, sighting)
        raise GalleryError(f"there is no thumbnail of the sighting {sighting}: the gallery was made without")
    return bytes(row[0])


def members(connection: Connection, people: Sequence[UUID]) -> list[UUID]:
    """People and all who were merged into them."""
    rows = connection.execute(
        "SELECT person FROM people WHERE person = ANY(%s) OR merged_into = ANY(%s)", [list(people), list(people)]
    ).fetchall()
    return [row[0] for row in rows]


def hidden_people(connection: Connection) -> list[UUID]:
    """People whom searches leave out, and who were merged into them."""
    rows = connection.execute(
        "SELECT p.person FROM people p LEFT JOIN people r ON r.person = p.merged_into WHERE coalesce(r.hidden, p.hidden)"
    ).fetchall()
    return [row[0] for row in rows]


def another_of_track(connection: Connection, recording: str, track: int) -> UUID | None:
    """A sighting of a track that shows nobody known; None if there is none."""
    row = connection.execute(
        "SELECT sighting FROM sightings WHERE recording = %s AND track = %s AND person IS NULL ORDER BY 1 LIMIT 1", [recording, track]
    ).fetchone()
    return None if row is None else row[0]


def totals(connection: Connection, people: Sequence[UUID], tracks: Sequence[tuple[str, int]]) -> dict[Any, int]:
    """How many sightings people and tracks have: person or (recording, number) -> sightings."""
    found: dict[Any, int] = {}
    if people:
        rows = connection.execute(
            "SELECT coalesce(p.merged_into, p.person), count(*) FROM sightings s JOIN people p ON p.person = s.person "
            "WHERE s.person = ANY(%s) GROUP BY 1",
            [members(connection, people)],
        ).fetchall()
        found.update(rows)
    if tracks:
        recordings, numbers = zip(*tracks, strict=True)
        rows = connection.execute(
            "SELECT s.recording, s.track, count(*) FROM sightings s "
            "JOIN unnest(%s::text[], %s::bigint[]) AS wanted (recording, track) "
            "ON wanted.recording = s.recording AND wanted.track = s.track GROUP BY 1, 2",
            [list(recordings), list(numbers)],
        ).fetchall()
        found.update({(recording, track): count for recording, track, count in rows})
    return found
