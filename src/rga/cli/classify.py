"""``rga classify IMAGES``: what pictures show."""

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
    workers: int = 0,
    device: DeviceName = "auto",
) -> None:
    """Names what pictures show, the likeliest first, with probabilities.

    Args:
        images: pictures, and folders of them.
        model: a run's folder, a saved model, one on the Hugging Face hub, or a file of the public weights for CIFAR-10.
        top: answers for each picture.
        json_out: also write the answers there as JSON.
        batch_size: pictures at a time.
        workers: processes that read pictures.
        device: where to compute.
    """
    check_positive(top=top, batch_size=batch_size)
    check_workers(workers)
    check_output(json_out)
    paths = list(pictures_of(images))
    loaded = load(model, ClassificationModel).to(choose_device(device))
    answers = loaded.classify(paths, top=top, batch_size=batch_size, workers=workers)
    if json_out is not None:  # before anything that may go wrong
        named = zip(paths, answers, strict=True)
        write_json(json_out, {str(path): [{"class": each.label, "probability": each.probability} for each in row] for path, row in named})
    table = Table("picture", *(f"{place}." for place in range(1, len(answers[0]) + 1)))
    for path, row in zip(paths, answers, strict=True):
        table.add_row(str(path), *(f"{answer.label} {answer.probability:.1%}" for answer in row))
    console = Console()
    console.print(table)
    if json_out is not None:
        console.print(f"written to {json_out}", markup=False)


def pictures_of(places: Iterable[Path]) -> Iterable[Path]:
    """The pictures that are named, and those below the folders that are named.

    Raises:
        ValueError: nothing is named.
        FileNotFoundError: a file is not there, or a folder holds no picture.
    """
    named = list(places)
    if not named:
        raise ValueError("there is nothing to classify: name pictures, or folders of them")
    for place in named:
        if place.is_dir():
            yield from list_images(place)
        elif place.is_file():
            yield place
        else:
            raise FileNotFoundError(f"there is no picture at {place}")
