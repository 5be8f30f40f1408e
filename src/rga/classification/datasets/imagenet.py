"""ImageNet-1k (ILSVRC 2012): Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", arXiv 1409.0575.

A folder for each class, named by its WordNet number, below ``train`` and ``val``: the layout that PyTorch's and timm's scripts take. The
classes of the images to test on are kept by the authors: they are not read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from timm.data import ImageNetInfo

from rga.classification.datasets.folder import read_splits
from rga.classification.datasets.samples import ClassificationData
from rga.datasets.layout import DataError
from rga.datasets.splits import called
from rga.errors import MissingFileError
from rga.images.listing import folders_in

WHERE = (
    "ImageNet-1k is given to researchers at https://image-net.org (ILSVRC 2012): unpack the training and validation images to "
    "ROOT/train/n01440764/*.JPEG and ROOT/val/n01440764/*.JPEG, and so on for each class"
)
"""Where the data can be had."""

EXPECTED = {"train": 1_281_167, "val": 50_000}
"""How many images the splits have."""

CLASSES = 1000
INSIDE = ("", "ILSVRC/Data/CLS-LOC")
"""Where in the folder the splits may lie: at once, or as Kaggle's archive has them."""


def read_imagenet(root: Path) -> ClassificationData:
    """Reads ImageNet-1k, or a part of it that has all its classes in both splits.

    Classes are called by their WordNet number and description; their order is that of all published weights.

    Args:
        root: the folder that holds ``train`` and ``val``; ``val`` alone is enough to evaluate.

    Raises:
        MissingFileError: the images are not there.
        DataError: a folder is no class of ImageNet-1k, or a class is missing from one split.
    """
    found = next((there for inside in INSIDE if "val" in (there := splits_in(root / inside))), None)
    if found is None:
        lacking = f"folder {root} has no folder val" if root.is_dir() else f"no folder {root}"
        raise MissingFileError(f"{lacking}. {WHERE}")
    home = found["val"].parent
    if not folders_in(found["val"]):
        raise DataError(
            f"{found['val']} has no folders, as the archive of the validation images leaves it: sort them into folders of their "
            f"classes (valprep.sh of soumith/imagenetloader.torch does it). {WHERE}"
        )
    data = read_splits(home, found)
    info = ImageNetInfo()
    known = set(info.label_names())
    strange = [name for name in data.classes if name not in known]
    if strange:
        raise DataError(f"{home}: {strange[0]} is no class of ImageNet-1k: folders are named by WordNet number, as n01440764. {WHERE}")
    return replace(data, name="imagenet", classes=tuple(f"{name} {info.label_name_to_description(name)}" for name in data.classes))


def splits_in(folder: Path) -> dict[str, Path]:
    """The folders to train on and to choose by in a folder, under any of their usual names; none where it is not there."""
    named = called(folders_in(folder)) if folder.is_dir() else {}
    return {split: path for split, path in named.items() if split != "test"}
