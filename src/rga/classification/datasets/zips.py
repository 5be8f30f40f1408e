"""Images in zips, one for each split: ``train.zip``, ``val.zip`` and ``test.zip``, each with members ``CLASS/NAME.jpg``.

The names of the zips mention the split by any of its usual names, whatever else they say (``cifar-train.zip``, ``train-20-per-class.zip``).
Nothing is unpacked; an image is read from its zip when it is asked for. Which members are images, and of which class, is as in folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from rga.classification.datasets.samples import NOTHING, ClassificationData, from_names
from rga.classification.image_sources import ZipImages
from rga.datasets.layout import DataError
from rga.datasets.splits import NO_SPLITS, PURPOSES, SPLITS, mentioned, name_of, refuse_unclear
from rga.errors import MissingFileError
from rga.images.defects import examples
from rga.images.listing import SUFFIXES, composed, has_suffix, is_hidden, visible

WHERE = "Expected train*.zip, val*.zip and test*.zip in it, or some of these, each with members CLASS/NAME.jpg."

UTF8 = 0x800
"""The bit by which a member says that its name is UTF-8."""


def read_zips(root: Path, *, splits: bool = True) -> ClassificationData:
    """Reads images from zips; classes are numbered in the order of their names.

    Args:
        root: the folder with the zips; one alone is enough to evaluate or to hold out from.
        splits: whether folders in a zip that are called like splits are splits, which is refused; no where they are classes.

    Raises:
        MissingFileError: there is no zip.
        DataError: a file is no zip, there are two for one split or one for none, a member is in no folder, or a class is missing from a
            split.
    """
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    archives = find_archives(root)
    members = {split: read_members(archive) for split, archive in archives.items()}
    for split, found in members.items() if splits else ():
        refuse_splits_within(archives[split], sorted(set(found.values())))
    classes = tuple(sorted({name for found in members.values() for name in found.values()}))
    read = {split: from_names(ZipImages(archives[split], list(found)), list(found.values()), classes) for split, found in members.items()}
    train, val, test = (read.get(split, NOTHING) for split in SPLITS)
    return ClassificationData(root.name, classes, train, test, root, val)


def find_archives(root: Path) -> dict[str, Path]:
    """Split -> its zip, for the splits that are there.

    Raises:
        MissingFileError: there is none.
        DataError: there are several for one split, or one that no split, or several, can be told from.
    """
    zips = sorted(root / entry.name for entry in visible(root) if entry.is_file() and entry.name.lower().endswith(".zip"))
    said = {path: mentioned(path.stem)[0] for path in zips}
    if not any(said.values()):
        raise MissingFileError(f"folder {root} has no such zips. {WHERE}")
    for path, named in said.items():
        if len(named) != 1:
            raise DataError(f"{path} is named like {' and '.join(named) or 'no split'}: name it like one, or put it elsewhere. {WHERE}")
    found = {split: [path for path in zips if said[path] == [split]] for split in SPLITS}
    for split, same in found.items():
        if len(same) > 1:
            names = ", ".join(path.name for path in same)
            raise DataError(f"folder {root} has several zips {PURPOSES[split]}: {names}; leave one there")
    return {split: same[0] for split, same in found.items() if same}


def refuse_splits_within(archive: Path, classes: Sequence[str]) -> None:
    """Raises a DataError if folders in a zip, which name classes, are called like splits."""
    named = [name for name in classes if name_of(name)]
    if named:
        raise DataError(
            f"{archive} has the folders {examples(named)}, called like splits: make a zip of each split; if they are classes, add the "
            f"option {NO_SPLITS}"
        )
    refuse_unclear(archive, [Path(name) for name in classes], "classes")


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
    r"""The folders and the name to which a member would be unpacked: ``./cat/a.png`` lies in ``cat``, as does Windows' ``cat\a.png``.

    Some programs of Windows divide by backslashes; beside a slash, a backslash is part of a name.
    """
    name = member.filename
    if not name.isascii() and not member.flag_bits & UTF8:  # many programs write UTF-8 and do not say so
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    divider = "/" if "/" in name else "\\"
    return tuple(part for part in composed(name).split(divider) if part not in ("", ".", ".."))
