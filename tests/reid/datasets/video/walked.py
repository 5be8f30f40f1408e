"""Tiny sequences of images in folders, for the tests of readers of tracklets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_frame(path: Path, seed: Sequence[int], size: tuple[int, int] = (8, 4)) -> Path:
    """An image of noise (height, width), the same for the same seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(list(seed)).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return path


def write_tracklet(folder: Path, frames: int, seed: Sequence[int], suffix: str = ".jpg", size: tuple[int, int] = (8, 4)) -> list[Path]:
    """Frames 001, 002, ... of a tracklet."""
    return [write_frame(folder / f"{number:03d}{suffix}", [*seed, number], size) for number in range(1, frames + 1)]
