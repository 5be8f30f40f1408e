"""Tiny images of classes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.classification.datasets.samples import ClassificationData, LabeledImages
from rga.classification.image_sources import PixelImages

MakeFolders = Callable[[Path, Mapping[str, int]], Path]


@pytest.fixture
def make_folders() -> MakeFolders:
    """Writes folders of images of 8 x 6 pixels; each call makes other ones."""
    generator = np.random.default_rng(0)

    def make(root: Path, counts: Mapping[str, int]) -> Path:
        for name, count in counts.items():
            (root / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(root / name / f"{number:04}.png")
        return root

    return make


def coloured(counts: list[int], seed: int, prefix: str) -> LabeledImages:
    """Noisy images of 8 x 8 pixels whose colour tells their class: that many of each."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40], [40, 200, 200], [200, 40, 200]])
    noise = generator.integers(-40, 40, (len(labels), 8, 8, 3))
    return LabeledImages(PixelImages((colours[labels][:, None, None] + noise).astype(np.uint8), prefix), labels)


@pytest.fixture
def data(tmp_path: Path) -> ClassificationData:
    """Three colours: 8, 7 and 6 images to train on, 3 of each to test on."""
    return ClassificationData(
        "colours", ("red", "green", "blue"), coloured([8, 7, 6], 0, "train"), coloured([3, 3, 3], 1, "test"), tmp_path
    )
