"""``rga demo``: generates data, trains and reports in minutes, without a download."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.commands.serve import serve as serve_page
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


def gallery(
    output: Output = Path("demo-output/gallery"),
    *,
    identities: int = 80,
    strangers: int = 20,
    seed: int = 0,
    serve: bool = True,
    port: int = 8000,
) -> int:
    """Generate people, enrol most of them in a gallery, look for all of them, and open the gallery's page.

    The folder may hold an earlier demo: its people and its gallery are used again if they are the same. Other files are never removed.

    Args:
        output: Folder for the people and the gallery.
        identities: People who are enrolled.
        strangers: People who are not, and whom the gallery should not know.
        seed: Seed of the people.
        serve: Open the page; without it the demo ends after the searches.
        port: Port of the page.
    """
    from rga.demos.gallery import demo_gallery  # noqa: PLC0415  it needs packages that the other demos do not

    page = partial(serve_page, port=port) if serve else None
    return demo_gallery(output, identities=identities, strangers=strangers, seed=seed, serve=page)
