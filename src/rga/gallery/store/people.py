"""People of a gallery: who there is, their names, and what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from rga.gallery.results import Person
from rga.gallery.store.actions import begin, made_by, one_at_a_time, ordered, say
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.names import as_stored, folded
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.sightings import members

PERSON = sql.SQL(
    "SELECT coalesce(r.person, p.person), coalesce(r.name, p.name), coalesce(r.hidden, p.hidden), "
    "count(s.sighting), min(s.time), max(s.time), "
    "array_agg(DISTINCT s.camera) FILTER (WHERE s.camera <> ''), (array_agg(s.sighting ORDER BY s.sharpness DESC))[1] "
    "FROM people p LEFT JOIN people r ON r.person = p.merged_into LEFT JOIN sightings s ON s.person = p.person"
)


def list_people(connection: Connection, part: str, limit: int, offset: int) -> list[Person]:
    """People by name, those without one last."""
    chosen, values = sql.SQL("true"), []
    if wanted := folded(part):
        roots = connection.execute("SELECT person, name FROM people WHERE merged_into IS NULL AND name <> ''").fetchall()
        chosen = sql.SQL("coalesce(r.person, p.person) = ANY(%s)")  # PostgreSQL folds the letters of its locale alone
        values.append([person for person, name in roots if wanted in folded(name)])
    rows = connection.execute(
        sql.SQL(
            "{} WHERE {} GROUP BY 1, 2, 3 ORDER BY coalesce(r.name, p.name) = '', coalesce(r.name, p.name), 1 LIMIT %s OFFSET %s"
        ).format(PERSON, chosen),
        [*values, limit, offset],
    ).fetchall()
    return [as_person(row) for row in rows]


def read_person(connection: Connection, person: UUID) -> Person:
    """One person; who was merged into another is that one.

    Raises:
        GalleryError: the person is not there.
    """
    root = root_of(connection, person)
    rows = connection.execute(sql.SQL("{} WHERE coalesce(r.person, p.person) = %s GROUP BY 1, 2, 3").format(PERSON), [root]).fetchall()
    return as_person(rows[0])


def as_person(row: Sequence[Any]) -> Person:
    """A person from the columns."""
    person, name, hidden, sightings, first, last, cameras, example = row
    return Person(person, name, hidden, sightings, first, last, tuple(cameras or ()), example)


def root_of(connection: Connection, person: UUID) -> UUID:
    """The person, or who the person was merged into.

    Raises:
        GalleryError: the person is not there.
    """
    row = connection.execute("SELECT coalesce(merged_into, person) FROM people WHERE person = %s", [person]).fetchone()
    if row is None:
        raise GalleryError(f"the gallery has no person {person}: it was removed, or never there")
    found: UUID = row[0]
    return found


def everybody(connection: Connection, person: UUID) -> list[UUID]:
    """The person and all who were merged into the person.

    Raises:
        GalleryError: the person is not there.
    """
    return members(connection, [root_of(connection, person)])


def find_person(connection: Connection, named: str) -> UUID:
    """The person of a name, or of an identifier as text.

    Raises:
        GalleryError: there is none, or the name is empty.
    """
    if not (name := as_stored(named)):
        raise GalleryError("an empty name is nobody's: name a person, or the identifier of one without a name")
    row = connection.execute("SELECT person FROM people WHERE name = %s AND name <> '' AND merged_into IS NULL", [name]).fetchone()
    if row is not None:
        found: UUID = row[0]
        return found
    try:
        return root_of(connection, UUID(name))
    except ValueError as error:
        raise GalleryError(f"the gallery has no person {named!r}: rga gallery show lists them") from error


def name_person(connection: Connection, action: UUID, person: UUID, name: str) -> None:
    """Names a person.

    Raises:
        GalleryError: another person has the name, or the person is not there.
    """
    one_at_a_time(connection)
    root = root_of(connection, person)
    begin(connection, action, "name", people=[root])
    rename(connection, root, name)


def rename(connection: Connection, person: UUID, name: str) -> None:
    """Gives a person a name.

    Raises:
        GalleryError: another person has it.
    """
    name = as_stored(name)
    try:
        with connection.transaction():
            connection.execute("UPDATE people SET name = %s WHERE person = %s", [name, person])
    except psycopg.errors.UniqueViolation as error:
        raise GalleryError(f"another person is called {name!r}: merge the two, or choose another name") from error


def hide_person(connection: Connection, action: UUID, person: UUID, hidden: bool) -> None:
    """Leaves a person out of searches, or takes the person in again."""
    one_at_a_time(connection)
    root = root_of(connection, person)
    begin(connection, action, "hide", people=[root])
    connection.execute("UPDATE people SET hidden = %s WHERE person = %s", [hidden, root])


def merge_people(connection: Connection, action: UUID, into: UUID, others: Sequence[UUID]) -> None:
    """Makes several people one, who has the name of ``into``, else the first one of the others; see ``join_people``.

    Raises:
        GalleryError: one of them is not there, or there is nobody to merge.
    """
    one_at_a_time(connection)
    root = root_of(connection, into)
    roots = [each for each in dict.fromkeys(root_of(connection, other) for other in others) if each != root]
    if not roots:
        raise GalleryError("there is nobody to merge: name at least two different people")
    begin(connection, action, "merge", people=[root, *members(connection, roots)])
    join_people(connection, root, roots)


def join_people(connection: Connection, root: UUID, roots: Sequence[UUID]) -> None:
    """Merges people into one, who takes the first of their names that there is, and is hidden if one of them was.

    Whoever hid somebody did so for a reason, which others who merge do not know of.
    """
    found = connection.execute("SELECT person, name, hidden FROM people WHERE person = ANY(%s)", [[root, *roots]]).fetchall()
    names = {person: name for person, name, _ in found}
    name = next((names[each] for each in (root, *roots) if names[each]), "")
    hidden = any(hidden for _, _, hidden in found)
    connection.execute("UPDATE people SET merged_into = %s WHERE person = ANY(%s)", [root, members(connection, roots)])
    connection.execute("UPDATE people SET name = %s, hidden = %s WHERE person = %s", [name, hidden, root])


def assign_sightings(connection: Connection, action: UUID, sightings: Sequence[UUID], person: UUID | None, name: str = "") -> None:
    """Says who some sightings show.

    Args:
        connection: within a transaction.
        action: its identifier.
        sightings: which.
        person: who; None for somebody new.
        name: of somebody new; empty for none yet.

    Raises:
        GalleryError: one of them is not there, or another person has the name.
    """
    one_at_a_time(connection)
    there = connection.execute("SELECT count(*) FROM sightings WHERE sighting = ANY(%s)", [list(set(sightings))]).fetchone()
    if not sightings or there is None or there[0] != len(set(sightings)):
        raise GalleryError(f"the gallery has {there[0] if there else 0} of the {len(set(sightings))} sightings: name those that are there")
    new = made_by(action)
    root = new if person is None else root_of(connection, person)
    kind = "split" if person is None else "assign"
    begin(connection, action, kind, people=[root], sightings=sightings)
    if person is None:
        connection.execute("INSERT INTO people (person) VALUES (%s)", [new])
        rename(connection, new, name)
    connection.execute("UPDATE sightings SET person = %s WHERE sighting = ANY(%s)", [root, list(sightings)])


def judge(connection: Connection, action: UUID, one: UUID, other: UUID, same: bool) -> None:
    """Notes whether two images show the same person. Of two sightings that do, the people become one.

    Args:
        connection: within a transaction.
        action: its identifier.
        one: a sighting, or an image that was searched with.
        other: another.
        same: whether they do.
    """
    one_at_a_time(connection)
    pair = ordered(one, other)
    on: dict[UUID, UUID | None] = dict(
        connection.execute("SELECT sighting, person FROM sightings WHERE sighting = ANY(%s)", [list(pair)]).fetchall()
    )
    if not on:
        raise GalleryError("the gallery has neither of the two images: at least one is a sighting")
    kind = "same" if same else "not_same"
    if not same or len(on) < 2:
        begin(connection, action, kind, pairs=[pair])
        say(connection, pair, same)
        return
    roots = list(dict.fromkeys(root_of(connection, person) for person in on.values() if person))
    root = roots[0] if roots else made_by(action)
    lacking = [sighting for sighting, person in on.items() if person is None]
    changed = members(connection, roots) if roots else [root]
    begin(connection, action, kind, people=changed, sightings=lacking, pairs=[pair])
    say(connection, pair, same)
    if not roots:
        connection.execute("INSERT INTO people (person) VALUES (%s)", [root])
    connection.execute("UPDATE sightings SET person = %s WHERE sighting = ANY(%s)", [root, lacking])
    if len(roots) > 1:
        join_people(connection, root, roots[1:])
