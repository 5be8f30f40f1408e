"""What a command will write, checked before it begins its work: nothing fails when the work is done, and nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

from rga.errors import ExistingFileError, FolderError, NotAFolderError, WriteProtectedError
from rga.extras import require


def check_output(path: Path | None, *, overwrite: bool = True) -> None:
    """Checks that a file can be written, without writing it or making its folder.

    Args:
        path: of the file; None for none.
        overwrite: whether it may be there already.

    Raises:
        ExistingFileError: it is there and must not be overwritten.
        FolderError: a folder has its name.
        NotAFolderError: a file has the name of its folder.
        WriteProtectedError: its folder must not be written to.
    """
    if path is None:
        return
    if path.is_dir():
        raise FolderError(f"{path} is a folder: name a file to write to")
    if not overwrite and path.exists():
        raise ExistingFileError(f"{path} is there already: name another file with --output, or replace it with --overwrite")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Checks that files can be written to a folder, or the folder be made.

    Raises:
        NotAFolderError: a file is in the way.
        WriteProtectedError: it must not be written to.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists() or parent.is_symlink())
    if not there.is_dir():
        raise NotAFolderError(f"{folder} cannot be a folder to write to: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WriteProtectedError(f"nothing can be written to {folder}: {there} is write-protected")


def check_drawing() -> None:
    """Raises a MissingPackageError if reports cannot be drawn."""
    require("matplotlib")
