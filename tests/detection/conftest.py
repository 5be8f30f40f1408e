"""Files of annotations in COCO's format, and generated street scenes with objects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.synthetic.streets.streets import StreetOptions, make_streets

Content = dict[str, Any]
WriteCoco = Callable[..., Path]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Street scenes with objects: four to train on, two to choose by, one to test on."""
    options = StreetOptions(train=4, val=2, test=1, height=64, width=128, layout="coco", seed=1)
    return make_streets(tmp_path_factory.mktemp("data") / "scenes", options)


POLYGON = [1, 1, 5, 1, 5, 4, 1, 4]


def run_lengths(counts: object) -> Content:
    """Of an image of 8x6."""
    return {"size": [6, 8], "counts": counts}


def content(**changes: Any) -> Content:
    """Two images of 8x6 with three objects and a crowd, of two categories with a gap between their numbers."""
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 8, "height": 6},
            {"id": 3, "file_name": "b.png", "width": 8, "height": 6},
        ],
        "categories": [{"id": 90, "name": "brush"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "bbox": [1, 1, 4, 3], "area": 12, "iscrowd": 0, "segmentation": [POLYGON]},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 2, 6], "area": 12, "segmentation": run_lengths([0, 12, 36])},
            {"id": 3, "image_id": 7, "category_id": 2, "bbox": [6, 0, 2, 6], "iscrowd": 1, "segmentation": run_lengths("T1<")},
        ],
        **changes,
    }


@pytest.fixture
def write_coco(tmp_path: Path) -> WriteCoco:
    """Writes images of noise and a file of annotations; ``where`` says where."""
    generator = np.random.default_rng(0)

    def write(values: Content | None = None, where: str = "annotations/instances_train.json", images: str = "images/train") -> Path:
        values = content() if values is None else values
        path = tmp_path / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        for each in values.get("images", ()):
            file = tmp_path / images / each["file_name"]
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 256, (each["height"], each["width"], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file)
        return path

    return write
