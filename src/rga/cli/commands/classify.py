"""``rga classify MODEL IMAGES``: prints the likely classes of images, with probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from rga.checks import check_at_least
from rga.classification.model import ClassificationModel
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.images.named import images_at
from rga.loading import load
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.training.devices import choose_device


def classify(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
    top: int = 5,
    batch_size: int = 64,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Classify images: the most likely classes first, with probabilities.

    Args:
        model: Folder of a run or of a saved model, one on the Hugging Face hub, or a file of the public weights for CIFAR-10.
        images: Images, and folders of them.
        output: Also write the answers to this file, as JSON.
        overwrite: Replace the file if it is there already.
        top: Number of classes for each image.
        batch_size: Images at a time.
        num_workers: Processes that read images.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(1, top=top, batch_size=batch_size)
    check_at_least(0, num_workers=num_workers)
    check_output(output, overwrite=overwrite)
    paths = images_at(images)
    loaded = load(model, ClassificationModel).to(choose_device(device))
    with progress("classifying") as bar:
        answers = loaded.classify(paths, top=top, batch_size=batch_size, num_workers=num_workers, progress=bar)
    if output is not None:  # before anything that may go wrong
        named = zip(paths, answers, strict=True)
        write_json(output, {str(path): [{"class": each.label, "probability": each.probability} for each in row] for path, row in named})
    table = Table("image", *(f"{rank}." for rank in range(1, len(answers[0]) + 1)))
    for path, row in zip(paths, answers, strict=True):
        table.add_row(str(path), *(f"{answer.label} {answer.probability:.1%}" for answer in row))
    console = Console()
    console.print(table)
    if output is not None:
        console.print(f"written to {output}", markup=False, soft_wrap=True)
