"""Text that can be printed anywhere: names may hold bytes that are no UTF-8, and characters that control a terminal."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

HIDDEN = frozenset({"Cc", "Cs"})
"""Unicode's categories of controls and of surrogates."""


def printable(text: str) -> str:
    r"""A text in which everything can be printed: names that are not UTF-8 are escaped, and so is what would control the terminal.

    Example:
        >>> print(printable("caf\udce9.jpg"), printable("a\nb"))
        caf\xe9.jpg a
        b
    """
    return "".join(escaped(each) if unicodedata.category(each) in HIDDEN and each not in "\n\t" else each for each in text)


def escaped(character: str) -> str:
    """A character in ASCII: a byte that is no UTF-8, which Python keeps as a surrogate, as that byte."""
    number = ord(character)
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else ascii(character)[1:-1]


@contextmanager
def never_failing() -> Iterator[None]:
    """Within the block, characters that standard output cannot encode are escaped instead of raising an error."""
    stream: TextIO = sys.stdout
    before = getattr(stream, "errors", None)
    if before != "strict" or not hasattr(stream, "reconfigure"):
        yield
        return
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        stream.reconfigure(errors=before)
