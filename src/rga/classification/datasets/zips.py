"""Images in two zips: ``train*.zip`` and ``test*.zip`` (or ``val*.zip``), each with members ``CLASS/NAME.jpg``.

Nothing is unpacked; an image is read from its zip when it is asked for. Which members are images, and of which class, is as in folders.
"""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from rga.classification.datasets.samples import NOTHING, ClassificationData, from_names
from rga.classification.image_sources import ZipImages
from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.images.listing import SUFFIXES, composed, has_suffix, is_hidden, visible

WHERE = "Expected train*.zip and test*.zip (or val*.zip) in it, each with members CLASS/NAME.jpg."
ARCHIVES = {"train": ("train*.zip",), "test": ("test*.zip", "val*.zip")}
"""Split -> patterns of its zip's name in lower case, the first that fits."""

UTF8 = 0x800
"""The bit by which a member says that its name is UTF-8."""


def read_zips(root: Path) -> ClassificationData:
    """Reads images from zips; classes are numbered in the order of their names.

    Args:
        root: the folder with the zips; one of the two alone is enough to evaluate or to hold out from.

    Raises:
        MissingFileError: there is no zip.
        DataError: a file is no zip, there are two for one split, a member is in no folder, or a class is missing from a split.
    """
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    archives = {split: archive for split in ARCHIVES if (archive := find_archive(root, split)) is not None}
    if not archives:
        raise MissingFileError(f"folder {root} has no such zips. {WHERE}")
    members = {split: read_members(archive) for split, archive in archives.items()}
    classes = tuple(sorted({name for found in members.values() for name in found.values()}))
    splits = {split: from_names(ZipImages(archives[split], list(found)), list(found.values()), classes) for split, found in members.items()}
    return ClassificationData(root.name, classes, splits.get("train", NOTHING), splits.get("test", NOTHING), root)


def find_archive(root: Path, split: str) -> Path | None:
    """The zip of a split; None if there is none.

    Raises:
        DataError: there are several.
    """
    names = sorted(entry.name for entry in visible(root) if entry.is_file())
    for pattern in ARCHIVES[split]:
        found = [name for name in names if fnmatchcase(name.lower(), pattern)]
        if len(found) > 1:
            raise DataError(f"folder {root} has several zips to {split} on: {', '.join(found)}; leave one there")
        if found:
            return root / found[0]
    return None


def read_members(archive: Path) -> dict[str, str]:
    """The images in a zip by the name under which it has them -> their class; sorted by the path to which they would be unpacked.

    The class is the first folder, as where the zip is unpacked. One folder around all others, as many programs make it, is passed over.

    Raises:
        DataError: it is no zip, has no images, or some in no folder.
    """
    try:
        with ZipFile(archive) as opened:
            stored = {unpacked(info): info.filename for info in opened.infolist() if not info.is_dir()}  # of two of a name the last counts
    except BadZipFile as error:
        raise DataError(f"{archive} cannot be read as a zip: {error}; fetch it again") from error
    found = {parts: name for parts, name in sorted(stored.items()) if parts and has_suffix(parts[-1]) and not any(map(is_hidden, parts))}
    if not found:
        raise DataError(f"{archive} holds no images ({', '.join(SUFFIXES)}). {WHERE}")
    around = 0
    while len({parts[around] for parts in found}) == 1 and all(len(parts) > around + 2 for parts in found):
        around += 1
    loose = [name for parts, name in found.items() if len(parts) < around + 2]
    if loose:
        raise DataError(f"{archive}: {loose[0]} lies in no folder, which would name its class. {WHERE}")
    return {name: parts[around] for parts, name in found.items()}


def unpacked(member: ZipInfo) -> tuple[str, ...]:
    r"""The folders and the name to which a member would be unpacked: ``./cat/a.png`` lies in ``cat``, as does Windows' ``cat\a.png``."""
    name = member.filename
    if not name.isascii() and not member.flag_bits & UTF8:  # many programs write UTF-8 and do not say so
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return tuple(part for part in composed(name).replace("\\", "/").split("/") if part not in ("", ".", ".."))
