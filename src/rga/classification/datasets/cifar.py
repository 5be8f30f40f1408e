"""CIFAR-10 and CIFAR-100: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; the original batches for Python.

They are pickles, which can hold code: torchvision reads them, and only after it has compared their checksums with the published ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100

from rga.classification.datasets.samples import ClassificationData, LabeledImages
from rga.classification.image_sources import PixelImages
from rga.errors import MissingFileError

WHERE = (
    "Unpack cifar-10-python.tar.gz or cifar-100-python.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html there; "
    "torchvision fetches them, too: python -c \"from torchvision.datasets import {kind}; {kind}('{root}', download=True)\""
)
"""Where the data can be had."""

EXPECTED = {"train": 50_000, "test": 10_000}
"""How many images the splits of both have."""


def read_cifar10(root: Path) -> ClassificationData:
    """Reads CIFAR-10: 60,000 images of 32x32 in 10 classes.

    Args:
        root: the folder that holds ``cifar-10-batches-py``.

    Raises:
        MissingFileError: the batches are not there, or not the published ones.
    """
    return read(CIFAR10, "cifar10", root)


def read_cifar100(root: Path) -> ClassificationData:
    """Reads CIFAR-100: 60,000 images of 32x32 in 100 classes.

    Args:
        root: the folder that holds ``cifar-100-python``.

    Raises:
        MissingFileError: the batches are not there, or not the published ones.
    """
    return read(CIFAR100, "cifar100", root)


def read(kind: type[CIFAR10], name: str, root: Path) -> ClassificationData:
    """Reads both splits by torchvision."""
    try:
        train, test = kind(str(root), train=True), kind(str(root), train=False)
    except RuntimeError as error:  # torchvision's, for files that are missing and for wrong checksums
        home = root / kind.base_folder
        found = f"the files in {home} are not all there, or not the published ones" if home.is_dir() else f"no folder {home}"
        raise MissingFileError(f"{found}. {WHERE.format(kind=kind.__name__, root=root)}") from error
    return ClassificationData(name, tuple(train.classes), labeled(train, "train"), labeled(test, "test"), root)


def labeled(part: CIFAR10, split: str) -> LabeledImages:
    """A split as torchvision holds it, with our names."""
    return LabeledImages(PixelImages(part.data, split), np.array(part.targets, dtype=np.int64))
