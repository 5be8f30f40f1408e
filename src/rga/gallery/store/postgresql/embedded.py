"""A PostgreSQL in a folder: made, started, shared by the processes that use it, and stopped by the last of them.

Who may do what is told by locks of the operating system, which end with their processes, however those end:

- ``.server.lock`` is inherited by the server and all of its processes. Whoever gets it knows that none of them lives, and may start one.
- ``.users.lock`` is shared by the processes that use the server. Who gets it alone was the last of them and stops the server.
- ``.start.lock`` is held while one of both is looked at.
- ``.serve.lock`` is held by the first of the processes that serve the gallery's page, so that others can be told.

A server that was killed is started again by whoever needs it next; its recovery may take as long as it takes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from rga.gallery.store.errors import GalleryError, StoreError
from rga.gallery.store.postgresql.locks import lock_file
from rga.gallery.store.postgresql.programs import MAJOR, account, as_account, check_reachable, handed_over, program, run_program
from rga.storage.files import write_atomically, write_json

USER = "gallery"
DATABASE = "postgres"
"""Of each new server: another one would be 300 more files to flush."""
RECORD = "gallery.json"
"""Makes a folder a gallery; it is written last."""
SOCKET_BYTES = 100
"""A unix socket's path may have this length everywhere: 107 bytes on Linux, 103 on macOS."""
SYNC = ("--sync-method=syncfs",) if sys.platform == "linux" else ()
"""The file system is flushed at once, rather than each of a thousand files."""
PAUSE = 0.05
"""Seconds between two looks at a server that starts or stops."""
STOPPING = 60.0
"""Seconds that a server may take to stop before it is told to leave at once; what is committed is safe either way."""
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "512MB",  # of which only what is used takes memory
    "random_page_cost": "1.1",  # of a disk without moving parts
    "max_connections": "64",
    "jit": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_min_error_statement": "panic",  # statements hold names of people, and so do details
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


class Embedded:
    """The server of a gallery's folder.

    Args:
        folder: of the gallery.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.account = account()
        self.data = self.folder / "data"
        self.users: int | None = None
        self.process: subprocess.Popen[bytes] | None = None

    # ---- making

    def create(self) -> None:
        """Makes the folder and an empty database in it, whose server is joined. It counts as a gallery after ``finish``.

        Raises:
            GalleryError: something is there already.
            StoreError: PostgreSQL cannot be used here.
        """
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise GalleryError(f"{self.folder} is there already: name a new folder for a gallery, or open the one that is there")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        try:
            self.initialise()
            self.join(new=True)
        except BaseException:
            self.destroy()
            raise

    def finish(self) -> None:
        """Makes the folder count as a gallery, when all that belongs to it is there."""
        write_json(self.folder / RECORD, {"format": 1, "postgresql": MAJOR})

    def destroy(self) -> None:
        """Removes what ``create`` made."""
        self.leave(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def initialise(self) -> None:
        """Makes the data of PostgreSQL: a password for each connection, and no network."""
        password = secrets.token_urlsafe(32)
        for name in ("data", "socket"):
            self.give(self.folder / name)
        file = self.folder / "socket" / "password"
        try:
            file.touch(mode=0o600)
            file.write_text(password, encoding="ascii")
            self.hand_over(file)
            options = ("--auth-local=scram-sha-256", "--auth-host=reject", "--encoding=UTF8", "--locale=C", "--data-checksums", *SYNC)
            with handed_over(self.account, self.data, file.parent) as ((data, beside), descriptors):
                run_program("initdb", ["-D", data, "-U", USER, f"--pwfile={beside}/password", *options], self.account, descriptors)
        finally:
            file.unlink(missing_ok=True)

        def write(temporary: Path) -> None:
            temporary.touch(mode=0o600)
            temporary.write_text(password, encoding="ascii")

        write_atomically(self.folder / "password", write)

    def give(self, folder: Path) -> None:
        """Makes a folder that the server's user alone may enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(folder)

    def hand_over(self, path: Path) -> None:
        """Gives a file or folder to the user who runs the server."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    # ---- using

    def check(self) -> None:
        """Checks that the folder holds a gallery of this version of PostgreSQL.

        Raises:
            GalleryError: it holds none.
            StoreError: its data are of another version.
        """
        if not (self.folder / RECORD).is_file():
            if self.data.is_dir():
                raise GalleryError(f"the making of the gallery in {self.folder} was interrupted: remove the folder, and make it again")
            raise GalleryError(f"there is no gallery in {self.folder}: make one with rga gallery create")
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(MAJOR):
            raise StoreError(
                f"the gallery in {self.folder} was written by PostgreSQL {found}, and PostgreSQL {MAJOR} is installed: with the "
                "installation that wrote it, rga gallery export it; then rga gallery import the file into a new gallery"
            )

    def join(self, *, new: bool = False) -> None:
        """Starts the server, or shares the one that runs; may be called again, when the server may have died.

        Args:
            new: the gallery is being made.

        Raises:
            GalleryError: there is no gallery.
            StoreError: it cannot be started; or it runs on another machine.
        """
        if not new:
            self.check()
        with self.starting():
            joined = self.users is not None
            if self.users is None:
                self.users = lock_file(self.folder / ".users.lock", shared=True)
                atexit.register(self.leave)
            try:
                self.start_or_share()
            except BaseException:
                if not joined:
                    self.release()
                raise

    def serve(self) -> int | None:
        """The lock of the first process that serves the gallery's page, to be closed when it ends; None where another one has it."""
        return lock_file(self.folder / ".serve.lock", wait=False)

    def start_or_share(self) -> None:
        """Has a server answer: a new one, or the one that runs."""
        while True:
            held = lock_file(self.folder / ".server.lock", wait=False)
            if held is not None:
                try:
                    self.start(held)
                finally:
                    os.close(held)  # the server has its own
                return
            if self.answers():
                return
            self.check_here()
            time.sleep(PAUSE)  # it starts, or the last processes of one that was killed end

    def start(self, lock: int) -> None:
        """Starts the server and waits until it answers: as long as it lives.

        Raises:
            StoreError: it ended.
        """
        if self.process is not None:
            self.process.wait()
        path = program("postgres")
        check_reachable(path, self.account, "PostgreSQL")
        self.forget_the_dead()
        log = self.folder / "postgres.log"
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output, handed_over(self.account, self.data, self.new_socket_folder()) as ((data, sockets), descriptors):
            settings = {**SETTINGS, "unix_socket_directories": sockets}
            if sys.platform == "linux":
                settings["recovery_init_sync_method"] = "syncfs"  # else each file is flushed after a kill
            self.process = subprocess.Popen(  # noqa: S603  our own program
                [str(path), "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us
                pass_fds=(lock, *descriptors),
                **as_account(self.account),
            )
        write_json(self.folder / "server.json", {"host": socket.gethostname(), "process": self.process.pid})
        while not self.answers():
            if self.process.poll() is not None:
                raise StoreError(f"PostgreSQL could not be started in {self.folder}: {complaint(log, begins)} (see {log})")
            time.sleep(PAUSE)

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise StoreError(f"the password in {self.folder / 'password'} is not that of the gallery's database") from error
            return False
        return True

    def check_here(self) -> None:
        """Raises a StoreError if the server that holds the folder runs on another machine."""
        try:
            host = json.loads((self.folder / "server.json").read_text(encoding="utf-8"))["host"]
        except FileNotFoundError:
            return
        if host != socket.gethostname():
            raise StoreError(
                f"the gallery in {self.folder} is in use by its server on {host}: a folder is used on one machine at a time; stop it "
                "there, or move the gallery to a PostgreSQL that several machines reach by its URL (rga gallery export, rga gallery import)"
            )

    def leave(self, kind: signal.Signals = signal.SIGINT) -> None:
        """Stops the server if no other process uses it; otherwise leaves it to them.

        Args:
            kind: how it is stopped; SIGQUIT is faster, and the next start longer, as it recovers.
        """
        if self.users is None:
            return
        if not self.folder.is_dir():  # somebody removed the gallery, server and all
            self.release()
            return
        with self.starting():
            self.release()
            alone = lock_file(self.folder / ".users.lock", wait=False)
            if alone is not None:
                try:
                    self.stop(kind)
                finally:
                    os.close(alone)

    def release(self) -> None:
        """No longer counts among those who use the server."""
        assert self.users is not None
        os.close(self.users)
        self.users = None
        atexit.unregister(self.leave)

    def stop(self, kind: signal.Signals) -> None:
        """Stops the server and waits until the last of its processes is gone."""
        told, until = False, time.monotonic() + STOPPING
        while (held := lock_file(self.folder / ".server.lock", wait=False)) is None:
            number = self.postmaster()
            if number is not None and not told:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, kind)
                told = True
            if time.monotonic() > until:
                kind, told, until = signal.SIGQUIT, False, time.monotonic() + STOPPING
            if self.process is not None:
                self.process.poll()
            time.sleep(PAUSE)
        os.close(held)
        if self.process is not None:
            self.process.wait()
            self.process = None
        (self.folder / "server.json").unlink(missing_ok=True)
        found = self.folder / "socket-folder"
        if found.exists():
            shutil.rmtree(found.read_text(encoding="utf-8"), ignore_errors=True)
            found.unlink()

    def postmaster(self) -> int | None:
        """The number of the server's process; None if there is none."""
        try:
            return int((self.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def forget_the_dead(self) -> None:
        """Removes the notes of a server that was killed, where PostgreSQL itself would take it for alive.

        Its number may still be that of a process that nobody has waited for yet, or by now of another program. Whoever holds the lock knows
        that no server of ours lives; one that was started by hand works in the folder of the data, and is left alone.
        """
        number = self.postmaster()
        if not Path("/proc/self/cwd").exists():
            return
        try:
            there = Path(f"/proc/{number}/cwd").readlink()
        except FileNotFoundError:  # it is dead, or a name of one that is
            there = None
        except PermissionError:  # of another user, who cannot have the data
            return
        if there != self.data:
            for note in (self.data / "postmaster.pid", *(self.folder / "socket").glob(".s.PGSQL.*")):
                note.unlink(missing_ok=True)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """While nobody else starts or stops the server."""
        held = lock_file(self.folder / ".start.lock")
        try:
            yield
        finally:
            assert held is not None
            os.close(held)

    # ---- reaching

    def new_socket_folder(self) -> Path:
        """A private folder for the socket: in the gallery, or a temporary one where that path is too long for a socket."""
        own = self.folder / "socket"
        if len(os.fsencode(own / ".s.PGSQL.5432")) <= SOCKET_BYTES:
            return own
        note = self.folder / "socket-folder"
        if note.exists():
            shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="rga-gallery-"))
        if len(os.fsencode(made / ".s.PGSQL.5432")) > SOCKET_BYTES:
            raise StoreError(f"the path of the gallery and that of temporary files ({made}) are too long for a socket: set TMPDIR=/tmp")
        self.hand_over(made)
        write_atomically(note, lambda temporary: temporary.write_text(str(made), encoding="utf-8"))
        return made

    def url(self, database: str = DATABASE) -> str:
        """How a database of the server is reached."""
        note = self.folder / "socket-folder"
        folder = note.read_text(encoding="utf-8") if note.exists() else str(self.folder / "socket")
        password = (self.folder / "password").read_text(encoding="ascii")
        return make_conninfo(host=folder, port="5432", user=USER, password=password, dbname=database)


def complaint(log: Path, begins: int) -> str:
    """Why a server ended, from what it wrote into its log since a position."""
    with log.open("rb") as file:
        file.seek(begins)
        said = file.read().decode("utf-8", "replace").strip().splitlines()
    fatal = [line for line in said if "FATAL:" in line or "ERROR:" in line or "error:" in line]
    return (fatal or said or ["it said nothing"])[0]
