"""Locks of files that are inherited by the processes that are started with them."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def lock_file(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Locks a file, by a lock that ends when all copies of its descriptor are closed.

    Args:
        path: of the file.
        shared: with others who share it.
        wait: until it can be had.

    Returns:
        The descriptor; None if others hold it.
    """
    import fcntl  # noqa: PLC0415  there is none on Windows

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    return descriptor
