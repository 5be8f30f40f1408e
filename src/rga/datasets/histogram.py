"""Colour histograms: what can be told from colours alone, the baseline that a dataset for re-identification has to beat.

Joint histograms of hue, saturation and value over horizontal stripes, as in the appearance descriptors before deep features (Gray and
Tao, "Viewpoint Invariant Pedestrian Recognition with an Ensemble of Localized Features", ECCV 2008), under a square root (Hellinger
kernel).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.images.images import read_image

STRIPES = 6
BINS = (8, 4, 4)
"""Of hue, saturation and value."""
SIZE = (128, 64)
"""Height and width to which images are brought."""


def histogram_features(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Colour histograms of images.

    Args:
        paths: of the images, n of them.

    Returns:
        (n, 6 * 8 * 4 * 4), each row of length 1; the dot product of two rows is the Bhattacharyya coefficient of the images, averaged
        over the stripes.
    """
    cells = BINS[0] * BINS[1] * BINS[2]
    features = np.zeros((len(paths), STRIPES * cells), np.float32)
    stripe = np.arange(SIZE[0])[:, None] * STRIPES // SIZE[0]  # (H, 1)
    for index, path in enumerate(paths):
        small = read_image(path).resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR).convert("HSV")
        hue, saturation, value = np.moveaxis(np.asarray(small, np.int64) * np.asarray(BINS) // 256, 2, 0)  # 3 x (H, W)
        cell = ((stripe * BINS[0] + hue) * BINS[1] + saturation) * BINS[2] + value
        features[index] = np.bincount(cell.ravel(), minlength=features.shape[1])
    return np.sqrt(features / max(1, SIZE[0] * SIZE[1]))
