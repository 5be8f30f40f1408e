r"""Your own images in folders, one folder an identity.

Either ``ROOT/{train,query,gallery}/IDENTITY/*.jpg``, or ``ROOT/IDENTITY/*.jpg``, which is split by identity with a seed. The camera can
stand in the file names: ``camera=r"c(\d+)"`` finds 3 in ``walk_c3_0012.jpg``. Folders within an identity's folder are part of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

from rga.datasets.layout import DataError, images_in
from rga.datasets.tables import whole_number
from rga.errors import InputError, MissingFileError
from rga.images.defects import examples
from rga.images.listing import composed, folders_in, image_names
from rga.ranking.labels import JUNK
from rga.reid.datasets.samples import SPLITS, ReidData, Sample, by_identity, choose_queries, second_image

WHERE = "The images are your own: ROOT/IDENTITY/*.jpg, or ROOT/train, ROOT/query and ROOT/gallery with IDENTITY/*.jpg in each."


def read_folder(root: Path, *, camera: str | None = None, test_fraction: float = 0.5, seed: int = 0, known: bool = False) -> ReidData:
    r"""Reads images from folders that are named like their identities.

    Identities are numbered from 1 in the order of all folder names; the same name in two splits is the same identity. Without the folders
    train, query and gallery the identities are split: a part to test on, with queries drawn by ``choose_queries``, the others to train on.
    With them, those that are missing are empty splits; but a query without a gallery is searched for in train. A folder ``-1`` in ``gallery`` is junk, as in Market-1501, and left out.

    Args:
        root: the folder.
        camera: regular expression with one group, the camera's number, searched in each file name, such as ``r"c(\d+)"``.
        test_fraction: of the identities to test on, where the folder has no splits.
        seed: of that split.
        known: where the folder has no splits, test on new images of all people instead: an image of each is a query, all others are trained
            on and are the gallery. This suits few images, if the people to recognise are those of the training.

    Raises:
        MissingFileError: there is no such folder, or no folder in it.
        DataError: a folder is empty, a file name has no camera or several, or there are too few identities to split.
        InputError: an option is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1, without them, got {test_fraction}")
    pattern = camera_pattern(camera)
    there = [name for name in SPLITS if (root / name).is_dir()]
    if there:
        names = sorted({composed(path.name) for split in there for path in identity_folders(root / split)})
        numbers = {name: number for number, name in enumerate(names, start=1)} | {str(JUNK): JUNK}
        train, query, gallery = (read_identities(root / name, numbers, pattern) if name in there else () for name in SPLITS)
        if query and "gallery" not in there:
            gallery = train
        return ReidData(root.name, train, query, tuple(sample for sample in gallery if sample.identity != JUNK), root)

    names = sorted({composed(path.name) for path in identity_folders(root)})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    samples = read_identities(root, numbers, pattern)
    return split_people(root, samples, test_fraction, seed, known=known)


def split_people(root: Path, samples: Sequence[Sample], test_fraction: float, seed: int, *, known: bool) -> ReidData:
    """Splits people with a seed: a part to test on, with queries drawn by ``choose_queries``, the others to train on.

    Args:
        root: the folder of the images.
        samples: all of them.
        test_fraction: of the people to test on.
        seed: of the split.
        known: test on all people instead: queries are drawn of all, and the other images are both trained on and the gallery.

    Raises:
        DataError: there are too few people, or none of those to test on can be looked for.
    """
    identities = list(by_identity(samples))
    if len(identities) < 2:
        raise DataError(f"{root} has {len(identities)} identity: a split into train and test needs two or more")
    generator = random.Random(seed)  # noqa: S311  # a split, no secret
    if known:
        query, gallery = choose_queries(samples, generator)
        if not query:
            raise DataError(f"none of the {len(identities)} identities of {root} has {second_image(samples)} to find")
        return ReidData(root.name, gallery, query, gallery, root)
    tested = set(generator.sample(identities, min(len(identities) - 1, max(1, round(test_fraction * len(identities))))))
    query, gallery = choose_queries([sample for sample in samples if sample.identity in tested], generator)
    if not query:
        raise DataError(f"none of the {len(tested)} test identities of {root} has {second_image(samples)} to find: raise test_fraction")
    return ReidData(root.name, tuple(sample for sample in samples if sample.identity not in tested), query, gallery, root)


def identity_folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name.

    Raises:
        MissingFileError: there is no such folder.
        DataError: it has none.
    """
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}. {WHERE}")
    folders = folders_in(folder)
    if not folders:
        loose = len(image_names(folder, deep=False))
        hint = f", though {loose} images: if their names begin with the person, as in anna_1.jpg, write names:{folder}" if loose else ""
        raise DataError(f"{folder} has no folder in it{hint}. {WHERE}")
    return folders


def read_identities(folder: Path, numbers: dict[str, int], pattern: re.Pattern[str] | None) -> tuple[Sample, ...]:
    """Reads the folders of identities in a folder.

    Args:
        folder: that holds them.
        numbers: folder name -> identity.
        pattern: of the camera in file names.
    """
    return tuple(
        Sample(path, numbers[composed(home.name)], camera_of(path, pattern))
        for home in identity_folders(folder)
        for path in images_in(home, deep=True)
    )


def camera_pattern(camera: str | None) -> re.Pattern[str] | None:
    """Compiles the camera's regular expression; raises ``InputError`` if it is none or has not one group."""
    if camera is None:
        return None
    try:
        pattern = re.compile(camera)
    except re.error as error:
        raise InputError(f"camera={camera!r} is no regular expression: {error}") from error
    if pattern.groups != 1:
        raise InputError(rf"camera={camera!r} has {pattern.groups} groups: expected one, the camera's number, as in 'c(\d+)'")
    return pattern


def camera_of(path: Path, pattern: re.Pattern[str] | None) -> int | None:
    """The camera that a file name says.

    Raises:
        DataError: it says none, or several, or the expression takes a part of a number.
    """
    if pattern is None:
        return None
    matches = [match for match in pattern.finditer(path.name) if match[1] is not None]
    if not matches or not all(match[1].isdecimal() for match in matches):
        raise DataError(f"{path}: no camera number in the file name, looked for {pattern.pattern!r}")
    found = {whole_number(match[1], "camera", str(path)) for match in matches}
    if len(found) > 1:
        raise DataError(
            f"{path}: {pattern.pattern!r} finds the cameras {examples(sorted(found))} in the file name: let it match what stands around "
            "the camera's number, too"
        )
    before, after = path.name[: matches[0].start()], path.name[matches[0].end() :]
    cut = (before[-1:] if matches[0].start() == matches[0].start(1) else "", after[:1] if matches[0].end() == matches[0].end(1) else "")
    if any(each.isdecimal() for each in cut):
        raise DataError(
            rf"{path}: {pattern.pattern!r} takes {matches[0][1]}, a part of a longer number: write (\d+) for the whole, or let the "
            "expression match the other digits, too"
        )
    return found.pop()
