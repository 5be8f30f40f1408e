"""What was said about pairs of images, when a sighting is removed: it goes on to hold for the person or the track that the sighting showed.

A pair is two images: sightings, or images that were searched with. Where a sighting is removed of which somebody said that it is different,
the pair is noted anew with the person in its place, or, of an unnamed track, with another of its sightings. Otherwise the person would be
suggested again as soon as that one sighting has expired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from rga.gallery.store.actions import ordered
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.sightings import another_of_track


@dataclass(frozen=True)
class Removed:
    """A sighting that is removed.

    Attributes:
        sighting: its identifier.
        person: who it showed; None if nobody said.
        recording: in which tracks are numbered.
        track: its track there.
    """

    sighting: UUID
    person: UUID | None
    recording: str
    track: int | None


def said_of(connection: Connection, names: Sequence[UUID]) -> list[tuple[UUID, UUID, bool]]:
    """What was said about some images: (one of them, the other image, person or sighting, whether they are the same)."""
    return connection.execute(
        "SELECT first, second, same FROM pairs WHERE first = ANY(%(names)s) "
        "UNION ALL SELECT second, first, same FROM pairs WHERE second = ANY(%(names)s)",
        {"names": list(names)},
    ).fetchall()


def hand_on(connection: Connection, removed: Sequence[Removed]) -> None:
    """Notes for people and tracks who they are not, as it was said of their sightings, which are removed already.

    Args:
        connection: within a transaction, in which the pairs are still there.
        removed: sightings.
    """
    gone = {each.sighting: each for each in removed}
    said = [(gone[one], other) for one, other, same in said_of(connection, list(gone)) if not same and other not in gone]
    about = {each.person for each, _ in said if each.person}
    there = people_among(connection, [*about, *(other for _, other in said)])
    for each, other in said:
        if other in there:
            continue  # of a person it was noted in this way before
        heir = each.person if each.person in there else None
        if each.person is None and each.track is not None:
            heir = another_of_track(connection, each.recording, each.track)
        if heir is not None:
            connection.execute(
                "INSERT INTO pairs (first, second, same) VALUES (%s, %s, false) ON CONFLICT DO NOTHING", ordered(other, heir)
            )


def people_among(connection: Connection, names: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which names are people's: person -> the person, or who the person was merged into."""
    return dict(
        connection.execute("SELECT person, coalesce(merged_into, person) FROM people WHERE person = ANY(%s)", [list(names)]).fetchall()
    )
