"""Which files of a folder are images: one rule for all readers of all tasks, and for the images that a person names.

- A file is an image by its suffix, in any case.
- Hidden files and folders, and what systems leave behind (``__MACOSX``, ``Thumbs.db``), are passed over.
- Links to files and folders are followed. A folder that links to one above it is passed over, so that no walk is endless.
- Names are compared in Unicode's composed form: file systems of Apple keep "é" as two characters, others as one.
"""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from rga.errors import MissingFileError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".gif")
"""The suffixes of files that are taken for images, in lower case."""

LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".gif")
"""The suffixes of files that keep each pixel's value, as masks must."""

LEFT_BEHIND = frozenset(
    {"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini"}
)
"""Files and folders that systems leave in folders, in lower case."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over.

    Example:
        >>> [is_hidden(name) for name in ("._a.jpg", ".ipynb_checkpoints", "__MACOSX", "Thumbs.db", "a.jpg")]
        [True, True, True, True, False]
    """
    return name.startswith(".") or name.lower() in LEFT_BEHIND


def has_suffix(name: str, suffixes: Sequence[str] = SUFFIXES) -> bool:
    """Whether a name ends like an image's, in any case.

    Args:
        name: of a file.
        suffixes: in lower case.
    """
    stem, _, ending = name.rpartition(".")
    return bool(stem) and f".{ending.lower()}" in suffixes


def composed(name: str) -> str:
    """A name as it is compared: in Unicode's composed form (NFC).

    Example:
        >>> composed("cafe\u0301") == "caf\u00e9"
        True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def image_names(folder: Path, suffixes: Sequence[str] = SUFFIXES, *, deep: bool = True) -> list[str]:
    """The images of a folder by their paths below it, with forward slashes, in an order that is the same on every machine.

    Args:
        folder: to look in; it may be hidden itself.
        suffixes: of what is looked for, in lower case.
        deep: look in the folders below it, too.

    Raises:
        MissingFileError: the folder is not there, or a link in it leads to nothing.
        OSError: a folder cannot be read.
    """
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}")
    found: list[str] = []
    pending = [(os.fspath(folder), "", with_parents(folder))]
    while pending:
        path, prefix, above = pending.pop()
        for entry in visible(path):
            if is_folder(entry):
                if deep and (itself := identity(entry.path)) not in above:
                    pending.append((entry.path, f"{prefix}{entry.name}/", above | {itself}))
            elif has_suffix(entry.name, suffixes) and entry.is_file():
                found.append(prefix + entry.name)
    return sorted(found, key=in_order)


def list_images(folder: Path, suffixes: Sequence[str] = SUFFIXES, *, deep: bool = True) -> list[Path]:
    """The images of a folder, as ``image_names`` finds them.

    Raises:
        MissingFileError: the folder is not there, or holds no image, or a link in it leads to nothing.
        OSError: a folder cannot be read.
    """
    found = image_names(folder, suffixes, deep=deep)
    if not found:
        raise MissingFileError(f"no images ({', '.join(suffixes)}) {'below' if deep else 'in'} {folder}")
    return [folder / name for name in found]


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder by name, without hidden ones and links to folders above.

    Raises:
        MissingFileError: a link in it leads to nothing.
        OSError: the folder cannot be read.
    """
    above = with_parents(folder)
    names = [entry.name for entry in visible(folder) if is_folder(entry) and identity(entry.path) not in above]
    return [folder / name for name in sorted(names, key=in_order)]


def visible(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden.

    Raises:
        MissingFileError: a link that could be to an image or to a folder leads to nothing.
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not is_hidden(entry.name)]
    for entry in found:
        wanted = has_suffix(entry.name) or "." not in entry.name
        if wanted and entry.is_symlink() and not (link := Path(entry.path)).exists():
            raise MissingFileError(f"{link} is a link to {link.readlink()}, which is not there: restore it, or remove the link")
    return found


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def identity(path: Path | str) -> tuple[int, int]:
    """What tells a folder apart from all others, whatever links lead to it."""
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def with_parents(folder: Path) -> frozenset[tuple[int, int]]:
    """What tells a folder and all those above it apart, above its name and above the folder to which it may be a link."""
    return frozenset(identity(each) for path in (folder.absolute(), folder.resolve()) for each in (path, *path.parents))


def in_order(name: str) -> tuple[list[str], str]:
    """The key by which names are sorted, folder by folder."""
    return composed(name).split("/"), name


def size_of(path: Path) -> int:
    """The bytes of a file.

    Raises:
        MissingFileError: it is not there any more, or is a link that leads to nothing.
    """
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise MissingFileError(f"{path} is not there, or a link to nothing: restore it, or take it out of the data") from error


def existing(path: Path) -> Path:
    """A path as it is on the disk, where its name was written in another form of Unicode; the path itself if it is not there.

    Args:
        path: of a file, as a table or a list names it.
    """
    if os.path.exists(path) or os.fspath(path).isascii():  # noqa: PTH110  Path.exists raises where a name is too long
        return path
    forms = (path.parent / unicodedata.normalize(form, path.name) for form in ("NFC", "NFD"))
    wholes = (Path(unicodedata.normalize(form, os.fspath(path))) for form in ("NFC", "NFD"))
    return next((each for each in (*forms, *wholes) if os.path.exists(each)), path)  # noqa: PTH110  as above
