"""Memory that a step frees is kept for the next."""

from __future__ import annotations

import ctypes
import platform
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of ``mallopt`` in glibc's malloc.h."""


def has_mallopt() -> bool:
    """Whether the C library of this process is glibc, which can be told to keep what is freed."""
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"  # elsewhere that look-up reads the interpreter's file, or fails


def keep_freed_memory() -> bool:
    """Lets this process keep what it frees, where its C library is glibc; elsewhere nothing is changed.

    By default glibc hands every block of 32 MiB and more back to the system when it is freed, and a map of a training step is as large:
    each step would get its maps page by page anew, each page cleared. The process holds what it held at its peak until it ends.

    Returns:
        Whether it was possible.
    """
    if not has_mallopt():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
