"""The HNSW index on the embeddings of a model: built where there are enough of them, and rebuilt where many were removed.

It is built beside reading and writing. Several processes of the server build it together, in memory that they share; a container may have
as little as 64 MiB of that, and then one process builds it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from rga.gallery.store.models import StoredModel
from rga.gallery.store.postgresql.database import Connection, Database

EXACT_ROWS = 20_000
"""Up to so many embeddings, all distances are computed; above it an index is worth its building."""
LOCK = 7_246
"""With the number of the model: the advisory lock of who builds its index."""
M, EF_CONSTRUCTION = 16, 100
"""Of the index: links of a node, and candidates while it is built."""
LINK_BYTES, ROW_BYTES = 16, 256
"""Of a link, and of a row beside its numbers and links, while pgvector builds. What does not fit is inserted on the disk, slowly."""
BUILD_BYTES = 2 * 2**30
"""Memory for building an index at most."""


def has_index(connection: Connection, model: StoredModel) -> bool:
    """Whether the embeddings of a model have an index that can be used."""
    return (
        connection.execute("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", [model.index]).fetchone() is not None
    )


def build_index(database: Database, model: StoredModel) -> bool:
    """Builds the index of a model's embeddings, if there are enough of them and it is not there.

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
        name = sql.Identifier(model.index)

        def build() -> None:
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(name))  # one whose building was interrupted
            connection.execute(
                sql.SQL(
                    "CREATE INDEX CONCURRENTLY {} ON {} USING hnsw (embedding halfvec_cosine_ops) WITH (m = {}, ef_construction = {})"
                ).format(name, model.table, sql.Literal(M), sql.Literal(EF_CONSTRUCTION))
            )

        with building(connection, model) as taken:
            if not taken or has_index(connection, model):
                return False  # another process builds it, or has just done so
            in_memory(connection, model, build)
        return True


@contextmanager
def building(connection: Connection, model: StoredModel) -> Iterator[bool]:
    """Whether this process may build the index of a model's embeddings now; otherwise another one does.

    Nobody waits for the lock: building waits for all transactions that are under way, and so for those who would wait.
    """
    taken = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, model.number]).fetchone()
    assert taken is not None
    try:
        yield taken[0]
    finally:
        if taken[0] and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, model.number])


def rebuild_index(connection: Connection, model: StoredModel) -> bool:
    """Builds the index of a model's embeddings anew, without the rows that were removed.

    Args:
        connection: outside of transactions.
        model: has an index.

    Returns:
        Whether it was; not where another process builds it at the moment, after which a vacuum takes the removed rows from it.
    """

    def build() -> None:
        for suffix in ("_ccnew", "_ccold"):  # what PostgreSQL leaves where building anew was interrupted
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(model.index + suffix)))
        connection.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(model.index)))

    with building(connection, model) as taken:
        if taken:
            in_memory(connection, model, build)
    return taken


def in_memory(connection: Connection, model: StoredModel, build: Callable[[], None]) -> None:
    """Builds an index with the memory that it needs to be fast, within bounds; by one process where there is none to share."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(model.table)).fetchone()
    assert row is not None
    needed = int(row[0] * (2 * model.dimensions + 2 * M * LINK_BYTES + ROW_BYTES) * 1.1)
    kilobytes = min(BUILD_BYTES, max(64 * 2**20, needed)) // 1024
    connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(f"{kilobytes}kB")))
    try:
        build()
    except psycopg.errors.DiskFull:
        connection.execute("SET max_parallel_maintenance_workers = 0")
        build()
