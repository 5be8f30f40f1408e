"""The models of a gallery, and the table of embeddings that each has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.gallery.store.errors import GalleryError, OtherModelError
from rga.gallery.store.halfvecs import copy_in
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.schema import embeddings_of, spread_table

LOCK = 7_246_002
"""The advisory lock of who adds a model, or switches to another one."""


@dataclass(frozen=True)
class StoredModel:
    """A model as the database knows it.

    Attributes:
        number: of its table.
        fingerprint: of the model.
        about: how it is opened.
        dimensions: numbers of an embedding.
        calibration: the fields of a ``Calibration``, of the gallery or of the model; None without one.
    """

    number: int
    fingerprint: str
    about: dict[str, Any]
    dimensions: int
    calibration: dict[str, Any] | None

    @property
    def table(self) -> sql.Identifier:
        """Of its embeddings."""
        return embeddings_of(self.number)

    @property
    def index(self) -> str:
        """The name of the HNSW index on its table."""
        return f"embeddings_{self.number}_hnsw"

    def check(self, fingerprint: str, dimensions: int | None = None) -> None:
        """Raises an OtherModelError unless embeddings are of this model."""
        if fingerprint != self.fingerprint or dimensions not in (None, self.dimensions):
            raise OtherModelError(
                f"the gallery holds embeddings of the model {self.about.get('model', '?')} ({self.fingerprint}), which cannot be compared "
                f"with those of {fingerprint}: open the gallery with its own model, or change its model with rga gallery rebuild"
            )


def add_model(
    connection: Connection,
    fingerprint: str,
    about: Mapping[str, Any],
    dimensions: int,
    *,
    active: bool,
    calibration: Mapping[str, Any] | None = None,
) -> StoredModel:
    """Makes the table for the embeddings of a model; the one that is there is taken again.

    Args:
        connection: within a transaction.
        fingerprint: of the model.
        about: how it is opened.
        dimensions: numbers of an embedding.
        active: it is the one that is searched with; otherwise its table is filled before it becomes that.
        calibration: what the model was calibrated to; see ``StoredModel``.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    found = find_model(connection, "fingerprint = %s", fingerprint)
    if found is not None:
        return found
    taken = connection.execute("SELECT nextval('models_number')").fetchone()
    assert taken is not None
    number: int = taken[0]
    connection.execute(
        "INSERT INTO models (number, fingerprint, about, dimensions, state, calibration) VALUES (%s, %s, %s, %s, %s, %s)",
        [number, fingerprint, json.dumps(dict(about)), dimensions, "active" if active else "filling", as_json(calibration)],
    )
    table = embeddings_of(number)
    connection.execute(
        sql.SQL(
            "CREATE TABLE {} (sighting uuid PRIMARY KEY REFERENCES sightings (sighting) ON DELETE CASCADE, embedding halfvec({}) NOT NULL)"
        ).format(table, sql.Literal(dimensions))
    )
    connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN embedding SET STORAGE PLAIN").format(table))
    spread_table(connection, f"embeddings_{number}")
    made = find_model(connection, "number = %s", number)
    assert made is not None
    return made


def find_model(connection: Connection, condition: str, *values: object) -> StoredModel | None:
    """The model that fulfils a condition."""
    row = connection.execute(
        f"SELECT number, fingerprint, about, dimensions, calibration FROM models WHERE {condition}",  # noqa: S608  a condition of ours
        values,
    ).fetchone()
    return None if row is None else StoredModel(*row)


def active_model(connection: Connection) -> StoredModel:
    """The model that the gallery is searched with.

    Raises:
        GalleryError: there is none, because the gallery is half made.
    """
    found = find_model(connection, "state = 'active'")
    if found is None:
        raise GalleryError("the gallery has no model: its making was interrupted; make it again")
    return found


def all_models(connection: Connection) -> list[StoredModel]:
    """The active model, and those whose tables are being filled."""
    rows = connection.execute("SELECT number, fingerprint, about, dimensions, calibration FROM models ORDER BY number").fetchall()
    return [StoredModel(*row) for row in rows]


def switch(connection: Connection, model: StoredModel) -> int:
    """Makes another model the active one, and removes the embeddings of the one before. If it is active already, nothing is done.

    Args:
        connection: within a transaction.
        model: whose table is filled.

    Returns:
        How many sightings have no embedding of the model; if there are any, nothing is switched.

    Raises:
        OtherModelError: the model was removed meanwhile.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    connection.execute("LOCK TABLE sightings IN SHARE MODE")
    before = active_model(connection)
    if before.number == model.number:
        return 0
    check_there(connection, model)
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM sightings s WHERE NOT EXISTS (SELECT FROM {} e WHERE e.sighting = s.sighting)").format(model.table)
    ).fetchone()
    assert row is not None
    if row[0]:
        return int(row[0])
    connection.execute("DELETE FROM models WHERE number = %s", [before.number])
    connection.execute("UPDATE models SET state = 'active' WHERE number = %s", [model.number])
    connection.execute(sql.SQL("DROP TABLE {}").format(before.table))
    return 0


def lacking_sources(connection: Connection, model: StoredModel, limit: int) -> list[str]:
    """The sources of some sightings without an embedding of a model."""
    rows = connection.execute(
        sql.SQL(
            "SELECT DISTINCT s.source FROM sightings s WHERE NOT EXISTS (SELECT FROM {} e WHERE e.sighting = s.sighting) "
            "ORDER BY 1 LIMIT %s"
        ).format(model.table),
        [limit],
    ).fetchall()
    return [row[0] for row in rows]


def check_there(connection: Connection, model: StoredModel) -> None:
    """Raises an OtherModelError if a model was removed meanwhile."""
    if find_model(connection, "number = %s", model.number) is None:
        now = active_model(connection)
        raise OtherModelError(
            f"embeddings of the model {model.about.get('model', '?')} ({model.fingerprint}) were removed meanwhile, and the gallery has "
            f"{now.about.get('model', '?')} ({now.fingerprint}): open it again, or repeat the call if it should change the model again"
        )


def write_embeddings(connection: Connection, model: StoredModel, sightings: Sequence[UUID], features: NDArray[np.float32]) -> None:
    """Adds embeddings; those that are there stay, and those of sightings that were removed meanwhile are left out.

    Args:
        connection: within a transaction.
        model: of the embeddings.
        sightings: that they are of.
        features: (n, D), of length 1.
    """
    arrived = sql.Identifier("arrived")
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (sighting uuid, embedding halfvec({})) ON COMMIT DROP").format(
            arrived, sql.Literal(model.dimensions)
        )
    )
    copy_in(connection, arrived, sightings, features)
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (sighting, embedding) SELECT a.sighting, a.embedding FROM {} a JOIN sightings s ON s.sighting = a.sighting "
            "ORDER BY a.sighting ON CONFLICT DO NOTHING"
        ).format(model.table, arrived)
    )
    connection.execute(sql.SQL("DROP TABLE {}").format(arrived))


def as_json(value: Mapping[str, Any] | None) -> str | None:
    """A value for a column of JSON."""
    return None if value is None else json.dumps(dict(value))
