"""Handwritten digits that come inside of scikit-learn: 1,797 grey images of 8x8.

By Alpaydin and Kaynak, UCI Machine Learning Repository, 1998. They need no download. scikit-learn's copy is UCI's test set, written by 13
people; it does not say who wrote what, so that the split is at random, and both parts hold images by the same people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rga.classification.datasets.samples import ClassificationData, LabeledImages, shares
from rga.classification.image_sources import PixelImages
from rga.extras import require

CLASSES = tuple("0123456789")
TEST_SHARE = 0.2
BRIGHTEST = 16
"""Of the pixels as scikit-learn gives them."""


def read_digits(root: Path = Path()) -> ClassificationData:
    """Reads the digits: four fifths of each to train on, a fifth to test on, always the same.

    Args:
        root: is not read; every reader has one.

    Raises:
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> data = read_digits(Path())
        >>> len(data.train), len(data.test)
        (1438, 359)
    """
    require("sklearn")
    from sklearn.datasets import load_digits  # noqa: PLC0415  optional and slow to import

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / BRIGHTEST)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    parts = zip(("train", "test"), shares(labels, TEST_SHARE, seed=0), strict=True)
    splits = {name: LabeledImages(PixelImages(pixels[indices], name), labels[indices]) for name, indices in parts}
    return ClassificationData("digits", CLASSES, splits["train"], splits["test"], root)
