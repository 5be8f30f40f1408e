"""One PostgreSQL for all tests of galleries, with a database for each test that wants one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gallery.people import PixelEmbedder
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.database import SCHEMA
from rga.gallery.store.postgresql.embedded import Embedded

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="galleries in folders need unix sockets")

MakeUrl = Callable[[], str]


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter: root lets PostgreSQL run as somebody else, and pytest's own folders are closed."""
    folder = Path(tempfile.mkdtemp(prefix="rga-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(open_folder: Path) -> Iterator[Embedded]:
    """A server that runs as long as the tests do."""
    running = Embedded(open_folder / "server")
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
def folder(open_folder: Path) -> Iterator[Path]:
    """A path for a gallery of its own, where nothing is yet."""
    parent = Path(tempfile.mkdtemp(dir=open_folder))
    parent.chmod(0o711)
    yield parent / "gallery"
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def gallery(make_url: MakeUrl) -> Iterator[Gallery]:
    """An empty gallery."""
    with Gallery.create(make_url(), PixelEmbedder()) as made:
        yield made
