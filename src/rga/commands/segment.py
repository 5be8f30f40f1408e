"""``rga segment IMAGES -o DIR``: label maps, overlays and confidence for pictures of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import track

from rga.data.images import list_images, read_image
from rga.engine.devices import DeviceName, choose_device
from rga.loading import load
from rga.segmentation.model import SegmentationModel
from rga.segmentation.pictures import overlay, save, save_confidence, save_labels, save_values
from rga.segmentation.sliding import Inference

Output = Literal["labels", "overlays", "confidence"]


def segment(
    images: tuple[Path, ...],
    /,
    *,
    model: Path,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("segmented"),
    write: tuple[Output, ...] = ("labels", "overlays", "confidence"),
    dataset_values: bool = False,
    window: tuple[int, int] | None = None,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    device: DeviceName = "auto",
) -> None:
    """Segments pictures.

    Writes ``labels/NAME.png`` (the index of each pixel's class, with a palette), ``overlays/NAME.jpg`` and ``confidence/NAME.png`` (255 is
    a probability of 1), each at its picture's size. Names are told from the folders that are named.

    Args:
        images: pictures, and folders of them.
        model: a run's folder, a saved model, or one on the Hugging Face hub.
        output: the folder for what is written.
        write: which of the three.
        dataset_values: write the values of the data set's own masks instead of indices, as the server of Cityscapes expects them.
        window: height and width of sliding windows; by default pictures are predicted whole, where the attention takes any size.
        scales: at which pictures are predicted; the probabilities are averaged.
        flip: predict mirror images, too.
        device: where to compute.
    """
    named = named_images(images)
    inference = Inference(window, scales=scales, flip=flip)
    loaded = load(model, SegmentationModel).to(choose_device(device))
    console = Console()
    for name, path in track(named.items(), "segmenting", console=console):
        picture = read_image(path)
        found = loaded.segment([picture], inference=inference)[0]
        if "labels" in write:
            (save_values if dataset_values else save_labels)(output / "labels" / f"{name}.png", found.labels, loaded.classes)
        if "overlays" in write:
            save(output / "overlays" / f"{name}.jpg", overlay(picture, found.labels, loaded.classes), "JPEG")
        if "confidence" in write:
            save_confidence(output / "confidence" / f"{name}.png", found.confidence)
    console.print(f"{len(named)} pictures: {output}")


def named_images(places: Sequence[Path]) -> dict[str, Path]:
    """The pictures that are named and those below the folders that are named, by their names without ending.

    Raises:
        ValueError: nothing is named, or two pictures have the same name.
        FileNotFoundError: a file is not there, or a folder holds no picture.
    """
    if not places:
        raise ValueError("there is nothing to segment: name pictures, or folders of them")
    named: dict[str, Path] = {}
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"there is no picture at {place}")
        found = list_images(place) if place.is_dir() else [place]
        for path in found:
            name = (path.relative_to(place) if place.is_dir() else Path(path.name)).with_suffix("").as_posix()
            if name in named:
                raise ValueError(f"{named[name]} and {path} would both be written as {name!r}: segment them into different folders")
            named[name] = path
    return named
