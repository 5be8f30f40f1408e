"""``rga detect MODEL IMAGES``: writes the objects in images as JSON, and images with boxes and masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tyro

from rga.cli.answering import Answers
from rga.cli.opened import opened
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.detection.datasets.masks import coco_masks
from rga.detection.drawing import overlay, save
from rga.detection.model import SURE, DetectionModel
from rga.errors import ExistingFileError, InputError
from rga.images.images import DamagedImageError, read_image
from rga.images.named import named_images
from rga.storage.files import write_json
from rga.storage.outputs import check_folder
from rga.terminal import PlainConsole
from rga.training.input.reading import OnDamaged, Progress

ANSWERS = "detections.json"


def detect(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
    skip_damaged: bool = False,
    min_score: float = SURE,
    device: str = "auto",
) -> None:
    """Detect objects in images, with their masks.

    Prints JSON: for each image its width and height, and its objects with class, score, bbox (left, top, width, height) and segmentation
    (compressed run lengths), all as COCO has them. With --output it is written to ``detections.json``, beside ``images/NAME.jpg`` with
    boxes and masks. Images that are damaged are named at the end, when all others are done.

    Args:
        model: Folder of a run or of a saved model, or one on the Hugging Face hub.
        images: Images, and folders of them.
        output: Folder for the JSON and for images with boxes and masks.
        overwrite: Replace files that are there already.
        skip_damaged: Damaged images are no error.
        min_score: Leave out objects with a lower score; the model has none below 0.05.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    if not 0 <= min_score <= 1:
        raise InputError(f"--min-score lies between 0 and 1, got {min_score}")
    named = named_images(images, outside=output)
    if output is not None:
        check_targets(output, named, overwrite=overwrite)
    coco_masks()  # asked for before the work
    loaded = opened(model, DetectionModel, device)
    answers: Answers[dict[str, Any]] = Answers()

    def use(one: Mapping[str, Path], *, progress: Progress, on_damaged: OnDamaged) -> list[dict[str, Any]]:
        """Looks at one image and draws what is found."""
        ((name, path),) = one.items()
        try:
            image = read_image(path)
        except DamagedImageError as error:
            on_damaged(0, error)
            return []
        found = loaded.detect(image, min_score=min_score)[0]
        if output is not None:
            save(drawing(output, name), overlay(image, found, loaded.classes.names))
        progress(1, 1)
        return [{"file": str(path), "width": image.width, "height": image.height, "objects": found.to_dicts(loaded.classes.names)}]

    with progress("detecting") as bar:
        answers.add(named, use, 1, bar)
    if output is None:
        print(json.dumps(answers.found, indent=1))
    else:
        write_json(output / ANSWERS, answers.found)
        counted = sum(len(each["objects"]) for each in answers.found.values())
        PlainConsole().sentence(f"{counted:,} objects in {len(answers.found):,} images: {output}")
    answers.conclude(len(named), skip_damaged)


def drawing(output: Path, name: str) -> Path:
    """Where an image with what was found in it is written."""
    return output / "images" / f"{name}.jpg"


def check_targets(output: Path, named: Mapping[str, Path], *, overwrite: bool) -> None:
    """Refuses to overwrite an image that is looked at, and anything else unless that is wanted.

    Raises:
        ExistingFileError: a target is there.
    """
    check_folder(output)
    inputs = {path.resolve() for path in named.values()}
    for path in (output / ANSWERS, *(drawing(output, name) for name in named)):
        if path.resolve() in inputs:
            raise ExistingFileError(f"{path} is to be looked at and would be overwritten: name another folder with --output")
        if path.exists() and not overwrite:
            raise ExistingFileError(f"{path} is there already: name another folder with --output, or replace it with --overwrite")
