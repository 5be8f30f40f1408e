"""Files whose names are not UTF-8, for libraries that take no other names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """Within the block, a path to the same file whose name is UTF-8: the path itself, or else a link in a temporary folder.

    The safetensors library refuses other names.
    """
    if is_utf8(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"file{path.suffix if path.suffix.isascii() else ''}"
        link.symlink_to(path.resolve())
        yield link


def is_utf8(path: Path) -> bool:
    """Whether a path is UTF-8 as a whole, as an absolute one."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True
