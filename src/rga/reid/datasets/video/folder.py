r"""Your own tracklets in folders: a folder an identity, in it one a camera, in it one a tracklet, in it the frames.

``ROOT/IDENTITY/CAMERA/TRACKLET/*.jpg``, which is split by identity; or ``ROOT/{train,query,gallery}/IDENTITY/...``; or
``ROOT/{train,test}/IDENTITY/...``, whose test is divided into query and gallery. Frames are in the order of their names; names that
end in numbers with and without leading zeros after the same beginning (``f9.jpg``, ``f10.jpg``) are in the order of the numbers.
``rga data make walks`` writes this layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rga.datasets.layout import DataError
from rga.datasets.splits import split_folders
from rga.errors import InputError, MissingFileError
from rga.images.defects import examples
from rga.images.listing import composed, folders_in, image_names
from rga.ranking.labels import JUNK
from rga.reid.datasets.folder import VOCABULARY, check_spelling, draw_queries, split_people
from rga.reid.datasets.samples import ReidData, Sample, second_image
from rga.reid.datasets.video.tracklet import Tracklet

WHERE = (
    "The tracklets are your own: ROOT/IDENTITY/CAMERA/TRACKLET/*.jpg, or the same in ROOT/train, ROOT/query and ROOT/gallery; "
    "rga data make walks ROOT generates some."
)

Numbers = Mapping[str, int]

NUMBERED = re.compile(r"(.*?)([0-9]+)", re.DOTALL)
"""The name of a frame without its ending: a beginning, and the number that it ends in."""


def read_tracklets(root: Path, *, test_fraction: float = 0.5, seed: int = 0, splits: bool = True, case: bool = False) -> ReidData:
    """Reads tracklets from folders that are named like their identities and cameras.

    Identities and cameras are numbered from 1 in the order of all names; the same name in two splits is the same one. A folder ``test``
    beside ``train`` is divided into query and gallery, one query an identity and camera. Without such folders the identities are split by
    a hash of their names.

    Args:
        root: the folder.
        test_fraction: of the identities to test on, where the folder has no splits.
        seed: of that split, and of the queries that are drawn.
        splits: whether folders that are called like splits are splits; no where they are identities.
        case: whether names that differ in case alone are different identities or cameras; they are refused otherwise.

    Raises:
        MissingFileError: there is no such folder.
        DataError: a folder is empty or holds images beside its folders, splits are not clear, names differ in case alone, or there is
            nothing to test on.
        InputError: an option is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1, without them, got {test_fraction}")
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    found = split_folders(root, "identities", VOCABULARY) if splits else {}
    if "test" in found and {"query", "gallery"} & found.keys():
        both = " and ".join(path.name for path in found.values())
        raise DataError(f"{root} has {both}: a test is either query and gallery, or one folder that is divided into both")
    people = [person for folder in found.values() or (root,) for person in inner_folders(folder, "identities")]
    identities = numbered(person.name for person in people)
    cameras = numbered(camera.name for person in people for camera in inner_folders(person, "cameras"))
    for names in () if case else (identities, cameras):
        check_spelling(names, root)
    if not found:
        return split_people(root, tracklets_in(root, identities, cameras), identities, test_fraction, seed, known=False)
    identities |= {str(JUNK): JUNK}
    parts = {name: tracklets_in(folder, identities, cameras) for name, folder in found.items()}
    query, gallery = parts.get("query", ()), tuple(sample for sample in parts.get("gallery", ()) if sample.identity != JUNK)
    if "test" in parts:
        query, gallery = draw_queries(parts["test"], identities, seed)
        if not query:
            raise DataError(f"none of the identities in {found['test']} has {second_image(parts['test'])} to find")
    return ReidData(root.name, parts.get("train", ()), query, gallery, root)


def tracklets_in(folder: Path, identities: Numbers, cameras: Numbers) -> tuple[Sample, ...]:
    """The tracklets of a folder of identities.

    Raises:
        DataError: a folder is empty, or holds images beside its folders.
    """
    return tuple(
        Tracklet.of(frames_in(tracklet), identities[composed(person.name)], cameras[composed(camera.name)])
        for person in inner_folders(folder, "identities")
        for camera in inner_folders(person, "cameras")
        for tracklet in inner_folders(camera, "tracklets")
    )


def frames_in(folder: Path) -> list[Path]:
    """The frames of a tracklet, in their order.

    Raises:
        DataError: there are none, or folders beside or instead of them.
    """
    names, within = image_names(folder, deep=False), folders_in(folder)
    if within or not names:
        what = f"the folders {examples([each.name for each in within])}" if within else "no image"
        raise DataError(f"{folder} is a tracklet and has {what} in it: expected its frames. {WHERE}")
    return [folder / name for name in in_time(names)]


def in_time(names: list[str]) -> list[str]:
    """Names of frames in the order of the numbers that they end in, where these follow the same beginning; otherwise as they are.

    Example:
        >>> in_time(["f10.jpg", "f8.jpg", "f9.jpg"]), in_time(["f10.jpg", "g9.jpg"])
        (['f8.jpg', 'f9.jpg', 'f10.jpg'], ['f10.jpg', 'g9.jpg'])
    """
    found = {name: NUMBERED.fullmatch(Path(name).stem) for name in names}
    parts = {name: (match[1], match[2]) for name, match in found.items() if match is not None}
    if len(parts) < len(names) or len({beginning for beginning, _ in parts.values()}) > 1:
        return names
    if len({len(number) for _, number in parts.values()}) == 1:
        return names  # with leading zeros both orders are one
    return sorted(names, key=lambda name: (int(parts[name][1]), name))


def inner_folders(folder: Path, what: str) -> list[Path]:
    """The folders in a folder, by name.

    Raises:
        DataError: there are none, or images beside them.
    """
    folders, loose = folders_in(folder), image_names(folder, deep=False)
    if loose:
        raise DataError(f"{folder} has images ({examples(loose)}) where folders of {what} are expected. {WHERE}")
    if not folders:
        raise DataError(f"{folder} has no folder in it: expected {what}. {WHERE}")
    return folders


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Names in Unicode's composed form, numbered from 1 in their order."""
    return {name: number for number, name in enumerate(sorted(set(map(composed, names))), start=1)}
