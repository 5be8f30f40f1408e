"""Folders and file names as a format lays them out, and the errors where they are not."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from rga.errors import InputError, MissingFileError
from rga.images.listing import SUFFIXES, composed, image_names


class DataError(InputError):
    """Files that are there and are not what the dataset's format says."""


def find_home(root: Path, inside: Sequence[str], needed: Sequence[str], where: str) -> Path:
    """The folder that holds a dataset: ``root``, or one of the folders that its archive unpacks to.

    Args:
        root: what the user names.
        inside: names of such folders in ``root``.
        needed: what has to be in the folder.
        where: where the data can be had.

    Raises:
        MissingFileError: none of them has everything that is needed.
    """
    for folder in (root, *(root / name for name in inside)):
        if all(has(folder, name) for name in needed):
            return folder
    raise not_found(root, needed, where)


def has(folder: Path, name: str) -> bool:
    """Whether a file or folder is there; ``"A or B"`` asks for either."""
    return any((folder / each).exists() for each in name.split(" or "))


def not_found(root: Path, needed: Sequence[str], where: str) -> MissingFileError:
    """The error for data that are not there: what was looked for, what is expected in it, where to have it.

    Args:
        root: what the user names.
        needed: files and folders; ``"A or B"`` where either will do.
        where: where the data can be had.
    """
    expected = ", ".join(needed)
    if not root.is_dir():
        return MissingFileError(f"no folder {root}: expected a folder with {expected}. {where}")
    missing = ", ".join(name for name in needed if not has(root, name))
    return MissingFileError(f"folder {root} lacks {missing}: expected {expected} in it. {where}")


def images_in(folder: Path, *, deep: bool = False) -> list[Path]:
    """The images of a folder by name, as ``rga.images.listing`` tells them from other files.

    Args:
        folder: to look in.
        deep: look in the folders below it, too.

    Raises:
        DataError: there are none.
        MissingFileError: a link leads to nothing.
    """
    names = image_names(folder, deep=deep)
    if not names:
        raise DataError(f"no image in {folder}: expected files {', '.join('*' + suffix for suffix in SUFFIXES)}")
    return [folder / name for name in names]


def by_stem(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Files by their path below a folder without its ending, in Unicode's composed form.

    Raises:
        DataError: two files differ in their ending alone, or in the form of their letters.
    """
    found: dict[str, Path] = {}
    for path in paths:
        key = composed(path.relative_to(folder).with_suffix("").as_posix())
        if key in found:
            raise DataError(f"{found[key]} and {path} differ in their ending alone: keep one of them")
        found[key] = path
    return found


def parse_name(path: Path, pattern: re.Pattern[str], form: str) -> re.Match[str]:
    """What a file name says.

    Args:
        path: of the file.
        pattern: that the whole name follows.
        form: the pattern in words for people, with an example.

    Raises:
        DataError: the name says something else.
    """
    match = pattern.fullmatch(path.name)
    if match is None:
        raise DataError(f"{path}: the file name does not follow {form}")
    return match


def relative(path: Path, root: Path) -> str:
    """A path told from ``root`` with forward slashes, also where it lies outside of it; on another drive of Windows, the whole path."""
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()
