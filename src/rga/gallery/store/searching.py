"""The nearest sightings: exact where few are compared, and by the HNSW index otherwise.

An exact search finds the rows that a filter keeps by the B-trees of sightings and computes all distances. A search by the index walks it
in the order of distance, so that a filter is applied to what comes out until there is enough (pgvector's iterative scan). Settings are
set for one transaction, as poolers of connections need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.gallery.results import Sighting
from rga.gallery.store.halfvecs import as_text, copy_out
from rga.gallery.store.models import StoredModel
from rga.gallery.store.postgresql.database import Connection, Database

EXACT_ROWS = 20_000
"""Up to so many embeddings, all distances are computed; above it an index is worth its building."""
FEW_ROWS = 20_000
"""Up to so many that a filter keeps, all distances are computed: where a filter kept a tenth, the index missed a tenth of the nearest."""
EF_SEARCH = 100
"""Candidates of a search by the index at least; pgvector takes 1,000 at most."""
FILTERED_EF_SEARCH = 400
"""The same where a filter leaves out some of them."""
LARGEST_EF_SEARCH = 1000
M, EF_CONSTRUCTION = 16, 100
"""Of the index: links of a node, and candidates while it is built."""
BUILD_BYTES = 2 * 2**30
"""Memory for building an index at most."""


@dataclass(frozen=True)
class Filter:
    """Which sightings are searched.

    Attributes:
        cameras: of any of these; empty for all.
        since: taken at this time or later; None for any, also unknown times.
        until: taken before this time; None for any, also unknown times.
        without: sightings that are left out.
        without_people: people who are left out, merged ones included.
    """

    cameras: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    without: tuple[UUID, ...] = ()
    without_people: tuple[UUID, ...] = ()

    @property
    def narrow(self) -> bool:
        """Whether it may keep few sightings."""
        return bool(self.cameras or self.since or self.until)

    def keeps(self, sighting: Sighting) -> bool:
        """Whether a sighting is searched; people who are left out are named by those whom others were merged into."""
        return (
            (not self.cameras or sighting.camera in self.cameras)
            and (self.since is None or (sighting.time is not None and sighting.time >= self.since))
            and (self.until is None or (sighting.time is not None and sighting.time < self.until))
            and sighting.id not in self.without
            and sighting.person not in self.without_people
        )

    def condition(self) -> tuple[sql.Composable, dict[str, Any]]:
        """As SQL about the sighting ``s``, with its values."""
        parts, values = [], {}
        for name, value, text in (
            ("cameras", list(self.cameras) or None, "s.camera = ANY(%(cameras)s)"),
            ("since", self.since, "s.time >= %(since)s"),
            ("until", self.until, "s.time < %(until)s"),
            ("without", list(self.without) or None, "s.sighting <> ALL(%(without)s)"),
            ("people", list(self.without_people) or None, "(s.person IS NULL OR s.person <> ALL(%(people)s))"),
        ):
            if value is not None:
                parts.append(sql.SQL(text))
                values[name] = value
        return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true"), values


Hit = tuple[UUID, float]
"""A sighting and its cosine distance."""


def nearest(
    connection: Connection,
    model: StoredModel,
    direction: NDArray[np.floating[Any]],
    count: int,
    kept: Filter | None = None,
    exact: bool | None = None,
) -> list[Hit]:
    """The sightings nearest to a direction.

    Args:
        connection: within a transaction.
        model: of the embeddings.
        direction: (D,), of any length.
        count: of sightings.
        kept: which are searched; by default all.
        exact: compute all distances, or use the index; by default whichever suits.

    Returns:
        The nearest first, with cosine distances in half precision.
    """
    kept = kept or Filter()
    condition, values = kept.condition()
    if exact is None:
        exact = not has_index(connection, model) or (kept.narrow and keeps_few(connection, kept))
    needs_sightings = bool(values)
    joined = sql.SQL("JOIN sightings s ON s.sighting = e.sighting") if needs_sightings else sql.SQL("")
    order: sql.Composable = sql.SQL("e.embedding <=> %(direction)s::halfvec")
    if exact:
        order = sql.SQL("({}) + 0").format(order)  # which the index cannot serve
    else:
        size = min(LARGEST_EF_SEARCH, max(FILTERED_EF_SEARCH if kept.narrow else EF_SEARCH, 2 * count))
        connection.execute(
            sql.SQL("SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL enable_seqscan = off").format(
                sql.Literal(size)
            )
        )
    query = sql.SQL(
        "SELECT e.sighting, e.embedding <=> %(direction)s::halfvec FROM {table} e {joined} WHERE {condition} "
        "ORDER BY {order} LIMIT %(count)s"
    ).format(table=model.table, joined=joined, condition=condition, order=order)
    length = float(np.linalg.norm(direction)) or 1.0
    return connection.execute(query, {**values, "direction": as_text(direction / length), "count": count}).fetchall()


def keeps_few(connection: Connection, kept: Filter) -> bool:
    """Whether a filter keeps so few sightings that all of them are compared."""
    condition, values = kept.condition()
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM (SELECT FROM sightings s WHERE {} LIMIT %(limit)s) AS counted").format(condition),
        {**values, "limit": FEW_ROWS + 1},
    ).fetchone()
    assert row is not None
    return bool(row[0] <= FEW_ROWS)


def has_index(connection: Connection, model: StoredModel) -> bool:
    """Whether the embeddings of a model have an index that can be used."""
    return (
        connection.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", [model.index]).fetchone() is not None
    )


def count(connection: Connection, model: StoredModel, *, estimate: bool) -> int:
    """How many embeddings there are; as PostgreSQL estimates it where counting takes long."""
    if estimate:
        name = f"embeddings_{model.number}"
        row = connection.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass(%s)", [name]).fetchone()
    else:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(model.table)).fetchone()
    assert row is not None
    return int(row[0])


def embeddings(connection: Connection, model: StoredModel, sightings: Sequence[UUID]) -> dict[UUID, NDArray[np.float32]]:
    """The embeddings of some sightings, of length 1 but for rounding."""
    if not sightings:
        return {}
    ids = sql.SQL(", ").join(map(sql.Literal, sightings))
    query = sql.SQL("SELECT sighting, embedding FROM {} WHERE sighting IN ({})").format(model.table, ids)
    found, rows = copy_out(connection, query, model.dimensions)
    return dict(zip(found, rows.astype(np.float32), strict=True))


def build_index(database: Database, model: StoredModel) -> bool:
    """Builds the index of a model's embeddings beside reading and writing, if there are enough of them and it is not there.

    Returns:
        Whether it was built.
    """
    with database.alone() as connection:
        if has_index(connection, model):
            return False
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS counted").format(model.table, sql.Literal(EXACT_ROWS + 1))
        ).fetchone()
        assert row is not None
        if row[0] <= EXACT_ROWS:
            return False
        taken = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [7_246, model.number]).fetchone()
        assert taken is not None
        if not taken[0]:
            return False  # another process builds it
        set_memory(connection, model)
        connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(model.index)))  # one whose building was interrupted
        connection.execute(
            sql.SQL(
                "CREATE INDEX CONCURRENTLY {} ON {} USING hnsw (embedding halfvec_cosine_ops) WITH (m = {}, ef_construction = {})"
            ).format(sql.Identifier(model.index), model.table, sql.Literal(M), sql.Literal(EF_CONSTRUCTION))
        )
        return True


def set_memory(connection: Connection, model: StoredModel) -> None:
    """Gives the building of an index the memory that it needs to be fast, within bounds."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(model.table)).fetchone()
    assert row is not None
    needed = int(row[0] * (2 * model.dimensions + 16 * M + 256) * 1.1)
    kilobytes = min(BUILD_BYTES, max(64 * 2**20, needed)) // 1024
    connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(f"{kilobytes}kB")))
