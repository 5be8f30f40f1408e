"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from rga.errors import WriteError

LEFTOVER = re.compile(r"\.(last|previous|recipe|best|last|best-ema|last-ema)(\.pt|\.json)?\.\d+\.tmp")
"""The names of temporary files and folders in a run's folder, with the number of the process that wrote them."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Lets ``write`` fill a temporary file beside ``path``, flushes it to the disk, and renames it.

    A reader sees the old file or the new one, never a half; an error leaves the old one and no temporary file.

    Raises:
        OSError: it could not be written; it is named.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        flush(temporary)
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise named(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Writes a mapping as JSON, atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8"))


def write_folder(folder: Path, write: Callable[[Path], object], last: str) -> None:
    """Lets ``write`` fill a temporary folder beside ``folder``, and moves each of its files to its place when all are whole.

    Args:
        folder: to write.
        write: fills a folder.
        last: name of the file that makes the folder count. The old one goes before the others change, the new one comes after them: files
            of two writings never count together.

    Raises:
        OSError: a file could not be written; it is named, and the folder is as it was.
    """
    move_together(folder.with_name(f".{folder.name}.{os.getpid()}.tmp"), folder, write, last)


def write_with_companions(path: Path, write: Callable[[Path], object]) -> None:
    """Lets ``write`` fill a temporary folder with a file and those that belong to it, and moves all to their places.

    Args:
        path: of the file that makes the others count; see ``write_folder``.
        write: writes a file of that name into another folder, and the others beside it.

    Raises:
        OSError: a file could not be written; it is named, and all are as they were.
    """
    path.parent.mkdir(parents=True, exist_ok=True)

    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    move_together(temporary, path.parent, lambda folder: write(folder / path.name), path.name)


def move_together(temporary: Path, folder: Path, write: Callable[[Path], object], last: str) -> None:
    """Lets ``write`` fill a temporary folder, and moves its files to another; see ``write_folder``."""
    try:
        write(temporary)
        files = [path for path in temporary.rglob("*") if path.is_file()]
        for path in files:
            flush(path)
        before = None
        if len(files) > 1 and (folder / last).is_file():
            before = (folder / last).replace(temporary / f"{last}.before")
        try:
            for path in sorted(files, key=lambda path: path == temporary / last):
                target = folder / path.relative_to(temporary)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
                before = None  # it does not belong to what is there now
        finally:
            if before is not None and not (folder / last).exists():
                before.replace(folder / last)
        flush_folder(folder)
    except SafetensorError as error:
        raise WriteError(f"{folder} could not be written: {error}") from error
    except OSError as error:
        raise named(error, folder) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what writers left behind that were killed, and nothing else; nobody may be writing there."""
    for path in folder.glob(".*.tmp"):
        if not LEFTOVER.fullmatch(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def named(error: OSError, path: Path) -> OSError:
    """An error that names a file: what ``write`` of the operating system raises on a full disk does not."""
    return error if error.filename is not None or error.errno is None else WriteError(f"{path} could not be written: {error}")


def flush(path: Path) -> None:
    """Has the disk hold what was written to a file."""
    descriptor = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # Windows flushes what may be written alone
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


WINDOWS = os.name == "nt"

UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EISDIR, errno.EACCES, errno.EPERM})
"""What file systems answer that cannot flush a folder by itself: network shares, FUSE, some of Windows."""


def flush_folder(folder: Path) -> None:
    """Has the disk hold which names are in a folder, where the file system can.

    Where it cannot, a file that was renamed into the folder is there all the same, so nothing has failed: after a power cut the folder may
    have the old name, of a file that is whole.

    Raises:
        OSError: the disk failed.
    """
    if WINDOWS:  # folders are no files there
        return
    try:
        flush(folder)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def holds(path: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a JSON file holds some settings, whatever else it holds."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no results: somebody else's file, which is left alone
        return False
    return isinstance(found, dict) and all(name in found and found[name] == value for name, value in settings.items())
