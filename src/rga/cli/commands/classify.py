"""``rga classify MODEL IMAGES``: prints the likely classes of images, with probabilities."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from rga.checks import check_at_least, check_workers
from rga.classification.answers import Answer
from rga.classification.model import ClassificationModel
from rga.cli.answering import BATCHES, Answers, check_existing, keep, merged
from rga.cli.opened import opened
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.errors import InputError
from rga.images.named import images_at
from rga.printable import printable
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole, folding_table


def classify(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    skip_damaged: bool = False,
    top: int = 5,
    batch_size: int = 64,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Classify images: the most likely classes first, with probabilities.

    Images that are damaged are named at the end, when all others are done.

    Args:
        model: Folder of a run or of a saved model, a file .onnx or .xml, one on the Hugging Face hub, or a file of the
            public CIFAR-10 weights.
        images: Images, and folders of them.
        output: Also write the answers to this file, as JSON.
        overwrite: Replace the file if it is there already.
        skip_existing: Keep the answers in the file, and add those about images that it does not have, by their paths as they are named.
        skip_damaged: Damaged images are no error.
        top: Number of classes for each image.
        batch_size: Images at a time.
        num_workers: Processes that read images; threads, for a file .onnx or .xml.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(1, top=top, batch_size=batch_size)
    check_workers(num_workers)
    check_existing(output, overwrite=overwrite, skip_existing=skip_existing)
    check_output(output, overwrite=overwrite or skip_existing)
    named = {str(path): path for path in images_at(images)}
    loaded = opened(model, ClassificationModel, device)
    before = read_answers(output, loaded.classes) if skip_existing and output is not None and output.exists() else {}
    answers: Answers[list[Answer]] = Answers()

    def use(chosen: Mapping[str, Path], **reports: Any) -> list[list[Answer]]:
        found: list[list[Answer]] = loaded.classify(chosen.values(), top=top, batch_size=batch_size, num_workers=num_workers, **reports)
        return found

    whole = False
    try:
        with progress("classifying") as bar:
            answers.add({name: path for name, path in named.items() if name not in before}, use, BATCHES * batch_size, bar)
        whole = bool(before or answers.found)
    finally:  # written before anything that may go wrong
        if output is not None:
            replaces = output.exists() and not skip_existing
            keep(lambda: write_answers(output, merged(named, before, answers.found)), answers, output, whole=whole, replaces=replaces)
    console = PlainConsole()
    console.print(tabled({name: row for name, row in merged(named, before, answers.found).items() if name in named}))
    if output is not None and whole:
        console.sentence(f"written to {output}")
    answers.conclude(len(named), skip_damaged)


def tabled(answers: Mapping[str, list[Answer]]) -> Table:
    """A line for each image."""
    ranks = max(map(len, answers.values()), default=0)
    table = folding_table("image", *(f"{rank}." for rank in range(1, ranks + 1)))
    for name, row in answers.items():
        table.add_row(printable(name), *(f"{printable(answer.label)} {answer.probability:.1%}" for answer in row))
    return table


def write_answers(path: Path, answers: Mapping[str, list[Answer]]) -> None:
    """Writes image -> answers as JSON."""
    write_json(path, {name: [{"class": each.label, "probability": each.probability} for each in row] for name, row in answers.items()})


def read_answers(path: Path, classes: Collection[str]) -> dict[str, list[Answer]]:
    """The answers in a file.

    Args:
        path: of the file.
        classes: that the model tells apart.

    Raises:
        InputError: the file holds something else, or answers of a model with other classes.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
        answers = {name: [Answer(str(each["class"]), float(each["probability"])) for each in row] for name, row in contents.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not hold answers of rga classify: name another file, or replace it with --overwrite") from error
    strange = sorted({answer.label for row in answers.values() for answer in row} - set(classes))
    if strange:
        raise InputError(f"{path} holds answers of another model, whose classes have {strange[0]!r}: name another file")
    return answers
