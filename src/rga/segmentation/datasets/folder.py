"""Your own images and masks in folders, with a file that names the classes.

``ROOT/images`` and ``ROOT/masks`` hold files of the same names below them, the masks as PNG; both either have no other folders than train,
val and test, of which some may be missing, or are split by a seed. ``ROOT/classes.csv`` has a line for each value in the masks:

    value,name,colour
    0,ignored,
    1,road,#804080
    2,car,#00008e

Values with the same name are one class, the name ``ignored`` is for pixels that do not count, and so is 255 where it is not listed. Classes
are numbered in the order in which they come. Colours may be left out.
"""

from __future__ import annotations

import random
from pathlib import Path

from rga.datasets.layout import DataError, find_home
from rga.errors import InputError
from rga.images.defects import examples
from rga.images.images import SUFFIXES
from rga.segmentation.datasets.class_file import read_classes
from rga.segmentation.datasets.pairs import by_stem, paired
from rga.segmentation.datasets.samples import SPLITS, Sample, SegmentationData

WHERE = "The images are your own: ROOT/images, ROOT/masks and ROOT/classes.csv with the columns value, name and, if you like, colour."

CLASS_FILE = "classes.csv"


def read_folder(root: Path, *, val_fraction: float = 0.2, seed: int = 0) -> SegmentationData:
    """Reads images and masks from folders.

    Args:
        root: the folder with ``images``, ``masks`` and ``classes.csv``.
        val_fraction: share of the images that are not trained on, where the folders have no splits.
        seed: of that split.

    Raises:
        MissingFileError: a folder or the file is missing.
        DataError: the class file is wrong, there are no images, or an image or a mask is without the other.
        InputError: an option is out of its range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(f"val_fraction must lie between 0 and 1, without them, got {val_fraction}")
    home = find_home(root, (), ("images", "masks", CLASS_FILE), WHERE)
    classes = read_classes(home / CLASS_FILE)
    if has_splits(home / "images"):
        train, val, test = (read_pairs(home / "images" / split, home / "masks" / split) for split in SPLITS)
        return SegmentationData(home.name, classes, train, val, test, home)
    samples = read_pairs(home / "images", home / "masks")
    if len(samples) < 2:
        raise DataError(f"{home / 'images'} has {len(samples)} image: a split into train and val needs two or more. {WHERE}")
    held_out = max(1, min(len(samples) - 1, round(val_fraction * len(samples))))
    chosen = set(random.Random(seed).sample(range(len(samples)), held_out))  # noqa: S311  # a split, no secret
    parts = [tuple(sample for index, sample in enumerate(samples) if (index in chosen) == wanted) for wanted in (False, True)]
    return SegmentationData(home.name, classes, parts[0], parts[1], (), home)


def has_splits(images: Path) -> bool:
    """Whether images are split already.

    Raises:
        DataError: there are folders of splits and other folders or images beside them, which would be in none.
    """
    found = {path.name for path in images.iterdir() if not path.name.startswith(".")}
    if "train" in found and not found <= {*SPLITS}:
        others = examples(sorted(found - {*SPLITS}))
        raise DataError(f"{images} has a folder train and, beside it, {others}: sort these into train, val or test")
    return bool(found) and found <= {*SPLITS}


def read_pairs(images: Path, masks: Path) -> tuple[Sample, ...]:
    """The images and masks below two folders; none where neither is there."""
    found = [path for path in images.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    numbers = [path for path in masks.rglob("*.png") if not path.name.startswith(".")]
    return paired(by_stem(found, images), by_stem(numbers, masks), masks)
