"""``rga segment MODEL IMAGES -o DIR``: writes label maps, overlays and confidence of images of any size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rga.checks import read_value
from rga.cli.answering import Answers, check_existing, check_same, content_of
from rga.cli.opened import opened
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.errors import ExistingFileError, InputError
from rga.images.images import DamagedImageError, read_image
from rga.images.named import named_images
from rga.segmentation.drawing import overlay, save, save_confidence, save_labels, save_values
from rga.segmentation.inference import Inference
from rga.segmentation.model import SegmentationModel
from rga.storage.files import write_json
from rga.storage.outputs import check_folder
from rga.terminal import PlainConsole
from rga.training.input.reading import OnDamaged, Progress

Output = Literal["labels", "overlays", "confidence"]

ENDINGS: dict[Output, str] = {"labels": ".png", "overlays": ".jpg", "confidence": ".png"}
"""What is written -> the ending of its files."""

CONTENTS = "images.json"
"""The file that tells images of the same name apart."""


def segment(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("segmented"),
    write: tuple[Output, ...] = ("labels", "overlays", "confidence"),
    dataset_values: bool = False,
    overwrite: bool = False,
    skip_existing: bool = False,
    skip_damaged: bool = False,
    window: tuple[int, int] | None = None,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    device: str = "auto",
) -> None:
    """Segment images.

    Writes ``labels/NAME.png`` (the index of each pixel's class, with a palette), ``overlays/NAME.jpg`` and ``confidence/NAME.png`` (255 is
    a probability of 1), each at its image's size. Names are relative to the folders in IMAGES. ``images.json`` tells changed images. Images
    that are damaged are named at the end, when all others are done.

    Args:
        model: A file .onnx or .xml, the folder of a run or of a saved model, or one on the Hugging Face hub.
        images: Images, and folders of them.
        output: Folder for the files that are written.
        write: Which of the three to write.
        dataset_values: Write the values of the dataset's own masks instead of indices, as the server of Cityscapes expects them.
        overwrite: Replace files that are there already.
        skip_existing: Pass over images whose files are all there already, whatever model wrote them. Other images of the same names are
            refused.
        skip_damaged: Damaged images are no error.
        window: Height and width of sliding windows; by default images are predicted whole, where the attention takes any size.
        scales: Scales at which images are predicted; the probabilities are averaged.
        flip: Average the probabilities of each image and its mirror image.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_existing(output, overwrite=overwrite, skip_existing=skip_existing)
    named = named_images(images, outside=output)
    contents = read_contents(output)
    todo = {name: path for name, path in named.items() if not (skip_existing and is_done(output, write, name))}
    check_targets(todo, [target(output, kind, name) for kind in write for name in todo], overwrite=overwrite or skip_existing)
    check_folder(output)
    if skip_existing:
        check_same({name: path for name, path in named.items() if name not in todo}, contents, output)
        unknown = len(named.keys() - todo.keys() - contents.keys())
        if unknown:
            PlainConsole(stderr=True).sentence(
                f"{unknown:,} images have files of which {output / CONTENTS} does not tell the image: they are passed over by their names"
            )
    inference = Inference(window, scales=scales, flip=flip)
    loaded = opened(model, SegmentationModel, device)
    answers: Answers[None] = Answers()

    def use(one: Mapping[str, Path], *, progress: Progress, on_damaged: OnDamaged) -> list[None]:
        """Segments one image and writes what is to be written."""
        ((name, path),) = one.items()
        try:
            image = read_image(path)
        except DamagedImageError as error:
            on_damaged(0, error)
            return []
        found = loaded.segment([image], inference=inference)[0]
        if "labels" in write:
            (save_values if dataset_values else save_labels)(target(output, "labels", name), found.labels, loaded.classes)
        if "overlays" in write:
            save(target(output, "overlays", name), overlay(image, found.labels, loaded.classes), "JPEG")
        if "confidence" in write:
            save_confidence(target(output, "confidence", name), found.confidence)
        contents[name] = content_of(path)
        progress(1, 1)
        return [None]

    try:
        with progress("segmenting") as bar:
            answers.add(todo, use, 1, bar)
    finally:
        if answers.found:
            write_json(output / CONTENTS, dict(sorted(contents.items())))
    kept = f", {len(named) - len(todo)} of which were there" if len(todo) < len(named) else ""
    PlainConsole().sentence(f"{len(named) - len(answers.damaged)} images{kept}: {output}")
    answers.conclude(len(named), skip_damaged)


def read_contents(output: Path) -> dict[str, str]:
    """Name of an image that was segmented -> its ``content_of`` at that time; nothing where no run has noted it.

    Raises:
        InputError: the file holds something else.
    """
    path = output / CONTENTS
    if not path.is_file():
        return {}
    try:
        found: dict[str, str] = read_value(dict[str, str], json.loads(path.read_text(encoding="utf-8")), str(path))
    except ValueError as error:
        raise InputError(f"{path} does not hold what rga segment writes: name another folder with --output") from error
    return found


def is_done(output: Path, write: Iterable[Output], name: str) -> bool:
    """Whether all that is to be written of an image is there."""
    return all(target(output, kind, name).is_file() for kind in write)


def target(output: Path, kind: Output, name: str) -> Path:
    """Where something of an image is written."""
    return output / kind / f"{name}{ENDINGS[kind]}"


def check_targets(named: Mapping[str, Path], targets: Iterable[Path], overwrite: bool) -> None:
    """Refuses to overwrite an image that is segmented, and anything else unless that is wanted.

    Raises:
        ExistingFileError: a target is there.
    """
    inputs = {path.resolve() for path in named.values()}
    for path in targets:
        if path.resolve() in inputs:
            raise ExistingFileError(f"{path} is to be segmented and would be overwritten: name another folder with --output")
        if path.exists() and not overwrite:
            raise ExistingFileError(f"{path} is there already: name another folder with --output, or replace it with --overwrite")
