"""Tiny pictures for the readers; real features for the rankings, where they are."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

WritePicture = Callable[[Path], Path]


@pytest.fixture
def write_picture() -> WritePicture:
    """Writes a picture of 4 x 8 pixels with folders above it; each call makes another one."""
    generator = np.random.default_rng(0)

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 4, 3), dtype=np.uint8)).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def reference(project: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Real features and labels in the order of ``evaluate``, and what torchreid and the paper's reference code say of them."""
    folder = Path(os.environ.get("RGA_SHARED_DATA", project.parent / "shared" / "data")) / "reid-evaluator-reference"
    if not folder.exists():
        pytest.skip("the reference features are not here: RGA_SHARED_DATA names the folder that they lie in")
    with np.load(folder / "osnet_x0_25_msmt17_on_cuhk03pair1.npz") as stored:
        case = tuple(stored[f"{side}_{what}"] for side in ("query", "gallery") for what in ("feat", "pid", "cam"))
    return case, json.loads((folder / "expected.json").read_text())
