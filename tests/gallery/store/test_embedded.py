"""The PostgreSQL of a folder: private, shared, started again by itself, and refused where it cannot be right."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gallery.people import PixelEmbedder, crop_of, crowd, image_of
from rga.gallery.gallery import Gallery
from rga.gallery.store.errors import GalleryError, StoreError
from rga.gallery.store.postgresql import programs
from rga.gallery.store.postgresql.embedded import SOCKET_BYTES, Embedded
from rga.gallery.store.postgresql.locks import lock_file
from rga.gallery.store.postgresql.programs import Account, check_reachable, program
from rga.gallery.store.writing import sighting_of

PATHS = os.pathsep.join(path for path in sys.path if path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A gallery in a folder, of three people with two sightings each; closed."""
    folder = tmp_path_factory.mktemp("made") / "gallery"
    with Gallery.create(folder, PixelEmbedder()) as gallery:
        gallery.add(crowd(3, 2))
    yield folder
    shutil.rmtree(folder)


def server_of(gallery: Gallery) -> Embedded:
    assert gallery.database.server is not None
    return gallery.database.server


def test_a_gallery_in_a_folder_is_there_when_it_is_opened_again(made: Path) -> None:
    with Gallery.open(made, PixelEmbedder()) as gallery:
        assert gallery.search([image_of(2, 99)]).groups[0].name == "p002"
        number = server_of(gallery).postmaster()
        with pytest.raises(GalleryError, match="is there already"):
            Gallery.create(made, PixelEmbedder())
    assert number is not None
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)  # it was stopped


def test_nobody_else_gets_in(made: Path) -> None:
    with Gallery.open(made, PixelEmbedder()) as gallery:
        server = server_of(gallery)
        for password in ("", "wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(make_conninfo(server.url(), password=password))
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            assert connection.execute("SELECT rolpassword LIKE 'SCRAM-SHA-256%' FROM pg_authid WHERE rolcanlogin").fetchone() == (True,)
        assert stat.S_IMODE((made / "password").stat().st_mode) == 0o600
        for name in ("data", "socket"):
            assert stat.S_IMODE((made / name).stat().st_mode) == 0o700
        rules = [line.split() for line in (made / "data" / "pg_hba.conf").read_text().splitlines() if line and line[0] != "#"]
        assert {rule[-1] for rule in rules} == {"scram-sha-256", "reject"}
        with replaced(made / "password", "wrong"), pytest.raises(StoreError, match="is not that of the gallery's database"):
            Embedded(made).join()


def test_the_log_has_no_names(made: Path) -> None:
    with Gallery.open(made, PixelEmbedder()) as gallery:
        gallery.name(gallery.find("p000").id, "Erika Mustermann")
        with pytest.raises(GalleryError, match="another person is called"):
            gallery.name(gallery.find("p001").id, "Erika Mustermann")
        gallery.undo()
    log = (made / "postgres.log").read_text()
    assert "people_name" in log  # the error is there
    assert "Erika" not in log


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    """A file with other contents."""
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


def test_two_that_open_a_folder_share_its_server(made: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom gallery.people import PixelEmbedder, crop_of\nfrom rga.gallery.gallery import Gallery\n"
        "with Gallery.open(Path(sys.argv[1]), PixelEmbedder()) as gallery:\n"
        "    print(gallery.add([crop_of(7)]).added, gallery.database.server.postmaster())"
    )
    with Gallery.open(made, PixelEmbedder()) as gallery:
        before = gallery.stats().sightings
        words = [sys.executable, "-c", code, str(made)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": PATHS})
        assert done.stdout.split() == ["1", str(server_of(gallery).postmaster())]
        assert gallery.stats().sightings == before + 1  # the other one's leaving did not stop it


def test_a_server_that_was_killed_starts_again_by_itself(made: Path) -> None:
    with Gallery.open(made, PixelEmbedder()) as gallery:
        number = server_of(gallery).postmaster()
        assert number is not None
        os.kill(number, signal.SIGKILL)
        assert gallery.search([image_of(1, 99)]).groups[0].name == "p001"
        assert gallery.add([crop_of(5)]).added == 1
        assert server_of(gallery).postmaster() != number


def test_a_server_of_another_machine_is_told_of(made: Path) -> None:
    held = lock_file(made / ".server.lock")  # as a server elsewhere would
    assert held is not None
    (made / "server.json").write_text(json.dumps({"host": "elsewhere", "process": 1}))
    with pytest.raises(StoreError, match="in use by its server on elsewhere"):
        Gallery.open(made, PixelEmbedder())
    os.close(held)


def test_another_major_version_is_told_of(made: Path) -> None:
    said = r"written by PostgreSQL 16, and PostgreSQL 18 is installed.*rga gallery export.*rga gallery import"
    with replaced(made / "data" / "PG_VERSION", "16\n"), pytest.raises(StoreError, match=said):
        Gallery.open(made)


def test_a_server_that_cannot_start_says_why(made: Path) -> None:
    settings = made / "data" / "postgresql.conf"
    wrong = settings.read_text() + "shared_preload_libraries = 'nothing'\n"
    with replaced(settings, wrong), pytest.raises(StoreError, match=r"could not be started in .*nothing.*postgres\.log"):
        Gallery.open(made)
    Gallery.open(made).close()


def test_what_is_no_gallery(folder: Path) -> None:
    with pytest.raises(GalleryError, match="make one with rga gallery create"):
        Gallery.open(folder)
    (folder / "data").mkdir(parents=True)
    with pytest.raises(GalleryError, match="was interrupted"):
        Gallery.open(folder)


def test_nothing_is_left_of_a_gallery_that_could_not_be_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.gallery.gallery.add_model", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Gallery.create(folder, PixelEmbedder())
    assert not folder.exists()


def test_a_long_path_has_its_socket_elsewhere(folder: Path) -> None:
    deep = folder.parent / ("a" * 90) / "gallery"
    deep.parent.mkdir()
    with Gallery.create(deep, PixelEmbedder()) as gallery:
        gallery.add([crop_of(1)])
        elsewhere = Path((deep / "socket-folder").read_text())
        assert len(str(elsewhere)) < SOCKET_BYTES < len(str(deep / "socket"))
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not elsewhere.exists()
    with Gallery.open(deep, PixelEmbedder()) as gallery:
        assert gallery.sighting(sighting_of("content 1 0")).name == "p001"


def test_root_is_told_of_a_folder_that_postgresql_may_not_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    other = Account(os.getuid() + 4242, os.getgid() + 4242, "somebody")
    with pytest.raises(StoreError, match=r"the user somebody runs it, who may not enter .*chmod o\+x"):
        check_reachable(closed / "inner" / "data", other, "the gallery")
    check_reachable(closed / "inner" / "data", None, "the gallery")
    check_reachable(closed / "inner" / "data", Account(os.getuid(), os.getgid(), "us"), "the gallery") if os.getuid() else None


def test_programs_that_are_missing_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match=r"no nothing of PostgreSQL 18.*>= 0.6"):
        program("nothing")
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'rga\[gallery\]'"):
        program("postgres")


def test_windows_is_told_what_to_do_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "geteuid")
    with pytest.raises(StoreError, match="which Windows lacks here: name a database by its URL"):
        Gallery.create(tmp_path / "gallery", PixelEmbedder())  # a model would import packages that look at the platform
    with pytest.raises(StoreError, match="which Windows lacks here: name a database by its URL"):
        Gallery.open(tmp_path / "gallery")
    assert not (tmp_path / "gallery").exists()
