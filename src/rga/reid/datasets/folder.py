r"""Your own images in folders, one folder an identity.

Either ``ROOT/{train,query,gallery}/IDENTITY/*.jpg``, or ``ROOT/{train,test}/IDENTITY/*.jpg``, whose test is divided into query and gallery,
or ``ROOT/IDENTITY/*.jpg``, which is split by identity. The camera can stand in the file names: ``camera=r"c(\d+)"`` finds 3 in
``walk_c3_0012.jpg``. Folders within an identity's folder are part of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rga.datasets.layout import DataError, images_in
from rga.datasets.splits import WORDS, Vocabulary, hash_rank, split_folders
from rga.datasets.tables import whole_number
from rga.errors import InputError, MissingFileError
from rga.images.defects import examples
from rga.images.listing import composed, folders_in, image_names
from rga.ranking.labels import JUNK
from rga.reid.datasets.samples import ReidData, Sample, by_identity, choose_queries, second_image

VOCABULARY: Vocabulary = {
    "train": WORDS["train"],
    "query": frozenset(("query", "queries", "probe", "probes")),
    "gallery": frozenset(("gallery", "galleries")),
    "test": WORDS["test"] | WORDS["val"],
}
"""The words for the folders of splits."""

WHERE = "The images are your own: ROOT/IDENTITY/*.jpg, or ROOT/train, ROOT/query and ROOT/gallery with IDENTITY/*.jpg in each."


def read_folder(
    root: Path,
    *,
    camera: str | None = None,
    test_fraction: float = 0.5,
    seed: int = 0,
    known: bool = False,
    splits: bool = True,
    case: bool = False,
) -> ReidData:
    r"""Reads images from folders that are named like their identities.

    Identities are numbered from 1 in the order of all folder names; the same name in two splits is the same identity. Folders of splits
    are found under their usual names in any case. Those that are missing are empty. A folder ``test`` (or ``val``) beside ``train`` is
    divided into query and gallery by ``choose_queries``. Without such folders the identities are split by a hash of their names: a part to
    test on, with queries drawn likewise, the others to train on. A folder ``-1`` in ``gallery`` is junk, as in Market-1501, and left out.

    Args:
        root: the folder.
        camera: regular expression with one group, the camera's number, searched in each file name, such as ``r"c(\d+)"``.
        test_fraction: of the identities to test on, where the folder has no splits.
        seed: of that split, and of the queries that are drawn.
        known: test on new images of people who are trained on. A query is searched for in train, where there is no gallery. Where the
            folder has no splits, an image of each person is a query, and all others are trained on and are the gallery.
        splits: whether folders that are called like splits are splits; no where they are identities.
        case: whether names that differ in case alone are different identities; they are refused otherwise.

    Raises:
        MissingFileError: there is no such folder, or no folder in it.
        DataError: a folder is empty or holds images beside its folders, splits are not clear, a file name has no camera or several, names
            differ in case alone, or there are too few identities to split.
        InputError: an option is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1, without them, got {test_fraction}")
    pattern = camera_pattern(camera)
    identity_folders(root)
    found = split_folders(root, "identities", VOCABULARY) if splits else {}
    if "test" in found and {"query", "gallery"} & found.keys():
        both = " and ".join(path.name for path in found.values())
        raise DataError(f"{root} has {both}: a test is either query and gallery, or one folder that is divided into both")
    named = {path.name for folder in found.values() or (root,) for path in identity_folders(folder)}
    numbers = {name: number for number, name in enumerate(sorted(map(composed, named)), start=1)}
    if not case:
        check_spelling(numbers, root)
    if found:
        numbers |= {str(JUNK): JUNK}
        parts = {name: read_identities(folder, numbers, pattern) for name, folder in found.items()}
        query, gallery = parts.get("query", ()), tuple(sample for sample in parts.get("gallery", ()) if sample.identity != JUNK)
        if "test" in parts:
            query, gallery = draw_queries(parts["test"], numbers, seed)
            if not query:
                raise DataError(f"none of the identities in {found['test']} has {second_image(parts['test'])} to find")
        if query and not {"test", "gallery"} & found.keys():
            if not known:
                raise DataError(f"{root} has a query and no gallery: add one, or write known=true to search in the training images")
            gallery = parts.get("train", ())
        return ReidData(root.name, parts.get("train", ()), query, gallery, root)

    return split_people(root, read_identities(root, numbers, pattern), numbers, test_fraction, seed, known=known)


def split_people(
    root: Path, samples: Sequence[Sample], numbers: Mapping[str, int], test_fraction: float, seed: int, *, known: bool
) -> ReidData:
    """Splits people by a hash of their names: a part to test on, with queries drawn for each, the others to train on.

    Args:
        root: the folder of the images.
        samples: all of them.
        numbers: name of a person -> identity.
        test_fraction: of the people to test on.
        seed: of the split; one more person moves one other at most.
        known: test on all people instead: queries are drawn of all, and the other images are both trained on and the gallery.

    Raises:
        DataError: there are too few people, or none of those to test on can be looked for.
    """
    if len(numbers) < 2:
        raise DataError(f"{root} has {len(numbers)} identity: a split into train and test needs two or more")
    if known:
        query, gallery = draw_queries(samples, numbers, seed)
        if not query:
            raise DataError(f"none of the {len(numbers)} identities of {root} has {second_image(samples)} to find")
        return ReidData(root.name, gallery, query, gallery, root)
    in_order = sorted(numbers, key=lambda name: hash_rank(name, seed))
    tested = {numbers[name] for name in in_order[: min(len(numbers) - 1, max(1, round(test_fraction * len(numbers))))]}
    query, gallery = draw_queries([sample for sample in samples if sample.identity in tested], numbers, seed)
    if not query:
        raise DataError(f"none of the {len(tested)} test identities of {root} has {second_image(samples)} to find: raise test_fraction")
    return ReidData(root.name, tuple(sample for sample in samples if sample.identity not in tested), query, gallery, root)


def draw_queries(samples: Sequence[Sample], numbers: Mapping[str, int], seed: int) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Query and gallery by ``choose_queries``, for each identity by itself: more identities change no other's queries.

    Args:
        samples: of all identities.
        numbers: name of a person -> identity.
        seed: of the choice.
    """
    names = {number: name for name, number in numbers.items()}
    query: list[Sample] = []
    gallery: list[Sample] = []
    for identity, group in by_identity(samples).items():
        drawn_by = f"{seed}:{names[identity]}".encode("utf-8", "surrogateescape")  # a name that is not UTF-8 is its bytes
        chosen, others = choose_queries(group, random.Random(drawn_by))  # noqa: S311  no secret
        query += chosen
        gallery += others
    return tuple(query), tuple(gallery)


def identity_folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name.

    Raises:
        MissingFileError: there is no such folder.
        DataError: it has none, or images beside them, whose identity is not known.
    """
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}. {WHERE}")
    folders = folders_in(folder)
    if not folders:
        beside = len(image_names(folder, deep=False))
        hint = f", though {beside} images: if their names begin with the person, as in anna_1.jpg, write names:{folder}" if beside else ""
        raise DataError(f"{folder} has no folder in it{hint}. {WHERE}")
    loose = image_names(folder, deep=False)
    if loose:
        raise DataError(f"{folder} has images beside its folders, of whom nobody says who they are: {examples(loose)}. {WHERE}")
    return folders


def check_spelling(names: Iterable[str], root: Path) -> None:
    """Refuses names that differ in case alone, as typing and Windows make them: one person would become two.

    Args:
        names: of people, or of cameras.
        root: that they are in, for the error.

    Raises:
        DataError: there are such.
    """
    seen: dict[str, str] = {}
    for name in sorted(names):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise DataError(
                f"{root}: {other} and {name} differ in case alone: rename one of them, or write case=true if they are not the same"
            )


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
