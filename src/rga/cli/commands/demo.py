"""``rga demo``: generates data, trains and reports in minutes, without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.demos.reid import demo_reid
from rga.demos.segmentation import demo_segmentation

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


def reid(
    output: Output = Path("demo-output"),
    *,
    identities: int = 300,
    images_per_camera: int = 3,
    distractors: int = 200,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generate people, train a small network plain and with RGA-SC, and write a report of the results.

    The folder may hold an earlier demo: its people are used again if they are the same; its runs and its report are replaced. Other files
    are never removed. The demo of segmentation is rga demo segmentation.

    Args:
        output: Folder for the data, the runs and the report.
        identities: People to generate; the first half is for training, the others for the test.
        images_per_camera: Images of a person under each camera that sees it.
        distractors: Images in the gallery that show nobody of the test.
        epochs: Epochs of each training; 0 for the recipe's.
        seed: Seed of the people and of the trainings.
    """
    return demo_reid(output, identities=identities, images_per_camera=images_per_camera, distractors=distractors, epochs=epochs, seed=seed)


def segmentation(
    output: Output = Path("demo-output/segmentation"),
    *,
    train_images: int = 160,
    test_images: int = 40,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generate street scenes, train a small network plain and with RGA-SC, and write a report of the results.

    The folder may hold an earlier demo: its street scenes are used again if they are the same; its runs and its report are replaced. Other
    files are never removed.

    Args:
        output: Folder for the data, the runs and the report.
        train_images: Street scenes to train on.
        test_images: Street scenes for the test.
        epochs: Epochs of each training; 0 for the recipe's.
        seed: Seed of the street scenes and of the trainings.
    """
    return demo_segmentation(output, train_images=train_images, test_images=test_images, epochs=epochs, seed=seed)
