"""Tiny models of each task, a tiny run and tiny datasets, made once for all cases. No case writes to them: it copies what it changes."""

from __future__ import annotations

import atexit
import contextlib
import io
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import rga
from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import save_model

LABELS = ("[bird]", "cat", "dog")
CLASSES = Classes(("road", "sky", "[tree]"), ((9, 9, 9), (0, 0, 255), (0, 99, 0)), {0: 0, 7: 1, 23: 2, 255: 255})
BACKBONE = "test_resnet"


@cache
def embedder() -> ReidModel:
    """For re-identification."""
    torch.manual_seed(0)
    return ReidModel(BACKBONE, image_size=(64, 32), attention="se").eval()


@cache
def classifier() -> ClassificationModel:
    """Of three classes."""
    torch.manual_seed(1)
    return ClassificationModel(BACKBONE, classes=LABELS, size=32, attention="none").eval()


@cache
def segmenter() -> SegmentationModel:
    """Of three classes."""
    torch.manual_seed(2)
    return SegmentationModel(BACKBONE, classes=CLASSES.to_dict(), image_size=(32, 32), attention="none", auxiliary=False).eval()


MODELS = {"reid": embedder, "segmentation": segmenter, "classification": classifier}


@cache
def work() -> Path:
    """A folder that lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-work-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def saved(task: str) -> Path:
    """The folder of a task's model."""
    model: BackboneModel = MODELS[task]()
    save_model(model, work() / task, {"made": "for tests"})
    return work() / task


@cache
def dataset(task: str) -> Path:
    """A dataset of a task, for the reader ``folder``; it holds as little as a training needs."""
    root = work() / f"{task}-data"
    generator = np.random.default_rng(0)

    def write(path: Path, pixels: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path)

    if task == "reid":
        for split, people in (("train", (1, 2)), ("query", (3, 4)), ("gallery", (3, 4))):
            for person in people:
                for index in range(2):
                    write(
                        root / split / f"{person:04}" / f"c{1 + (split == 'gallery')}_{index}.png", generator.integers(0, 256, (64, 32, 3))
                    )
    elif task == "classification":
        for split in ("train", "val"):
            for label in LABELS:
                for index in range(2):
                    write(root / split / label / f"{index}.png", generator.integers(0, 256, (32, 32, 3)))
    else:
        for split in ("train", "val"):
            for index in range(2):
                write(root / "images" / split / f"{index}.png", generator.integers(0, 256, (32, 48, 3)))
                write(root / "masks" / split / f"{index}.png", generator.choice([0, 7, 23, 255], (32, 48)))
        rows = [f"{value},{CLASSES.names[index]}" for value, index in CLASSES.values.items() if index != 255]
        (root / "classes.csv").write_text("\n".join(["value,name", *rows]) + "\n")
    return root


SMALL: dict[str, Any] = {
    "num_workers": 0,
    "threads": 1,
    "weights": "none",
    "backbone": BACKBONE,
    "attention": "se",
    "epochs": 1,
    "max_steps": 1,
}
"""Fields of a recipe for a training of one step."""


@cache
def run() -> Path:
    """A run of classification of one step."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        rga.train(
            "cls/digits",
            f"folder:{dataset('classification')}",
            output=work() / "run",
            image_size=32,
            batch_size=3,
            evaluate_every=1,
            **SMALL,
        )
    return work() / "run"
