"""``rga demo``: everything in minutes, without a download."""

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

    The folder may be an earlier demo's: its people are used again if they are the same, its runs and its report are replaced. What no demo
    made is never removed. The demo of segmentation is rga demo segmentation.

    Args:
        output: Folder for all of it.
        identities: People to generate; the first half is trained on, the others are looked for.
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

    The folder may be an earlier demo's: its street scenes are used again if they are the same, its runs and its report are replaced. What
    no demo made is never removed.

    Args:
        output: Folder for all of it.
        train_images: Street scenes to train on.
        test_images: Street scenes that no training sees.
        epochs: Epochs of each training; 0 for the recipe's.
        seed: Seed of the street scenes and of the trainings.
    """
    return demo_segmentation(output, train_images=train_images, test_images=test_images, epochs=epochs, seed=seed)
