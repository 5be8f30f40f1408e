"""Removal that is real: rows of all tables in one transaction, then a vacuum, then a search for what should be gone.

PostgreSQL keeps removed rows on the disk until a vacuum. So a removal ends with one, rebuilds the index if many rows are gone from it,
and says in a receipt what it looked for afterwards. Copies that others made (backups, replicas that lag, write-ahead logs that are
archived) are out of its reach.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.gallery.results import Receipt
from rga.gallery.store.actions import one_at_a_time
from rga.gallery.store.audit import is_noted, note
from rga.gallery.store.indexing import has_index, rebuild_index
from rga.gallery.store.judgements import Removed, hand_on
from rga.gallery.store.models import active_model, all_models
from rga.gallery.store.people import everybody
from rga.gallery.store.postgresql.database import Connection, Database
from rga.gallery.store.searching import embeddings, nearest
from rga.gallery.store.sightings import JOINED
from rga.gallery.store.writing import kept_out_digest

QUERIES = 50
"""So many of the removed embeddings are searched for, evenly spread over them."""
PATIENCE = 5.0
"""Seconds for others to end what still sees the removed rows; most of it is short."""
REINDEX_SHARE = 0.1
"""An index is rebuilt when this share of its rows was removed at once; a vacuum repairs it for less."""


@dataclass(frozen=True)
class Deleted:
    """What one transaction removed."""

    sightings: tuple[UUID, ...]
    people: tuple[UUID, ...]
    thumbnails: int
    embeddings: int
    left: int
    examples: tuple[tuple[UUID, NDArray[np.float32]], ...]


def remove_where(
    database: Database, condition: str, values: Sequence[Any], *, person: UUID | None = None, salt: str | None, who: str, why: str
) -> Receipt:
    """Removes sightings, and proves it.

    Args:
        database: of the gallery.
        condition: SQL of ours about ``s``, ``p`` and ``r``, see ``sightings.JOINED``.
        values: of the condition.
        person: who is removed even without sightings, with all who were merged into the person; the condition's value are all of them.
        salt: of the gallery, to keep the contents out from now on; None to let them come back.
        who: does it, for the audit log.
        why: likewise.

    Raises:
        GalleryError: the person is not there.
    """
    receipt = uuid4()
    tried: list[Deleted] = []

    def work(connection: Connection) -> Deleted:
        if not is_noted(connection, receipt):  # otherwise it is done, and the answer was lost
            one_at_a_time(connection)
            people = [] if person is None else everybody(connection, person)
            found = delete(connection, condition, values if person is None else [people], people, salt)
            note(connection, receipt, who, "remove", {"why": why, "sightings": len(found.sightings), "people": len(found.people)})
            tried.append(found)
        return tried[-1]

    now = datetime.now(UTC)
    gone = database.run(work)
    reindexed, dead = clean(database, gone)
    found = database.run(lambda connection: still_found(connection, gone))
    orphans = database.run(lambda connection: orphans_of(connection, gone))
    return Receipt(
        id=receipt,
        time=now,
        removed=len(gone.sightings),
        people=len(gone.people),
        thumbnails=gone.thumbnails,
        embeddings=gone.embeddings,
        queries=len(gone.examples),
        found=found,
        orphans=orphans,
        dead_rows=dead,
        reindexed=reindexed,
    )


def delete(connection: Connection, condition: str, values: Sequence[Any], people: Sequence[UUID], salt: str | None) -> Deleted:
    """Removes rows from all tables, within a transaction."""
    rows = connection.execute(
        f"SELECT s.sighting, s.content, s.person, s.recording, s.track FROM {JOINED} WHERE {condition} ORDER BY 1",  # noqa: S608
        values,
    ).fetchall()
    ids = [row[0] for row in rows]
    models = all_models(connection)
    active = active_model(connection)
    spread = ids[:: max(1, len(ids) // QUERIES)][:QUERIES]
    examples = tuple(embeddings(connection, active, spread).items())
    counts = {}
    for name, table in (("thumbnails", sql.Identifier("thumbnails")), *((str(model.number), model.table) for model in models)):
        counts[name] = connection.execute(sql.SQL("DELETE FROM {} WHERE sighting = ANY(%s)").format(table), [ids]).rowcount
    connection.execute("DELETE FROM sightings WHERE sighting = ANY(%s)", [ids])
    concerned = sorted({row[2] for row in rows if row[2]} | set(people))
    gone = [
        row[0]
        for row in connection.execute(
            "SELECT p.person FROM people p WHERE p.person = ANY(%(all)s) "
            "AND (coalesce(p.merged_into, p.person) = ANY(%(named)s) OR NOT EXISTS "
            "(SELECT FROM sightings s JOIN people q ON q.person = s.person "
            "WHERE coalesce(q.merged_into, q.person) = coalesce(p.merged_into, p.person)))",
            {"all": concerned, "named": list(people)},
        ).fetchall()
    ]
    roots = connection.execute(
        "SELECT DISTINCT merged_into FROM people WHERE person = ANY(%s) AND merged_into IS NOT NULL", [gone]
    ).fetchall()
    emptied = sorted({*gone, *(row[0] for row in roots)})
    nobody = [  # with those who were merged into them, and had no sightings left since an earlier removal
        row[0]
        for row in connection.execute(
            "DELETE FROM people WHERE person = ANY(%s) OR merged_into = ANY(%s) RETURNING person", [emptied, emptied]
        ).fetchall()
    ]
    hand_on(connection, [Removed(sighting, *about) for sighting, _, *about in rows])
    everything = [*ids, *nobody]
    connection.execute("DELETE FROM pairs WHERE first = ANY(%s) OR second = ANY(%s)", [everything, everything])
    connection.execute("DELETE FROM actions WHERE concerns && %s::uuid[]", [everything])
    if salt is not None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO kept_out (digest) VALUES (%s) ON CONFLICT DO NOTHING", [(kept_out_digest(salt, row[1]),) for row in rows]
            )
    row = connection.execute(sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 1000000) AS counted").format(active.table)).fetchone()
    assert row is not None
    vectors = sum(count for name, count in counts.items() if name != "thumbnails")
    return Deleted(tuple(ids), tuple(nobody), counts["thumbnails"], vectors, row[0], examples)


def clean(database: Database, gone: Deleted) -> tuple[bool, int]:
    """Has the removed rows leave the disk; whether the index was rebuilt, and how many rows are still there.

    Where nothing was removed, too: an earlier removal may have been interrupted before its vacuum.
    """
    reindexed, dead = False, 0
    with database.alone() as connection:
        for model in all_models(connection):
            share = len(gone.sightings) / max(1, gone.left + len(gone.sightings))
            if share >= REINDEX_SHARE and has_index(connection, model):
                reindexed = rebuild_index(connection, model) or reindexed
        deadline = time.monotonic() + PATIENCE
        for table in tables(connection):
            left = vacuum(connection, table, deadline)
            dead += max(1, len(gone.sightings) + len(gone.people)) if left is None else left
            connection.execute(sql.SQL("ANALYZE {}").format(table))
    return reindexed, dead


def vacuum(connection: Connection, table: sql.Identifier, deadline: float) -> int | None:
    """Takes the removed rows of a table, and of what it stores apart, off the disk.

    The count is the vacuum's own, read before anything else can change it: other connections report what they removed up to a minute
    later, which is then counted as dead though it is gone, and an analysis counts a sample alone. So it is also tried again while rows
    are left, until the deadline.

    Returns:
        How many rows are left, which another transaction may see; None if the vacuum was not done, as the user does not own the table or
        the server counts nothing.
    """
    pause = 0.05
    while True:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        connection.execute(sql.SQL("VACUUM {}").format(table))
        found = connection.execute(
            "SELECT sum(t.n_dead_tup), bool_and(coalesce(t.last_vacuum >= %s, false)) FROM pg_class c "
            "JOIN pg_stat_all_tables t ON t.relid IN (c.oid, c.reltoastrelid) WHERE c.oid = to_regclass(%s)",
            [row[0], table.as_string(connection)],
        ).fetchone()
        assert found is not None
        dead, done = found
        if not done:
            return None
        if not dead or time.monotonic() + pause > deadline:
            return int(dead)
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def tables(connection: Connection) -> list[sql.Identifier]:
    """The tables that hold what belongs to people."""
    named = ("sightings", "thumbnails", "people", "pairs", "actions")
    return [*(sql.Identifier(name) for name in named), *(model.table for model in all_models(connection))]


def still_found(connection: Connection, gone: Deleted) -> int:
    """How many removed sightings a search with their own embeddings finds, by the index and without."""
    model, removed = active_model(connection), set(gone.sightings)
    found: set[UUID] = set()
    for _, embedding in gone.examples:
        for exact in {True, not has_index(connection, model)}:
            found |= {sighting for sighting, _ in nearest(connection, model, embedding, 10, exact=exact)} & removed
    return len(found)


def orphans_of(connection: Connection, gone: Deleted) -> int:
    """How many rows belong to removed sightings and people all the same."""
    count = 0
    values = {"ids": list(gone.sightings), "all": [*gone.sightings, *gone.people], "people": list(gone.people)}
    for table in (sql.Identifier("thumbnails"), *(model.table for model in all_models(connection))):
        row = connection.execute(sql.SQL("SELECT count(*) FROM {} WHERE sighting = ANY(%(ids)s)").format(table), values).fetchone()
        assert row is not None
        count += row[0]
    for query in (
        "SELECT count(*) FROM sightings WHERE sighting = ANY(%(ids)s)",
        "SELECT count(*) FROM people p WHERE (person = ANY(%(people)s) OR merged_into = ANY(%(people)s)) "
        "AND NOT EXISTS (SELECT FROM sightings s WHERE s.person = p.person)",  # who has some was enrolled again meanwhile
        "SELECT count(*) FROM pairs WHERE first = ANY(%(all)s) OR second = ANY(%(all)s)",
        "SELECT count(*) FROM actions WHERE concerns && %(all)s::uuid[]",
    ):
        row = connection.execute(query, values).fetchone()
        assert row is not None
        count += row[0]
    return count
