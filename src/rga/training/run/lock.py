"""A run's folder belongs to one training at a time."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from rga.errors import InputError
from rga.storage.files import write_atomically

LOCK_FILE = ".lock"
SOFT_LOCK_FILE = ".lock-by-name"
"""Where the file system has no locks, as NFS without its lock daemon: the file itself is the lock."""
HOLDER_FILE = ".lock-holder"
"""Who holds the lock, for people; a file of its own, as a locked one cannot be read on Windows."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""What file systems answer that have no locks."""


class BusyError(InputError):
    """Another process holds the folder."""


@contextmanager
def locked(folder: Path, option: str = "--output") -> Iterator[None]:
    """Holds a run's folder, which is made if it is not there.

    The lock is the operating system's and of this process alone (workers do not inherit it): it ends with the process, however that ends.
    On a file system without locks a file stands for it; one that a killed process left behind is known by the number of that process, on
    the machine that it ran on.

    Args:
        folder: of a run, or of several.
        option: that names another folder, for the error.

    Raises:
        BusyError: another process holds it.
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = held(folder, option)
    try:
        write_atomically(
            folder / HOLDER_FILE,
            lambda temporary: temporary.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8"),
        )
        yield
    finally:
        lock.release()


def held(folder: Path, option: str) -> BaseFileLock:
    """The lock of a folder, acquired.

    Raises:
        BusyError: another process holds it.
    """
    soft = SoftFileLock(folder / SOFT_LOCK_FILE)
    lock: BaseFileLock = FileLock(folder / LOCK_FILE, fallback_to_soft=False)
    try:
        try:
            lock.acquire(timeout=0)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            lock = soft
            lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"{folder} is being trained in by {holder(folder)}: wait for it, stop it, or choose another folder with {option}{stale(lock)}"
        ) from None
    return lock


def holder(folder: Path) -> str:
    """Who holds the lock of a folder, as far as that is known."""
    try:
        return (folder / HOLDER_FILE).read_text(encoding="utf-8").strip() or "another process"
    except FileNotFoundError:
        return "another process"


def stale(lock: BaseFileLock) -> str:
    """What to do where a lock may have outlived its process: the end of an error."""
    return f"; if that process is gone, remove {lock.lock_file}" if isinstance(lock, SoftFileLock) else ""
