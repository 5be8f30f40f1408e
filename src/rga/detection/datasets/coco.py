"""COCO (Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014), and your own data in its format.

A folder as COCO's archives unpack: ``annotations/instances_train2017.json``, ``train2017/*.jpg`` and likewise ``val2017``. The files may
have other usual names: ``annotations/instances_train.json`` or ``annotations/train.json`` with ``images/train``, ``train`` or ``images``.
Or one file of annotations, whose images are split by a hash of their names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from rga.datasets.layout import DataError, not_found
from rga.datasets.splits import FILLERS, SPLITS, Split, called, split_by_hash
from rga.detection.datasets.annotations import AnnotationFile, read_annotations
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.samples import DetectionData, Sample, SplitCounts
from rga.errors import InputError, MissingFileError
from rga.images.listing import existing

WHERE = (
    "COCO is at cocodataset.org: unpack train2017.zip, val2017.zip and annotations_trainval2017.zip into one folder. Your own data: "
    "annotations/instances_train.json and instances_val.json in COCO's format, and images/train and images/val; or one file of annotations."
)
"""Where the data can be had."""

EXPECTED: dict[Split, SplitCounts] = {
    "train": SplitCounts(118_287, 118_287, 849_949),
    "val": SplitCounts(5_000, 5_000, 36_335),
    "test": SplitCounts(0, 0, 0),
}
"""Of COCO 2017: 860,001 and 36,781 annotations, of which 10,052 and 446 are crowd regions."""

INSTANCES = "instances"
"""What the files with objects begin with, beside those with captions and keypoints."""


def read_coco(
    root: Path, *, images: str | None = None, val_fraction: float = 0.2, test_fraction: float = 0.0, seed: int = 0
) -> DetectionData:
    """Reads your own data in COCO's format: boxes and masks of objects.

    Args:
        root: the folder with ``annotations``, or one file of annotations (JSON).
        images: the folder of the images, where it has another name.
        val_fraction: of one file: share of the images that choose the best model. Images are split by a hash of their names.
        test_fraction: of one file: share of the images that are tested on when all is over.
        seed: of that split.

    Raises:
        MissingFileError: a folder or a file is missing.
        DataError: annotations are not in COCO's format, files differ in their categories, images are missing, or one is in two splits.
        InputError: an option is out of its range.
    """
    if root.is_file():
        return read_one(root, images, {"val": val_fraction, "test": test_fraction}, seed)
    files = {split: read_annotations(path) for split, path in find_files(root).items()}
    classes = same_categories(list(files.values()))
    found = {split: samples_of(file, image_folders(root, file.path, images)) for split, file in files.items()}
    check_apart(found)
    train, val, test = (found.get(split, ()) for split in SPLITS)
    return DetectionData(root.resolve().name, classes, train, val, test, root)


def read_coco2017(root: Path) -> DetectionData:
    """Reads COCO 2017: 80 categories, 118,287 images to train on and 5,000 to choose by.

    Args:
        root: the folder with ``annotations``, ``train2017`` and ``val2017``.

    Raises:
        MissingFileError: a folder or a file is missing.
        DataError: annotations are not in COCO's format, or images are missing.
    """
    data = read_coco(root)
    return DetectionData("coco2017", data.classes, data.train, data.val, data.test, root)


def read_one(path: Path, images: str | None, shares: Mapping[str, float], seed: int) -> DetectionData:
    """Reads one file of annotations, whose images are split by a hash of their names."""
    if not 0 < shares["val"] < 1:
        raise InputError(f"val_fraction must lie between 0 and 1, without them, got {shares['val']}")
    if not 0 <= shares["test"] < 1 - shares["val"]:
        raise InputError(f"test_fraction must be at least 0 and leave something beside val_fraction, got {shares['test']}")
    file = read_annotations(path)
    home = path.parent.parent if path.parent.name == "annotations" else path.parent
    samples = samples_of(file, image_folders(home, path, images))
    try:
        parts = split_by_hash([image.name for image in file.images], shares, seed)
    except DataError as error:
        raise DataError(f"{path} has {len(samples)} images: a split into train and val needs two or more") from error
    train, val, test = (tuple(each for each, part in zip(samples, parts, strict=True) if part == split) for split in SPLITS)
    return DetectionData(path.stem, file.categories, train, val, test, home)


def find_files(root: Path) -> dict[str, Path]:
    """The file of annotations of each split.

    Raises:
        MissingFileError: there is no folder, or no such file in it.
        DataError: two files are called like one split.
    """
    folder = root / "annotations"
    if not folder.is_dir():
        raise not_found(root, ("annotations",), WHERE)
    files = sorted(folder.glob("*.json"))
    chosen = [path for path in files if path.stem.startswith(INSTANCES)] or files
    found = called(chosen, fillers=FILLERS | {INSTANCES, "annotations", "coco"})
    if not found:
        names = ", ".join(path.name for path in files) or "none"
        raise MissingFileError(f"{folder} has no file of annotations of train, val or test: it has {names}. {WHERE}")
    return found


def image_folders(home: Path, annotations: Path, images: str | None) -> list[Path]:
    """Where the images of a file of annotations may lie, the likeliest first.

    Raises:
        MissingFileError: the folder that was named is not there.
    """
    if images is not None:
        named = [folder for folder in (home / images, Path(images)) if folder.is_dir()]
        if not named:
            raise MissingFileError(f"no folder {home / images} and no folder {images}: expected the images of {annotations}")
        bases = named[:1]
    else:
        bases = [home / "images", home]
    split = annotations.stem.removeprefix(INSTANCES).strip("_- ")
    return [folder for base in bases for folder in (base / split, base) if split or folder == base]


def samples_of(file: AnnotationFile, folders: Sequence[Path]) -> tuple[Sample, ...]:
    """The images of a file of annotations.

    Args:
        file: of annotations.
        folders: where the images may lie: all lie in the first one that has any of them.

    Raises:
        DataError: the file names no image.
        MissingFileError: an image is not there.
    """
    if not file.images:
        raise DataError(f"{file.path} names no image")
    folder = next((each for each in folders if any(existing(each / image.name).is_file() for image in file.images[:100])), folders[0])
    paths = [existing(folder / image.name) for image in file.images]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        looked = "" if len(missing) < len(paths) else f"; looked into {', '.join(map(str, dict.fromkeys(folders)))}. {WHERE}"
        raise MissingFileError(f"{len(missing):,} of the {len(paths):,} images of {file.path} are not there, such as {missing[0]}{looked}")
    return tuple(Sample(path, image.size, image.objects) for path, image in zip(paths, file.images, strict=True))


def check_apart(found: Mapping[str, Sequence[Sample]]) -> None:
    """Refuses images that are in two splits, also where a link leads to one of them.

    Raises:
        DataError: there are such.
    """
    files = {split: {os.path.realpath(sample.image): sample.image for sample in samples} for split, samples in found.items()}
    for (first, mine), (second, theirs) in combinations(files.items(), 2):
        shared = mine.keys() & theirs.keys()
        if shared:
            example = min(mine[path] for path in shared)
            raise DataError(f"{len(shared)} images are in {first} and in {second}, such as {example}: take them out of one of both files")


def same_categories(files: Sequence[AnnotationFile]) -> Categories:
    """The categories of several files, which must be the same.

    Raises:
        DataError: they are not.
    """
    first = files[0]
    for other in files[1:]:
        if other.categories != first.categories:
            mine, theirs = (dict(zip(each.categories.ids, each.categories.names, strict=True)) for each in (first, other))
            number = min(key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key))
            raise DataError(
                f"{first.path} and {other.path} differ in category {number}: {mine.get(number, 'none')} and {theirs.get(number, 'none')}"
            )
    return first.categories
