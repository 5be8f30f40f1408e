"""Connections to the database of a gallery: a pool, transactions that are tried again when the server was gone, checks of versions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from rga.errors import InputError, first_line
from rga.gallery.store.errors import GalleryError, StoreError
from rga.gallery.store.postgresql.embedded import Embedded

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
Result = TypeVar("Result")

OLDEST_SERVER = 15
OLDEST_PGVECTOR = (0, 8, 4)
"""Earlier versions can lose rows of an HNSW index, or crash, when it is vacuumed or built."""
TRIES = 5
"""How often a transaction is tried when the server is gone; each is whole or not at all, and may be repeated."""
OVERTAKEN = (psycopg.errors.ForeignKeyViolation, psycopg.errors.UndefinedTable)
"""Where a transaction finds that another one has removed what it had just read; read again, it is otherwise."""
SCHEMA = "rga_gallery"
"""All tables are in this schema of the database."""
LOCAL = f"SET LOCAL search_path = {SCHEMA}, public, extensions; SET LOCAL jit = off"
"""Begins a transaction: settings of sessions are not for those who share connections through a pooler."""
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
ANSWER = 10
"""Seconds in which a database answers when it is opened."""
PATIENCE = 30.0
"""Seconds that a connection is waited for."""
CONNECTIONS = 8
"""Of one process at most."""


class Database:
    """The database of a gallery.

    Args:
        url: of the database, as libpq takes it.
        server: the server that belongs to it; None for one that others run.
        replica: the URL of a copy that answers what only reads; None to ask the database itself.
    """

    def __init__(self, url: str, server: Embedded | None = None, replica: str | None = None) -> None:
        self.url = url
        self.server = server
        self.pool = pool(url)
        self.reading = self.pool if replica is None else pool(replica)

    @classmethod
    def open(cls, where: str | Path, replica: str | None = None) -> Database:
        """Reaches the database at a URL, or in a folder, whose server is started or shared.

        Raises:
            GalleryError: there is no gallery in the folder.
            StoreError: the database cannot be reached, or is of a version that must not be used.
        """
        if is_url(where):
            database = cls(checked_url(str(where)), replica=replica)
        else:
            server = Embedded(Path(where))
            server.join()
            database = cls(server.url(), server)
        try:
            database.run(check_versions)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def make(cls, where: str | Path, fill: Callable[[Connection], object]) -> Database:
        """Makes a database in a folder, or takes the one at a URL, and fills it; nothing is left of it if that fails.

        Args:
            where: a new folder, or the URL.
            fill: gets a connection, within a transaction.

        Raises:
            GalleryError: the folder is there already.
            StoreError: the database cannot be used.
        """
        if is_url(where):
            database = cls(checked_url(str(where)))
        else:
            server = Embedded(Path(where))
            server.create()
            database = cls(server.url(), server)
        try:
            database.run(check_versions)
            database.run(fill)
            if database.server is not None:
                database.server.finish()
        except BaseException:
            database.close()
            if database.server is not None:
                database.server.destroy()
            raise
        return database

    def run(self, work: Callable[[Connection], Result], *, reads: bool = False) -> Result:
        """Does some work in one transaction, and again if the server went away, or another transaction took what this one had just read.

        Args:
            work: gets a connection. What it does is done whole or not at all, and may be done twice where the answer was lost.
            reads: it only reads, so that a replica may answer; all of it then sees the database as it is at one moment.

        Raises:
            StoreError: the server stays away.
            GalleryError: what is written contradicts what is there.
            InputError: a value is none that a database stores.
            psycopg.errors.UndefinedTable: a table is gone, such as that of an earlier model that the work is about.
        """
        for attempt in range(TRIES):
            try:
                with (self.reading if reads else self.pool).connection() as connection:
                    connection.execute(SNAPSHOT + LOCAL if reads else LOCAL)
                    return work(connection)
            except OVERTAKEN as error:
                if attempt == TRIES - 1:
                    raise (error if isinstance(error, psycopg.errors.UndefinedTable) else refused(error)) from None
            except (psycopg.IntegrityError, psycopg.DataError, UnicodeEncodeError) as error:
                raise refused(error) from None  # their details hold names of people
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if not lost(error) or attempt == TRIES - 1:
                    raise explained(error) from error
                self.revive(attempt)
        raise AssertionError("the last try returns or raises")

    def revive(self, attempt: int) -> None:
        """Has the server run again: starts it, or gives those who run it some time."""
        if self.server is None:
            time.sleep(0.2 * 2**attempt)
        else:
            self.server.join()
        self.pool.check()
        if self.reading is not self.pool:
            self.reading.check()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection outside of transactions, for what cannot be in one: vacuum, indexes that are built beside writes."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {SCHEMA}, public, extensions")
            yield connection

    def close(self) -> None:
        """Closes all connections, and stops the server if nobody else uses it."""
        self.pool.close()
        if self.reading is not self.pool:
            self.reading.close()
        if self.server is not None:
            self.server.leave()


def is_url(where: str | Path) -> bool:
    """Whether a gallery is named by the URL of its database."""
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


def checked_url(url: str) -> str:
    """A URL as libpq's text, of a database that answers.

    Raises:
        StoreError: it is none, or nobody answers there.
    """
    try:
        text = make_conninfo(url)
        psycopg.connect(text, connect_timeout=ANSWER).close()
    except psycopg.ProgrammingError as error:
        raise StoreError(
            f"this is no URL of a PostgreSQL database ({first_line(error)}): expected postgresql://user@host/database"
        ) from error
    except psycopg.OperationalError as error:
        raise explained(error) from error
    return text


def pool(url: str) -> ConnectionPool[Connection]:
    """Connections that are opened when they are needed."""
    return ConnectionPool(
        url, min_size=0, max_size=CONNECTIONS, open=True, timeout=PATIENCE, kwargs={"prepare_threshold": None}, reconnect_timeout=5
    )


def lost(error: psycopg.Error) -> bool:
    """Whether an error says that the server went away, or is not yet there, or that two were in one another's way; not that it refuses."""
    state = error.sqlstate or ""
    return isinstance(error, PoolTimeout | psycopg.InterfaceError) or state == "" or state.startswith(("08", "57P", "40"))


def refused(error: psycopg.Error | UnicodeEncodeError) -> InputError:
    """An error that tells of values which the database does not take, for its user; without the details, which hold other rows."""
    if isinstance(error, UnicodeEncodeError):
        return InputError(f"{error.object!r} is no text, as it holds half of a pair of characters: write it without")
    if isinstance(error, psycopg.IntegrityError):
        return GalleryError(
            f"this contradicts what the gallery holds by now ({first_line(error)}): look again, and repeat it if it applies"
        )
    return InputError(f"the database takes no such value: {first_line(error)}")


def explained(error: psycopg.Error) -> StoreError:
    """An error of the server for its user."""
    return StoreError(f"the database of the gallery cannot be used: {first_line(error)}")


def check_versions(connection: Connection) -> None:
    """Checks the versions of PostgreSQL and pgvector, which is added to the database if it is not there.

    Raises:
        StoreError: one of them is too old, or pgvector is not installed.
    """
    major = connection.info.server_version // 10000
    if major < OLDEST_SERVER:
        raise StoreError(f"the database is PostgreSQL {major}: a gallery needs {OLDEST_SERVER} or newer")
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    found = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if found is None:
        try:
            with connection.transaction():
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.Error as error:
            raise StoreError(
                f"pgvector is not in the database, and cannot be added ({first_line(error)}): install pgvector >= {wanted} on the server, "
                "and have its administrator run CREATE EXTENSION vector"
            ) from error
        found = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    assert found is not None
    if tuple(int(part) for part in found[0].split(".")) < OLDEST_PGVECTOR:
        raise StoreError(
            f"pgvector {found[0]} is in the database: versions before {wanted} can corrupt HNSW indexes, so that people are not found, or "
            "not removed; install a newer one on the server and run ALTER EXTENSION vector UPDATE"
        )
