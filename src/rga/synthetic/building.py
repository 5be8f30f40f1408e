"""Folders of generated data that are there whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rga.errors import ExistingFileError


def check_target(root: Path) -> None:
    """Refuses a target that holds anything.

    Raises:
        ExistingFileError: the target is a file or a folder with something in it.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ExistingFileError(f"{root} exists and is not an empty folder: name another target, or remove it first; nothing was changed")


@contextmanager
def built_beside(root: Path) -> Iterator[Path]:
    """A folder beside ``root`` to fill within the block, which becomes ``root`` when the block ends; an error leaves neither.

    Args:
        root: the target, absent or an empty folder.

    Raises:
        ExistingFileError: the target holds something.
    """
    check_target(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    building = root.parent / f".{root.name}-{uuid.uuid4().hex}"
    building.mkdir()
    try:
        yield building
        check_target(root)
        if root.exists():
            root.rmdir()
        building.rename(root)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
