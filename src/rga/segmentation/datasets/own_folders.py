"""Where images and masks lie in a folder of your own, under all usual names.

The split within the kind (``images/train`` and ``masks/train``; ADE20K's ``images/training`` and ``annotations/training``; ``img/train``
and ``ann/train``), the kind within the split (``train/images`` and ``train/masks``), both in one name (``train_images``,
``train_masks``), or no splits at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rga.datasets.layout import DataError
from rga.datasets.splits import FILLERS, WORDS, Vocabulary, called, mentioned, name_of, split_folders
from rga.errors import MissingFileError
from rga.images.listing import folders_in, image_names
from rga.segmentation.datasets.pairs import masks_by_stem

KINDS: Vocabulary = {
    "images": frozenset(("images", "image", "imgs", "img", "jpegimages", "photos", "photo", "pictures", "frames", "inputs", "input")),
    "masks": frozenset(
        (
            *(
                "masks",
                "mask",
                "annotations",
                "annotation",
                "anns",
                "ann",
                "annot",
                "labels",
                "label",
                "gt",
                "groundtruth",
                "truth",
                "targets",
            ),
            *("segmentation", "segmentations", "segmentationclass"),
        )
    ),
}
"""The words for folders of images and of masks."""

BESIDE_KINDS = FILLERS | {"class", "raw", "aug", "ground"}
"""Words beside a kind's that say nothing else, as in VOC's ``SegmentationClass``."""

BESIDE_SPLITS = FILLERS - KINDS["images"]
"""Words beside a split's that do not name a kind."""

WHOLE = ""
"""In place of a split: the images have none."""

FOLDERS = "folders of subjects"
"""What folders within folders of images are, if they are no splits."""


@dataclass(frozen=True)
class OwnFolders:
    """Where images and masks lie.

    Attributes:
        home: the folder around them.
        images: split -> folder; ``WHOLE`` -> folder where there are no splits.
        masks: likewise.
    """

    home: Path
    images: Mapping[str, Path]
    masks: Mapping[str, Path]


def find_folders(root: Path, *, splits: bool = True) -> OwnFolders:
    """Finds the folders of images and masks in a folder, or in the only folder in it.

    Args:
        root: the folder, which is there.
        splits: whether folders that are called like splits are splits.

    Raises:
        DataError: two folders are called like the same; or some images are in splits and others are not.
    """
    home = root
    while not (kinds := kinds_in(home, splits=splits)) and len(folders_in(home)) == 1:
        home = folders_in(home)[0]
    found: dict[str, dict[str, Path]] = {"images": {}, "masks": {}}
    for kind, folders in kinds.items():
        found[kind] = dict(folders)
        if WHOLE in folders:
            inside = split_folders(folders[WHOLE], FOLDERS) if splits else {}
            if len(folders) > 1 or (inside and image_names(folders[WHOLE], deep=False)):
                named = ", ".join(str(path.relative_to(home)) for path in folders.values())
                raise DataError(f"{home} has {kind} with splits and without: {named}; bring all into splits, or none")
            found[kind] = inside or dict(folders)
    return OwnFolders(home, found["images"], found["masks"])


def find_masks(folder: Path) -> list[Path]:
    """The masks of a dataset, or of a folder that holds masks alone.

    Raises:
        MissingFileError: there is no such folder.
        DataError: there is no mask, or folders are not clear.
    """
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}: name a dataset with folders images and masks, or a folder of masks")
    found = find_folders(folder)
    homes = list(found.masks.values()) or [folder]
    if found.images and not found.masks:
        raise DataError(f"{folder} has images and no folder of masks beside: call it masks, or name the folder of masks")
    return [path for home in homes for path in masks_by_stem(home).values()]


def kinds_in(home: Path, *, splits: bool) -> dict[str, dict[str, Path]]:
    """Kind -> split or ``WHOLE`` -> folder, for those folders in a folder that are called like images or masks.

    Raises:
        DataError: two are called like the same.
    """
    found: dict[str, dict[str, Path]] = {}
    folders = folders_in(home)
    others = [path for path in folders if not name_of(path.name, WORDS, BESIDE_SPLITS)] if splits else folders
    for split, words in (WHOLE, frozenset[str]()), *(WORDS.items() if splits else ()):
        at = [path for path in others if split_in(path.name) == split] if splits else others
        for kind, path in one_of_each(at, BESIDE_KINDS | words).items():
            found.setdefault(kind, {})[split] = path
    if splits:
        for split, folder in called(folders, fillers=BESIDE_SPLITS).items():  # train/images
            for kind, path in one_of_each(folders_in(folder), BESIDE_KINDS).items():
                if split in found.setdefault(kind, {}):
                    raise DataError(
                        f"{home} has two folders of {kind} for {split}: {found[kind][split].name} and {folder.name}/{path.name}"
                    )
                found[kind][split] = path
    return found


def split_in(name: str) -> str:
    """The split that a name mentions beside a kind, as ``train_masks`` does; ``WHOLE`` for none."""
    said, _ = mentioned(name)
    return said[0] if len(said) == 1 else WHOLE


def one_of_each(folders: list[Path], fillers: frozenset[str]) -> dict[str, Path]:
    """The folder of each kind among some; of several that are called like one kind, the one that holds images.

    Raises:
        DataError: several hold images.
    """
    named: dict[str, list[Path]] = {}
    for path in folders:
        kind = name_of(path.name, KINDS, fillers)
        if kind is not None:
            named.setdefault(kind, []).append(path)
    full = {kind: [path for path in paths if image_names(path)] or paths[:1] if len(paths) > 1 else paths for kind, paths in named.items()}
    return {kind: called(paths, {kind: KINDS[kind]}, fillers)[kind] for kind, paths in full.items()}
