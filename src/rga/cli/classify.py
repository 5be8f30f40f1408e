"""``rga classify IMAGES``: what images show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rga.classification.model import ClassificationModel
from rga.cli.outputs import check_output, check_positive, check_workers
from rga.images.images import list_images
from rga.loading import load
from rga.storage.files import write_json
from rga.training.devices import DeviceName, choose_device


def classify(
    images: tuple[Path, ...],
    /,
    *,
    model: Path,
    top: int = 5,
    json_out: Path | None = None,
    batch_size: int = 64,
    num_workers: int = 0,
    device: DeviceName = "auto",
) -> None:
    """Names what images show, the likeliest first, with probabilities.

    Args:
        images: images, and folders of them.
        model: a run's folder, a saved model, one on the Hugging Face hub, or a file of the public weights for CIFAR-10.
        top: answers for each image.
        json_out: also write the answers there as JSON.
        batch_size: images at a time.
        num_workers: processes that read images.
        device: where to compute.
    """
    check_positive(top=top, batch_size=batch_size)
    check_workers(num_workers)
    check_output(json_out)
    paths = list(images_in(images))
    loaded = load(model, ClassificationModel).to(choose_device(device))
    answers = loaded.classify(paths, top=top, batch_size=batch_size, num_workers=num_workers)
    if json_out is not None:  # before anything that may go wrong
        named = zip(paths, answers, strict=True)
        write_json(json_out, {str(path): [{"class": each.label, "probability": each.probability} for each in row] for path, row in named})
    table = Table("image", *(f"{rank}." for rank in range(1, len(answers[0]) + 1)))
    for path, row in zip(paths, answers, strict=True):
        table.add_row(str(path), *(f"{answer.label} {answer.probability:.1%}" for answer in row))
    console = Console()
    console.print(table)
    if json_out is not None:
        console.print(f"written to {json_out}", markup=False)


def images_in(paths: Iterable[Path]) -> Iterable[Path]:
    """The images that are named, and those below the folders that are named.

    Raises:
        ValueError: nothing is named.
        FileNotFoundError: a file is not there, or a folder holds no image.
    """
    named = list(paths)
    if not named:
        raise ValueError("there is nothing to classify: name images, or folders of them")
    for path in named:
        if path.is_dir():
            yield from list_images(path)
        elif path.is_file():
            yield path
        else:
            raise FileNotFoundError(f"there is no image at {path}")
