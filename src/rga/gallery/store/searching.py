"""The nearest sightings: exact where few are compared, and by the HNSW index otherwise.

An exact search finds the rows that a filter keeps by the B-trees of sightings and computes all distances. A search by the index walks it
in the order of distance, so that a filter is applied to what comes out until there is enough (pgvector's iterative scan). That scan ends
after some thousand rows (hnsw.max_scan_tuples), which a filter may all leave out; then all distances are computed. Settings are set for
one transaction, as poolers of connections need it.
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
from rga.gallery.store.indexing import has_index
from rga.gallery.store.models import StoredModel
from rga.gallery.store.postgresql.database import Connection

FEW_ROWS = 20_000
"""Up to so many that a filter keeps, all distances are computed: where a filter kept a tenth, the index missed a tenth of the nearest."""
FEW = "SET LOCAL random_page_cost = 1.1; SET LOCAL max_parallel_workers_per_gather = 0"
"""Few rows are fetched one by one by the B-trees. By the costs of a spinning disk, PostgreSQL would read the whole table with a second
process, whose start alone takes longer than the search."""
EF_SEARCH = 100
"""Candidates of a search by the index at least; pgvector takes 1,000 at most."""
FILTERED_EF_SEARCH = 400
"""The same where a filter leaves out some of them."""
LARGEST_EF_SEARCH = 1000


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


@dataclass(frozen=True)
class Nearest:
    """The nearest sightings, and how they were found.

    Attributes:
        hits: the nearest first.
        exact: whether all distances were computed.
    """

    hits: list[Hit]
    exact: bool


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
        The nearest first, with cosine distances in half precision; fewer than ``count`` if there are no more.
    """
    return find_nearest(connection, model, direction, count, kept, exact).hits


def find_nearest(
    connection: Connection,
    model: StoredModel,
    direction: NDArray[np.floating[Any]],
    count: int,
    kept: Filter | None = None,
    exact: bool | None = None,
) -> Nearest:
    """The same as ``nearest``, and how it was found: the index is not taken at its word that there are no more."""
    kept = kept or Filter()
    if exact is None:
        exact = not has_index(connection, model) or (kept.narrow and few_kept(connection, kept) is not None)
    if exact:
        if kept.narrow:
            connection.execute(FEW)
        return Nearest(ask(connection, model, direction, count, kept, exact=True), exact=True)
    size = min(LARGEST_EF_SEARCH, max(FILTERED_EF_SEARCH if kept.narrow else EF_SEARCH, 2 * count))
    connection.execute(
        sql.SQL("SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL enable_seqscan = off").format(
            sql.Literal(size)
        )
    )
    hits = ask(connection, model, direction, count, kept, exact=False)
    if len(hits) >= count:
        return Nearest(hits, exact=False)
    connection.execute("SET LOCAL enable_seqscan = on")
    return Nearest(ask(connection, model, direction, count, kept, exact=True), exact=True)


def ask(
    connection: Connection, model: StoredModel, direction: NDArray[np.floating[Any]], count: int, kept: Filter, *, exact: bool
) -> list[Hit]:
    """What PostgreSQL answers, by the index or by all distances."""
    condition, values = kept.condition()
    needs_sightings = bool(values)
    joined = sql.SQL("JOIN sightings s ON s.sighting = e.sighting") if needs_sightings else sql.SQL("")
    order: sql.Composable = sql.SQL("e.embedding <=> %(direction)s::halfvec")
    if exact:
        order = sql.SQL("({}) + 0").format(order)  # which the index cannot serve
    query = sql.SQL(
        "SELECT e.sighting, e.embedding <=> %(direction)s::halfvec FROM {table} e {joined} WHERE {condition} "
        "ORDER BY {order} LIMIT %(count)s"
    ).format(table=model.table, joined=joined, condition=condition, order=order)
    length = float(np.linalg.norm(direction)) or 1.0
    return connection.execute(query, {**values, "direction": as_text(direction / length), "count": count}).fetchall()


def few_kept(connection: Connection, kept: Filter) -> int | None:
    """How many sightings a filter keeps, if they are so few that all of them are compared; None if they are more."""
    condition, values = kept.condition()
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM (SELECT FROM sightings s WHERE {} LIMIT %(limit)s) AS counted").format(condition),
        {**values, "limit": FEW_ROWS + 1},
    ).fetchone()
    assert row is not None
    return int(row[0]) if row[0] <= FEW_ROWS else None


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
