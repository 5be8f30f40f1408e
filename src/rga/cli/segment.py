"""``rga segment IMAGES -o DIR``: label maps, overlays and confidence for images of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import track

from rga.cli.outputs import check_folder
from rga.images.images import list_images, read_image
from rga.loading import load
from rga.segmentation.drawing import overlay, save, save_confidence, save_labels, save_values
from rga.segmentation.model import SegmentationModel
from rga.segmentation.sliding import Inference
from rga.training.devices import DeviceName, choose_device

Output = Literal["labels", "overlays", "confidence"]

ENDINGS: dict[Output, str] = {"labels": ".png", "overlays": ".jpg", "confidence": ".png"}
"""What is written -> the ending of its files."""


def segment(
    images: tuple[Path, ...],
    /,
    *,
    model: Path,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("segmented"),
    write: tuple[Output, ...] = ("labels", "overlays", "confidence"),
    dataset_values: bool = False,
    overwrite: bool = False,
    window: tuple[int, int] | None = None,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    device: DeviceName = "auto",
) -> None:
    """Segments images.

    Writes ``labels/NAME.png`` (the index of each pixel's class, with a palette), ``overlays/NAME.jpg`` and ``confidence/NAME.png`` (255 is
    a probability of 1), each at its image's size. Names are told from the folders that are named.

    Args:
        images: images, and folders of them.
        model: a run's folder, a saved model, or one on the Hugging Face hub.
        output: the folder for what is written.
        write: which of the three.
        dataset_values: write the values of the dataset's own masks instead of indices, as the server of Cityscapes expects them.
        overwrite: replace files that are there already.
        window: height and width of sliding windows; by default images are predicted whole, where the attention takes any size.
        scales: at which images are predicted; the probabilities are averaged.
        flip: predict mirror images, too.
        device: where to compute.
    """
    named = named_images(images)
    check_targets(named, [output_path(output, kind, name) for kind in write for name in named], overwrite)
    check_folder(output)
    inference = Inference(window, scales=scales, flip=flip)
    loaded = load(model, SegmentationModel).to(choose_device(device))
    console = Console()
    for name, path in track(named.items(), "segmenting", console=console):
        image = read_image(path)
        found = loaded.segment([image], inference=inference)[0]
        if "labels" in write:
            (save_values if dataset_values else save_labels)(output_path(output, "labels", name), found.labels, loaded.classes)
        if "overlays" in write:
            save(output_path(output, "overlays", name), overlay(image, found.labels, loaded.classes), "JPEG")
        if "confidence" in write:
            save_confidence(output_path(output, "confidence", name), found.confidence)
    console.print(f"{len(named)} images: {output}")


def output_path(output: Path, kind: Output, name: str) -> Path:
    """Where something of an image is written."""
    return output / kind / f"{name}{ENDINGS[kind]}"


def check_targets(named: Mapping[str, Path], targets: Iterable[Path], overwrite: bool) -> None:
    """Refuses to write over an image that is segmented, and over anything else unless that is wanted.

    Raises:
        FileExistsError: a target is there.
    """
    inputs = {path.resolve() for path in named.values()}
    for target in targets:
        if target.resolve() in inputs:
            raise FileExistsError(f"{target} is to be segmented and would be written over: name another folder with --output")
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} is there already: name another folder with --output, or --overwrite")


def named_images(paths: Sequence[Path]) -> dict[str, Path]:
    """The images that are named and those below the folders that are named, by their names without ending.

    Raises:
        ValueError: nothing is named, or two images have the same name.
        FileNotFoundError: a file is not there, or a folder holds no image.
    """
    if not paths:
        raise ValueError("there is nothing to segment: name images, or folders of them")
    named: dict[str, Path] = {}
    for given in paths:
        if not given.exists():
            raise FileNotFoundError(f"there is no image at {given}")
        found = list_images(given) if given.is_dir() else [given]
        for path in found:
            name = (path.relative_to(given) if given.is_dir() else Path(path.name)).with_suffix("").as_posix()
            if name in named:
                raise ValueError(f"{named[name]} and {path} would both be written as {name!r}: segment them into different folders")
            named[name] = path
    return named
