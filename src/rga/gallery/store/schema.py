"""The schema of a gallery's database and its versions: numbered files of SQL, applied once and in order."""

from __future__ import annotations

from importlib.resources import files

from psycopg import sql

from rga.gallery.store.errors import GalleryError, StoreError
from rga.gallery.store.postgresql.database import SCHEMA, Connection

LOCK = 7_246_001
"""The advisory lock of who changes the schema."""
SPREAD = ("sightings", "thumbnails")
"""Tables that Citus spreads over machines, by their column ``sighting``; embeddings are spread like them. The others are copied to all."""
COPIED = ("people", "settings", "models", "pairs", "actions", "kept_out", "audit")


def migrations() -> dict[int, str]:
    """The versions of the schema: number -> SQL that leads to it from the one before."""
    folder = files("rga.gallery.store") / "migrations"
    found = [path for path in folder.iterdir() if path.name.endswith(".sql")]
    return {int(path.name.split("_", 1)[0]): path.read_text(encoding="utf-8") for path in sorted(found, key=lambda path: path.name)}


def version(connection: Connection) -> int:
    """Of the schema in the database; 0 if there is none."""
    there = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.migrations"]).fetchone()
    if there is None or there[0] is None:
        return 0
    found = connection.execute(f"SELECT max(version) FROM {SCHEMA}.migrations").fetchone()  # noqa: S608  our own name
    return found[0] or 0 if found else 0


def migrate(connection: Connection, *, create: bool) -> None:
    """Brings the schema to this version.

    Args:
        connection: within a transaction.
        create: the database must hold no gallery; otherwise it must hold one.

    Raises:
        GalleryError: there is a gallery that should not be, or none.
        StoreError: the schema is of a newer rga.
    """
    known = migrations()
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    found = version(connection)
    if create and found:
        raise GalleryError("the database holds a gallery already: open it, or name another database")
    if not create and not found:
        raise GalleryError("the database holds no gallery: make one with rga gallery create")
    if found > max(known):
        raise StoreError(f"the gallery has version {found} of the schema, and this rga knows {max(known)}: install a newer rga")
    if not found:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(f"CREATE TABLE {SCHEMA}.migrations (version integer PRIMARY KEY, time timestamptz NOT NULL DEFAULT now())")
    for number, text in known.items():
        if number > found:
            connection.execute(text)
            connection.execute("INSERT INTO migrations (version) VALUES (%s)", [number])
    if not found:
        spread(connection)


def spread(connection: Connection) -> None:
    """Spreads the tables over the machines of a Citus cluster, if the database is one."""
    if not has_citus(connection):
        return
    for table in COPIED:
        connection.execute("SELECT create_reference_table(%s)", [f"{SCHEMA}.{table}"])
    for table in SPREAD:
        spread_table(connection, table)


def spread_table(connection: Connection, table: str) -> None:
    """Spreads one table by its column ``sighting``, so that rows of one sighting are on one machine."""
    if has_citus(connection):
        connection.execute("SELECT create_distributed_table(%s, 'sighting')", [f"{SCHEMA}.{table}"])


def has_citus(connection: Connection) -> bool:
    """Whether the database is a Citus cluster."""
    return connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone() is not None


def embeddings_of(number: int) -> sql.Identifier:
    """The table of the embeddings of a model."""
    return sql.Identifier(f"embeddings_{number}")
