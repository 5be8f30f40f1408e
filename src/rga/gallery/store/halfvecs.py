"""Embeddings in the binary format of PostgreSQL's COPY, whole arrays at a time: pgvector's halfvec is two bytes a number, big-endian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.gallery.store.postgresql.database import Connection

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
ROWS = 8192
"""Rows at a time; a few megabytes."""


def row_type(dimensions: int) -> np.dtype[Any]:
    """One row of (sighting, embedding) as it is in a COPY: each field after its size."""
    return np.dtype(
        [
            ("fields", ">i2"),
            ("sighting_size", ">i4"),
            ("sighting", "V16"),
            ("embedding_size", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("embedding", ">f2", (dimensions,)),
        ]
    )


def copy_in(connection: Connection, table: sql.Composable, sightings: Sequence[UUID], embeddings: NDArray[np.floating[Any]]) -> None:
    """Copies embeddings into a table of (sighting, embedding).

    Args:
        connection: within a transaction.
        table: to copy into.
        sightings: that they are of.
        embeddings: (n, D), rounded to half precision.

    Raises:
        ValueError: there are more or fewer embeddings than sightings.
    """
    if len(embeddings) != len(sightings):
        raise ValueError(f"{len(embeddings)} embeddings were given for {len(sightings)} sightings")
    dimensions = embeddings.shape[1]
    query = sql.SQL("COPY {} (sighting, embedding) FROM STDIN (FORMAT BINARY)").format(table)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        copy.write(HEADER)
        for start in range(0, len(sightings), ROWS):
            some = sightings[start : start + ROWS]
            rows = np.zeros(len(some), row_type(dimensions))
            rows["fields"], rows["sighting_size"], rows["embedding_size"], rows["dimensions"] = 2, 16, 4 + 2 * dimensions, dimensions
            rows["sighting"] = np.frombuffer(b"".join(each.bytes for each in some), "V16")
            rows["embedding"] = embeddings[start : start + ROWS]
            copy.write(rows.tobytes())
        copy.write(END)


def copy_out(connection: Connection, query: sql.Composable, dimensions: int) -> tuple[list[UUID], NDArray[np.float16]]:
    """Reads embeddings.

    Args:
        connection: within a transaction.
        query: gives (sighting, embedding); it takes no parameters.
        dimensions: numbers of an embedding.

    Returns:
        The sightings, and (n, D).
    """
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)) as copy:
        found = b"".join(bytes(part) for part in copy)
    rows = np.frombuffer(found[len(HEADER) : -len(END)], row_type(dimensions))
    return [UUID(bytes=each.tobytes()) for each in rows["sighting"]], rows["embedding"].astype(np.float16)


def as_text(row: NDArray[np.floating[Any]]) -> str:
    """An embedding as pgvector reads it in a query, in half precision."""
    return "[" + ",".join(map(repr, np.asarray(row, np.float16).tolist())) + "]"
