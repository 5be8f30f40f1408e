"""Images in two zips: ``train*.zip`` and ``test*.zip`` (or ``val*.zip``), each with members ``CLASS/NAME.jpg``.

Nothing is unpacked; an image is read from its zip when it is asked for.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from rga.classification.datasets.samples import NOTHING, ClassificationData, from_names
from rga.classification.image_sources import ZipImages
from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.images.images import SUFFIXES

WHERE = "Expected train*.zip and test*.zip (or val*.zip) in it, each with members CLASS/NAME.jpg."
ARCHIVES = {"train": ("train*.zip",), "test": ("test*.zip", "val*.zip")}
"""Split -> patterns of its zip's name, the first that fits."""


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
    classes = tuple(sorted({class_of(member) for names in members.values() for member in names}))
    splits = {
        split: from_names(ZipImages(archives[split], names), [class_of(name) for name in names], classes)
        for split, names in members.items()
    }
    return ClassificationData(root.name, classes, splits.get("train", NOTHING), splits.get("test", NOTHING), root)


def find_archive(root: Path, split: str) -> Path | None:
    """The zip of a split; None if there is none.

    Raises:
        DataError: there are several.
    """
    for pattern in ARCHIVES[split]:
        found = sorted(root.glob(pattern))
        if len(found) > 1:
            raise DataError(f"folder {root} has several zips to {split} on: {', '.join(path.name for path in found)}; leave one there")
        if found:
            return found[0]
    return None


def read_members(archive: Path) -> list[str]:
    """The images in a zip by name.

    Raises:
        DataError: it is no zip, has no images, or some in no folder.
    """
    try:
        with ZipFile(archive) as opened:
            names = map(PurePosixPath, opened.namelist())
            members = sorted(str(name) for name in names if name.suffix.lower() in SUFFIXES and not name.name.startswith("."))
    except BadZipFile as error:
        raise DataError(f"{archive} cannot be read as a zip: {error}; fetch it again") from error
    if not members:
        raise DataError(f"{archive} holds no images ({', '.join(sorted(SUFFIXES))}). {WHERE}")
    loose = [name for name in members if not class_of(name)]
    if loose:
        raise DataError(f"{archive}: {loose[0]} lies in no folder, which would name its class. {WHERE}")
    return members


def class_of(member: str) -> str:
    """The class of an image in a zip: the folder that it lies in; empty for none."""
    return PurePosixPath(member).parent.name
