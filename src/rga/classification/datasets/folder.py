"""Images in folders, one folder a class, as torchvision's ImageFolder has them.

Either ``ROOT/train/CLASS/*.jpg`` with a folder to test on beside it (``val``, ``valid``, ``validation`` or ``test``), or
``ROOT/CLASS/*.jpg``, which is split with a seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rga.classification.datasets.samples import NOTHING, ClassificationData, LabeledImages, from_names, shares
from rga.classification.image_sources import FileImages
from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.images.listing import SUFFIXES, composed, folders_in, image_names

WHERE = "Expected ROOT/train/CLASS/*.jpg and ROOT/val/CLASS/*.jpg, or ROOT/CLASS/*.jpg, which is then split."
TRAIN = "train"
TESTS = ("val", "valid", "validation", "test")
"""Names of the folder to test on, the first that is there."""


def read_folder(root: Path, *, test_folder: str = "", test_share: float = 0.2, seed: int = 0) -> ClassificationData:
    """Reads images from folders that are named like their classes; classes are numbered in the order of their names.

    Args:
        root: the folder.
        test_folder: name of the folder to test on, beside ``train``; by default the first there is of ``TESTS``.
        test_share: of each class to test on, where the folder has no splits.
        seed: of that split.

    Raises:
        MissingFileError: a folder is not there, or has no folder in it.
        DataError: there is one class, or a class without images in one of the splits.
        InputError: an option is out of its range.
    """
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    tested = test_folder or next((name for name in TESTS if (root / name).is_dir()), "")
    if (root / TRAIN).is_dir() or test_folder or (tested and only_splits(root)):
        return read_splits(root, tested)
    images, classes = read_classes(root, root)
    whole = ClassificationData(root.name, classes, images, NOTHING, root)
    train, test = shares(whole.train.labels, test_share, seed)
    return ClassificationData(root.name, classes, whole.train.choose(train), whole.train.choose(test), root)


def only_splits(root: Path) -> bool:
    """Whether a folder has no other folders than splits: a class may be called ``test``, too."""
    return set(class_names(root)) <= {TRAIN, *TESTS}


def class_names(folder: Path) -> list[str]:
    """The classes that the folders in a folder stand for, by name, without hidden ones."""
    return sorted({composed(path.name) for path in folders_in(folder)})


def read_splits(root: Path, tested: str) -> ClassificationData:
    """Reads ``train``, if it is there, and the folder to test on, if it has a name."""
    found = {name: read_classes(root, root / name) for name in (TRAIN, tested) if name and (name != TRAIN or (root / name).is_dir())}
    classes = tuple(sorted({each for _, names in found.values() for each in names}))
    splits = {
        name: from_names(images.images, [names[label] for label in images.labels.tolist()], classes)
        for name, (images, names) in found.items()
    }
    return ClassificationData(root.name, classes, splits.get(TRAIN, NOTHING), splits.get(tested, NOTHING), root)


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
