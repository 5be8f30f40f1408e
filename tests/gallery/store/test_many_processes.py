"""Several processes on one gallery: in a folder, and on a server that is reached over TCP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gallery.people import PixelEmbedder, image_of
from gallery.store.test_killed import PATHS, check, start
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql import embedded
from rga.gallery.store.postgresql.embedded import Embedded

READER = """
import sys
from gallery.people import PixelEmbedder, image_of
from rga.gallery.gallery import Gallery
with Gallery.open(sys.argv[1], PixelEmbedder()) as gallery:
    print("open", flush=True)
    seen = 0
    while seen < int(sys.argv[2]):
        for person in (0, 20, 40, 60):
            result = gallery.search([image_of(person, 99)], top=3)
            seen = result.searched
            assert all(len(group.sightings) <= 4 for group in result.groups)
    assert {gallery.search([image_of(person, 99)], top=1).groups[0].name for person in (0, 20, 40, 60)} == {"p000", "p020", "p040", "p060"}
print("done", flush=True)
"""


def finished(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert out.endswith("done\n")


def test_two_writers_add_the_same_and_each_sighting_is_there_once(folder: Path) -> None:
    Gallery.create(folder, PixelEmbedder()).close()
    finished(start(str(folder), 0, 25), start(str(folder), 5, 25))
    assert check(folder, []) == 120


@pytest.fixture
def tcp_url(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server of its own that is reached over TCP, as one on another machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(embedded, "SETTINGS", {**embedded.SETTINGS, "listen_addresses": "127.0.0.1", "port": str(port)})
    server = Embedded(folder)
    found = conninfo_to_dict(server_started(server, port))
    yield f"postgresql://{found['user']}:{quote(str(found['password']))}@127.0.0.1:{port}/postgres"
    server.destroy()


def server_started(server: Embedded, port: int) -> str:
    """Starts a server that takes passwords over TCP, too; how it is reached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedded, "url", lambda self: url(self).replace("port=5432", f"port={port}"))
        server.create()
        server.leave()
        rules = (server.data / "pg_hba.conf").read_text().replace("reject", "scram-sha-256")
        (server.data / "pg_hba.conf").write_text(rules)
        server.join(new=True)
        return server.url()


url = Embedded.url


@pytest.mark.slow
def test_two_writers_and_four_readers_over_tcp(tcp_url: str) -> None:
    Gallery.create(tcp_url, PixelEmbedder()).close()
    env = {**os.environ, "PYTHONPATH": PATHS}
    writers = [start(tcp_url, 0, 50), start(tcp_url, 40, 40)]
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, tcp_url, "320"], stdout=subprocess.PIPE, text=True, env=env) for _ in range(4)
    ]
    finished(*writers, *readers)
    with Gallery.open(tcp_url, PixelEmbedder()) as gallery:
        assert gallery.stats().sightings == 320
        assert all(finding.healthy for finding in gallery.doctor())
        with psycopg.connect(tcp_url) as connection:
            assert connection.execute("SELECT inet_server_port() IS NOT NULL").fetchone() == (True,)
        assert gallery.search([image_of(60, 99)]).groups[0].name == "p060"
