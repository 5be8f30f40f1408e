"""Your own images and masks in folders, with a file that names the classes.

``ROOT/images`` and ``ROOT/masks`` hold files of the same names, either in folders ``train``, ``val`` and ``test``, of which some may be
missing, or without splits: then they are split by a hash of their names. The folders may have other usual names, see
``rga.segmentation.datasets.own_folders``. ``ROOT/classes.csv`` says which value is which class, see
``rga.segmentation.datasets.class_file``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rga.datasets.layout import DataError, by_stem, relative
from rga.datasets.splits import SPLITS, split_by_hash
from rga.errors import InputError, MissingFileError
from rga.images.listing import image_names
from rga.segmentation.datasets.class_file import PROPOSE, read_classes
from rga.segmentation.datasets.own_folders import WHOLE, OwnFolders, find_folders
from rga.segmentation.datasets.pairs import masks_by_stem, paired
from rga.segmentation.datasets.samples import Sample, SegmentationData

WHERE = (
    "The images are your own: ROOT/images, ROOT/masks and ROOT/classes.csv with the columns value, name and, if you like, colour "
    f"({PROPOSE})."
)

CLASS_FILE = "classes.csv"


def read_folder(
    root: Path, *, val_fraction: float = 0.2, test_fraction: float = 0.0, seed: int = 0, splits: bool = True
) -> SegmentationData:
    """Reads images and masks from folders.

    Args:
        root: the folder with ``images``, ``masks`` and ``classes.csv``.
        val_fraction: share of the images that choose the best model, where the folders have no splits. Images are split by a hash of their
            names: one more moves no other.
        test_fraction: share of the images that are tested on when all is over, likewise.
        seed: of that split.
        splits: whether folders that are called like splits are splits; no where they are none.

    Raises:
        MissingFileError: a folder or the file is missing.
        DataError: the class file is wrong, there are no images, an image or a mask is without the other, or splits are not clear.
        InputError: an option is out of its range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(f"val_fraction must lie between 0 and 1, without them, got {val_fraction}")
    if not 0 <= test_fraction < 1 - val_fraction:
        raise InputError(f"test_fraction must be at least 0 and leave something beside val_fraction {val_fraction}, got {test_fraction}")
    folders, table = find_all(root, splits=splits)
    classes = read_classes(table)
    found = {split: read_pairs(folders, split) for split in folders.images}
    for split in folders.masks.keys() - folders.images.keys():
        found[split] = read_pairs(folders, split)
    if WHOLE in found:
        found = split_samples(found[WHOLE], folders.images[WHOLE], {"val": val_fraction, "test": test_fraction}, seed)
    train, val, test = (found.get(split, ()) for split in SPLITS)
    return SegmentationData(root.name, classes, train, val, test, root)


def find_all(root: Path, *, splits: bool) -> tuple[OwnFolders, Path]:
    """The folders of images and masks, and the class file: beside them, or in the folder that was named.

    Raises:
        MissingFileError: one of them is missing.
        DataError: two folders are called like the same, or splits are not clear.
    """
    needed = f"images, masks, {CLASS_FILE}"
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}: expected a folder with {needed}. {WHERE}")
    folders = find_folders(root, splits=splits)
    table = next((folder / CLASS_FILE for folder in (root, folders.home) if (folder / CLASS_FILE).is_file()), None)
    there = {"images": folders.images, "masks": folders.masks, CLASS_FILE: table}
    missing = [name for name, found in there.items() if not found]
    if table is None or missing:
        raise MissingFileError(f"folder {root} lacks {', '.join(missing)}: expected {needed} in it. {WHERE}")
    return folders, table


def read_pairs(folders: OwnFolders, split: str) -> tuple[Sample, ...]:
    """The images and masks of a split, or of all where there is none.

    Images to test on may be without masks, all of them: they can be predicted.

    Raises:
        DataError: the folder of one of both is not there, or an image or a mask is without the other.
    """
    images, masks = folders.images.get(split), folders.masks.get(split)
    if images is not None and masks is None and split == "test":
        return tuple(Sample(path, None) for path in by_stem([images / name for name in image_names(images)], images).values())
    if images is None or masks is None:
        there, lacking = (images, "masks") if masks is None else (masks, "images")
        assert there is not None
        others = ", ".join(map(str, getattr(folders, lacking).values()))
        raise DataError(f"{there} has no folder of {lacking} that is called alike: there are {others}")
    return paired(by_stem([images / name for name in image_names(images)], images), masks_by_stem(masks), masks)


def split_samples(samples: tuple[Sample, ...], images: Path, shares: Mapping[str, float], seed: int) -> dict[str, tuple[Sample, ...]]:
    """Splits samples by a hash of their images' names below a folder, without endings.

    Raises:
        DataError: there are too few.
    """
    names = [relative(sample.image.with_suffix(""), images) for sample in samples]
    try:
        parts = split_by_hash(names, shares, seed)
    except DataError as error:
        plural = "image" if len(samples) == 1 else "images"
        raise DataError(f"{images} has {len(samples)} {plural}: a split into train and val needs two or more. {WHERE}") from error
    return {split: tuple(sample for sample, part in zip(samples, parts, strict=True) if part == split) for split in SPLITS}
