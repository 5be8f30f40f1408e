"""``rga segment MODEL IMAGES -o DIR``: writes label maps, overlays and confidence of images of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.errors import ExistingFileError
from rga.images.images import read_image
from rga.images.named import named_images
from rga.loading import load
from rga.segmentation.drawing import overlay, save, save_confidence, save_labels, save_values
from rga.segmentation.model import SegmentationModel
from rga.segmentation.sliding import Inference
from rga.storage.outputs import check_folder
from rga.training.devices import choose_device

Output = Literal["labels", "overlays", "confidence"]

ENDINGS: dict[Output, str] = {"labels": ".png", "overlays": ".jpg", "confidence": ".png"}
"""What is written -> the ending of its files."""


def segment(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("segmented"),
    write: tuple[Output, ...] = ("labels", "overlays", "confidence"),
    dataset_values: bool = False,
    overwrite: bool = False,
    window: tuple[int, int] | None = None,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    device: str = "auto",
) -> None:
    """Segment images.

    Writes ``labels/NAME.png`` (the index of each pixel's class, with a palette), ``overlays/NAME.jpg`` and ``confidence/NAME.png`` (255 is
    a probability of 1), each at its image's size. Names are relative to the folders in IMAGES.

    Args:
        model: Folder of a run or of a saved model, or one on the Hugging Face hub.
        images: Images, and folders of them.
        output: Folder for the files that are written.
        write: Which of the three to write.
        dataset_values: Write the values of the dataset's own masks instead of indices, as the server of Cityscapes expects them.
        overwrite: Replace files that are there already.
        window: Height and width of sliding windows; by default images are predicted whole, where the attention takes any size.
        scales: Scales at which images are predicted; the probabilities are averaged.
        flip: Average the probabilities of each image and its mirror image.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    named = named_images(images)
    check_targets(named, [target(output, kind, name) for kind in write for name in named], overwrite)
    check_folder(output)
    inference = Inference(window, scales=scales, flip=flip)
    loaded = load(model, SegmentationModel).to(choose_device(device))
    with progress("segmenting") as bar:
        for done, (name, path) in enumerate(named.items(), start=1):
            image = read_image(path)
            found = loaded.segment([image], inference=inference)[0]
            if "labels" in write:
                (save_values if dataset_values else save_labels)(target(output, "labels", name), found.labels, loaded.classes)
            if "overlays" in write:
                save(target(output, "overlays", name), overlay(image, found.labels, loaded.classes), "JPEG")
            if "confidence" in write:
                save_confidence(target(output, "confidence", name), found.confidence)
            bar(done, len(named))
    Console().print(f"{len(named)} images: {output}", markup=False, soft_wrap=True)


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
