"""Images in folders, one folder a class, as torchvision's ImageFolder has them.

Either ``ROOT/train/CLASS/*.jpg`` with folders ``val`` and ``test`` beside it, under any of their usual names (``rga.datasets.splits``), or
``ROOT/CLASS/*.jpg``, which is split by a hash of the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rga.classification.datasets.samples import NOTHING, ClassificationData, LabeledImages, from_names, parts_of
from rga.classification.image_sources import FileImages
from rga.datasets.layout import DataError
from rga.datasets.splits import SPLITS, called, inner_home, split_folders
from rga.errors import InputError, MissingFileError
from rga.images.listing import SUFFIXES, composed, folders_in, image_names

WHERE = "Expected ROOT/train/CLASS/*.jpg with ROOT/val and ROOT/test alike, or ROOT/CLASS/*.jpg, which is then split."


def read_folder(
    root: Path, *, test_folder: str = "", test_share: float = 0.2, val_share: float = 0.0, seed: int = 0, splits: bool = True
) -> ClassificationData:
    """Reads images from folders that are named like their classes; classes are numbered in the order of their names.

    Args:
        root: the folder.
        test_folder: name of the folder to test on, beside ``train``, where it is not called like a test split.
        test_share: of each class to test on, where the folder has no splits. Images are split by a hash of their names: one more moves no
            other.
        val_share: of each class to choose the best model by, likewise; by default the test images choose it. One of both is above 0.
        seed: of that split.
        splits: whether folders that are called like splits are splits; no where they are classes.

    Raises:
        MissingFileError: a folder is not there, or has no folder in it.
        DataError: there is one class, a class without images in one of the splits, or splits are not clear.
        InputError: an option is out of its range.
    """
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    found = named_splits(root, test_folder) if test_folder else split_folders(inner_home(root), "classes") if splits else {}
    if found:
        return read_splits(root, found)
    if not test_share and not val_share:
        raise InputError(f"test_share must lie between 0 and 1, without them, where there is no val_share; got {test_share}")
    images, classes = read_classes(root, root)
    whole = ClassificationData(root.name, classes, images, NOTHING, root)
    parts = parts_of(whole.train, classes, {"test": test_share, "val": val_share}, seed)
    return ClassificationData(root.name, classes, parts["train"], parts["test"], root, parts["val"])


def named_splits(root: Path, test_folder: str) -> dict[str, Path]:
    """The splits of a folder whose test split is named."""
    home = inner_home(root)
    found = called(path for path in folders_in(home) if path.name != test_folder)
    return {**found, "test": home / test_folder}


def class_names(folder: Path) -> list[str]:
    """The classes that the folders in a folder stand for, by name, without hidden ones."""
    return sorted({composed(path.name) for path in folders_in(folder)})


def read_splits(root: Path, folders: Mapping[str, Path]) -> ClassificationData:
    """Reads the splits that are there.

    Args:
        root: that names are told from.
        folders: split -> its folder.

    Raises:
        MissingFileError: a folder is not there, or has no folder in it.
        DataError: a class has no image in one of the splits.
    """
    found = {split: read_classes(root, folder) for split, folder in folders.items()}
    classes = tuple(sorted({each for _, names in found.values() for each in names}))
    splits = {
        split: from_names(images.images, [names[label] for label in images.labels.tolist()], classes)
        for split, (images, names) in found.items()
    }
    train, val, test = (splits.get(split, NOTHING) for split in SPLITS)
    return ClassificationData(root.name, classes, train, test, root, val)


def read_classes(root: Path, folder: Path) -> tuple[LabeledImages, tuple[str, ...]]:
    """The images in the class folders of one folder, and the classes.

    Args:
        root: that names are told from.
        folder: with a folder for each class.

    Raises:
        MissingFileError: there is no such folder, or no folder in it.
        DataError: there is no image in any of them.
    """
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}. {WHERE}")
    classes = tuple(class_names(folder))
    if not classes:
        images = len(image_names(folder))
        loose = f", though {images} images: sort them into folders named like their classes" if images else ""
        raise MissingFileError(f"folder {folder} has no folders in it{loose}. {WHERE}")
    numbers = {name: number for number, name in enumerate(classes)}
    found = [(name, numbers[composed(name.split("/")[0])]) for name in image_names(folder) if "/" in name]
    if not found:
        named = ", ".join(classes[:3])
        raise DataError(f"the folders in {folder} ({named}, ...) hold no images ({', '.join(SUFFIXES)}). {WHERE}")
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    labels = np.array([label for _, label in found], dtype=np.int64)
    return LabeledImages(FileImages(root, [f"{prefix}{name}" for name, _ in found]), labels), classes
