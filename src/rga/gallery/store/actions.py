"""What people say about people: each action notes what was before, so that it can be undone.

An action notes the rows of people, the people on sightings, and the judgements of pairs that it is about to change. Undoing it puts them
back, whatever kind of action it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import psycopg

from rga.gallery.results import Action
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.postgresql.database import Connection

Pair = tuple[UUID, UUID]
"""Two images, the lesser name first."""

LOCK = 7_246_003
"""The advisory lock of who corrects or removes."""


def one_at_a_time(connection: Connection) -> None:
    """Waits until no other transaction corrects: what a correction reads about people must still hold when it writes."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def begin(
    connection: Connection,
    action: UUID,
    kind: str,
    *,
    people: Iterable[UUID] = (),
    sightings: Iterable[UUID] = (),
    pairs: Sequence[Pair] = (),
) -> None:
    """Notes what an action is about to change; ``one_at_a_time`` comes first, before anything is read.

    Args:
        connection: within a transaction.
        action: its identifier.
        kind: what is done.
        people: whose rows change, or who are made.
        sightings: whose people change.
        pairs: whose judgements change.
    """
    who, where = sorted(set(people)), sorted(set(sightings))
    rows = connection.execute("SELECT person, name, hidden, merged_into FROM people WHERE person = ANY(%s) FOR UPDATE", [who]).fetchall()
    found = {row[0]: {"name": row[1], "hidden": row[2], "merged_into": row[3] and str(row[3])} for row in rows}
    on = connection.execute("SELECT sighting, person FROM sightings WHERE sighting = ANY(%s) FOR UPDATE", [where]).fetchall()
    said: list[list[Any]] = []
    for first, second in pairs:
        row = connection.execute("SELECT same FROM pairs WHERE first = %s AND second = %s", [first, second]).fetchone()
        said.append([str(first), str(second), None if row is None else row[0]])
    before = {
        "people": {str(person): found.get(person) for person in who},
        "sightings": {str(sighting): person and str(person) for sighting, person in on},
        "pairs": said,
    }
    concerns = sorted({*who, *where, *(person for _, person in on if person), *(each for pair in pairs for each in pair)})
    connection.execute(
        "INSERT INTO actions (action, number, time, kind, before, concerns) "
        "VALUES (%s, (SELECT coalesce(max(number), 0) + 1 FROM actions), %s, %s, %s, %s)",
        [action, datetime.now(UTC), kind, json.dumps(before), concerns],
    )


def find_action(connection: Connection, action: UUID) -> Action | None:
    """An action that was done."""
    row = connection.execute("SELECT action, time, kind FROM actions WHERE action = %s", [action]).fetchone()
    return None if row is None else Action(*row)


def made_by(action: UUID) -> UUID:
    """The person whom an action makes, if it makes one."""
    return uuid5(action, "person")


def list_actions(connection: Connection, limit: int) -> list[Action]:
    """The latest actions that are not undone, the last one first."""
    rows = connection.execute(
        "SELECT action, time, kind FROM actions WHERE NOT undone ORDER BY number DESC, action LIMIT %s", [limit]
    ).fetchall()
    return [Action(*row) for row in rows]


def last_action(connection: Connection) -> UUID:
    """The last action that is not undone.

    Raises:
        GalleryError: there is none.
    """
    found = list_actions(connection, 1)
    if not found:
        raise GalleryError("there is nothing to undo")
    return found[0].id


def undo(connection: Connection, action: UUID, *, again: bool = False) -> Action:
    """Undoes an action.

    Args:
        connection: within a transaction.
        action: which.
        again: this call may have undone it before, and was not told.

    Raises:
        GalleryError: there is none, it is undone, a later one builds on it, or a name was given to somebody else since then.
    """
    one_at_a_time(connection)
    row = connection.execute(
        "SELECT action, time, kind, number, before, concerns, undone FROM actions WHERE action = %s", [action]
    ).fetchone()
    if row is None:
        raise GalleryError(f"there is no action {action} to undo")
    done = Action(*row[:3])
    number, before, concerns, undone = row[3:]
    if undone and again:
        return done
    if undone:
        raise GalleryError(f"the action {done.id} ({done.kind}) is undone already")
    later = connection.execute(
        "SELECT kind FROM actions WHERE number > %s AND NOT undone AND concerns && %s::uuid[] ORDER BY number DESC LIMIT 1",
        [number, concerns],
    ).fetchone()
    if later is not None:
        raise GalleryError(f"a later action ({later[0]}) is about the same people: undo that one first")
    check_names(connection, before)
    try:
        with connection.transaction():
            restore(connection, before)
    except psycopg.errors.UniqueViolation:  # somebody was enrolled under the name just now
        check_names(connection, before)
        raise
    connection.execute("UPDATE actions SET undone = true WHERE action = %s", [done.id])
    return done


def check_names(connection: Connection, before: dict[str, Any]) -> None:
    """Raises a GalleryError if a name that an action changed was given to somebody else since then."""
    people = {UUID(person): row for person, row in before["people"].items() if row is not None}
    names = [row["name"] for row in people.values() if row["name"] and row["merged_into"] is None]
    taken = connection.execute(
        "SELECT name FROM people WHERE name = ANY(%s) AND merged_into IS NULL AND person <> ALL(%s) LIMIT 1", [names, list(people)]
    ).fetchone()
    if taken is not None:
        raise GalleryError(f"another person is called {taken[0]!r} now: rename that one first, or merge the two")


def restore(connection: Connection, before: dict[str, Any]) -> None:
    """Puts back what an action changed."""
    for person, row in before["people"].items():
        if row is not None:
            connection.execute("UPDATE people SET name = '' WHERE person = %s", [person])  # names are free for one another
    for person, row in before["people"].items():
        if row is not None:
            connection.execute(
                "UPDATE people SET name = %s, hidden = %s, merged_into = %s WHERE person = %s",
                [row["name"], row["hidden"], row["merged_into"], person],
            )
    for sighting, person in before["sightings"].items():
        connection.execute("UPDATE sightings SET person = %s WHERE sighting = %s", [person, sighting])
    made = [UUID(person) for person, row in before["people"].items() if row is None]
    connection.execute(  # somebody may have been enrolled under the name meanwhile
        "DELETE FROM people p WHERE p.person = ANY(%s) AND NOT EXISTS (SELECT FROM sightings s WHERE s.person = p.person)", [made]
    )
    for first, second, same in before["pairs"]:
        say(connection, (UUID(first), UUID(second)), same)


def say(connection: Connection, pair: Pair, same: bool | None) -> None:
    """Notes whether two images show the same person; None for nobody knows."""
    if same is None:
        connection.execute("DELETE FROM pairs WHERE first = %s AND second = %s", pair)
    else:
        connection.execute(
            "INSERT INTO pairs (first, second, same) VALUES (%s, %s, %s) ON CONFLICT (first, second) DO UPDATE SET same = excluded.same",
            [*pair, same],
        )


def ordered(one: UUID, other: UUID) -> Pair:
    """Two images as a pair.

    Raises:
        GalleryError: they are one.
    """
    if one == other:
        raise GalleryError("an image and itself are no pair: name two")
    return min(one, other), max(one, other)
