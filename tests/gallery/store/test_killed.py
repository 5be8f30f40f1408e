"""kill -9 of who writes and of the database, at random: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from gallery.people import PixelEmbedder
from gallery.store import writer
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.database import SCHEMA
from rga.gallery.store.writing import sighting_of

PEOPLE = 60
PATHS = os.pathsep.join(path for path in sys.path if path)


def start(where: str, first: int, people: int) -> subprocess.Popen[str]:
    """Starts a process that writes."""
    words = [sys.executable, writer.__file__, where, str(first), str(people)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": PATHS})


def postmaster(folder: Path) -> int:
    """The number of the server's process."""
    return int((folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def check(folder: Path, acknowledged: list[str]) -> int:
    """Opens a gallery and looks whether all of it is whole; how many sightings."""
    with Gallery.open(folder, PixelEmbedder()) as gallery:
        assert all(finding.healthy for finding in gallery.doctor() if not finding.what.startswith("table"))
        with psycopg.connect(gallery.database.url) as connection:
            there = {row[0] for row in connection.execute(f"SELECT sighting FROM {SCHEMA}.sightings").fetchall()}
            for table in ("thumbnails", "embeddings_1"):
                assert there == {row[0] for row in connection.execute(f"SELECT sighting FROM {SCHEMA}.{table}").fetchall()}
        assert {sighting_of(content) for content in acknowledged} <= there
        return len(there)


def kill_at_random(folder: Path, rounds: int, seed: int) -> None:
    """Adds people again and again, each time until somebody is killed: the writer, the database, or first the one and then the other."""
    choices = random.Random(seed)
    acknowledged: list[str] = []
    there = 0
    for number in range(rounds):
        process = start(str(folder), number * PEOPLE, PEOPLE)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        victim = (("writer",), ("database",), ("database", "writer"))[number % 3]
        moment = choices.randrange(0, PEOPLE * 3)
        for line in process.stdout:
            if line == "done\n":
                break
            acknowledged.append(line.strip())
            moment -= 1
            if moment == 0 and "database" in victim:
                os.kill(postmaster(folder), signal.SIGKILL)
            if moment <= 0 and "writer" in victim:
                os.kill(process.pid, signal.SIGKILL)
                break
        rest = process.stdout.read().split("\n")
        acknowledged += [line for line in rest[:-1] if line and line != "done"]  # the last line may be cut short
        code = process.wait()
        assert code == (-signal.SIGKILL if "writer" in victim else 0)  # it goes on by itself when the database was killed
        there = check(folder, acknowledged)
    assert there >= len(acknowledged) > 0


def test_killed_three_times(folder: Path) -> None:
    Gallery.create(folder, PixelEmbedder()).close()
    kill_at_random(folder, 3, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_twenty_times(folder: Path, seed: int) -> None:
    Gallery.create(folder, PixelEmbedder()).close()
    kill_at_random(folder, 20, seed)
