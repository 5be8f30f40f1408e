"""Tiny images for the readers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WriteImage = Callable[[Path], Path]


@pytest.fixture
def write_image() -> WriteImage:
    """Writes an image of 4 x 8 pixels with folders above it; each call makes another one."""
    generator = np.random.default_rng(0)

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 4, 3), dtype=np.uint8)).save(path)
        return path

    return write
