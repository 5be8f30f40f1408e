"""The catalogue: every dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rga.classification.datasets import cifar, digits, folder, imagenet, zips
from rga.classification.datasets.check import check_data
from rga.classification.datasets.samples import ClassificationData
from rga.datasets.catalog import Catalog

Reader = Callable[..., ClassificationData]

READERS: dict[str, Reader] = {
    "digits": digits.read_digits,
    "cifar10": cifar.read_cifar10,
    "cifar100": cifar.read_cifar100,
    "imagenet": imagenet.read_imagenet,
    "folder": folder.read_folder,
    "zips": zips.read_zips,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[str, tuple[int, int]]] = {
    "cifar10": {split: (10, images) for split, images in cifar.EXPECTED.items()},
    "cifar100": {split: (100, images) for split, images in cifar.EXPECTED.items()},
    "imagenet": {split: (imagenet.CLASSES, images) for split, images in imagenet.EXPECTED.items()},
}
"""Name -> split -> how many classes and images it should have, where that is known."""

CATALOG: Catalog[ClassificationData] = Catalog(READERS, check_data, EXPECTED)
"""The datasets; ``CATALOG.read("NAME:FOLDER?option=value")`` reads one."""
