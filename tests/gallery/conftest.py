"""One PostgreSQL for all tests of galleries, with a database for each test that wants one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gallery.people import PixelEmbedder
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.database import SCHEMA, Connection, Database
from rga.gallery.store.postgresql.embedded import Embedded

MakeUrl = Callable[[], str]
Result = TypeVar("Result")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A server that runs as long as the tests do."""
    running = Embedded(tmp_path_factory.mktemp("galleries") / "server")
    running.create()
    yield running
    running.destroy()


@pytest.fixture(scope="session")
def free_databases() -> list[str]:
    """Databases that tests have emptied: a new one is 300 files, which the disk must flush."""
    return []


@pytest.fixture
def make_url(server: Embedded, free_databases: list[str]) -> Iterator[MakeUrl]:
    """Gives the URL of an empty database."""
    taken: list[str] = []
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:

        def make() -> str:
            name = free_databases.pop() if free_databases else f"test_{uuid4().hex}"
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name}")
            taken.append(name)
            return url_of(server.url(name))

        yield make
    for name in taken:
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        free_databases.append(name)


def url_of(conninfo: str) -> str:
    """libpq's text as a URL."""
    found = conninfo_to_dict(conninfo)
    password, host = (quote(str(found[name]), safe="") for name in ("password", "host"))
    return f"postgresql://{found['user']}:{password}@/{found['dbname']}?host={host}&port={found['port']}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A path for a gallery of its own, where nothing is yet; what is there afterwards is removed, as it is large."""
    yield tmp_path / "gallery"
    shutil.rmtree(tmp_path / "gallery", ignore_errors=True)


@pytest.fixture
def gallery(make_url: MakeUrl) -> Iterator[Gallery]:
    """An empty gallery."""
    with Gallery.create(make_url(), PixelEmbedder()) as made:
        yield made


@pytest.fixture
def lost_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does each transaction twice, as if the answer to the commit of the first had been lost."""
    run = Database.run

    def twice(self: Database, work: Callable[[Connection], Result], *, reads: bool = False) -> Result:
        run(self, work, reads=reads)
        return run(self, work, reads=reads)

    monkeypatch.setattr(Database, "run", twice)
