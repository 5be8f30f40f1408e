"""Tiny masks, images and masks in the layouts of the readers, and real data where a machine has them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (6, 8)
"""Height and width of the tiny images of ``write_image``."""

WriteImage = Callable[[Path], Path]
WriteMask = Callable[..., Path]
RealData = Callable[[str], Path]


@pytest.fixture
def write_mask() -> WriteMask:
    """Writes a mask whose columns take turns at some values."""

    def write(path: Path, values: tuple[int, ...] = (7, 23), size: tuple[int, int] = SIZE) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = np.resize(np.array(values, np.uint8), size[1])
        Image.fromarray(np.broadcast_to(columns, size).copy()).save(path)
        return path

    return write


@pytest.fixture
def cityscapes(tmp_path: Path, write_image: WriteImage, write_mask: WriteMask) -> Path:
    """Cityscapes' layout: two images to train on, one to choose by, one to predict, whose mask is a placeholder."""
    root = tmp_path / "cityscapes"
    for split, city, frame in (("train", "aachen", 1), ("train", "bad-honnef", 2), ("val", "lindau", 3), ("test", "bonn", 4)):
        write_image(root / "leftImg8bit" / split / city / f"{city}_{frame:06d}_000019_leftImg8bit.png")
        values = (0,) if split == "test" else (7, 23, 0, 33)
        write_mask(root / "gtFine" / split / city / f"{city}_{frame:06d}_000019_gtFine_labelIds.png", values)
        write_mask(root / "gtFine" / split / city / f"{city}_{frame:06d}_000019_gtFine_instanceIds.png", values)
    return root


@pytest.fixture
def real_data(project: Path) -> RealData:
    """The folder of real data by its name, below ``RGA_DATA`` or beside the project; skips the test where it is not on the machine."""

    def find(name: str) -> Path:
        folder = Path(os.environ.get("RGA_DATA", project.parent / "shared" / "data")) / name
        if not folder.is_dir():
            pytest.skip(f"{name} is not on this machine")
        return folder

    return find
