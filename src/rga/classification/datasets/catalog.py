"""The catalogue: every dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rga.classification.datasets import cifar, digits, folder, imagenet, zips
from rga.classification.datasets.samples import ClassificationData
from rga.datasets.catalog import read_named

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


def load_data(name: str, root: Path, **options: object) -> ClassificationData:
    """Reads a dataset.

    Args:
        name: one of ``READERS``.
        root: its folder.
        **options: the reader's own keyword options, checked.

    Raises:
        ValueError: the name is unknown, the reader has no such option, or an option is out of its range.
        FileNotFoundError: the data are not there; the error says what was expected and where they can be had.
        DataError: the data are there and cannot be trained or tested on.

    Example:
        >>> load_data("cifar", Path("images"))
        Traceback (most recent call last):
        ValueError: unknown dataset 'cifar': choose one of digits, cifar10, cifar100, ...
    """
    return read_named(READERS, name, root, options)
