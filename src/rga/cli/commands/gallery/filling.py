"""``rga gallery create | add | rebuild | import``: what makes and fills a gallery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rga.cli.commands.gallery.words import Sources, Triple, Where, counted
from rga.cli.parsing import Grouped, Model
from rga.cli.progress import progress
from rga.errors import InputError
from rga.gallery.crop import Crop, Unreadable
from rga.gallery.embedder import model_options
from rga.gallery.enrolment import EnrolmentOptions, crops_of, open_detector
from rga.gallery.enrolment.detectors.mot_file import MotFile
from rga.gallery.gallery import Gallery
from rga.images.defects import examples
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from rga.terminal import PlainConsole

ENROLMENT = EnrolmentOptions()


def create(
    gallery: Where,
    *,
    model: str = "small",
    thumbnails: Literal["on", "off", "blurred"] = "on",
    flip: bool = False,
    image_size: tuple[int, int] | None = None,
    mean: Triple = IMAGENET_MEAN,
    std: Triple = IMAGENET_STD,
    device: str = "auto",
) -> None:
    """Make a gallery in a new folder, with a database of its own, or in a database that there is.

    Args:
        gallery: A new folder; or postgresql://USER@HOST/DATABASE, of PostgreSQL 15 or newer with pgvector 0.8.4 or newer.
        model: The model that embeds: a file .onnx or .xml, the folder of a run or of a saved model, the name of one that ships with rga,
            or one on the Hugging Face hub. It must stay where it is.
        thumbnails: Keep small images of people: on, off, or blurred beyond recognition.
        flip: Average the embeddings of each image and its mirror image.
        image_size: Height and width that a network of others in a file .onnx takes; files of rga say it themselves.
        mean: Of the pixels by channel, from 0 to 1, for such a network.
        std: Of the pixels by channel, likewise.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    with Gallery.create(gallery, model, thumbnails=thumbnails, device=device, **model_options(flip, image_size, mean, std)):
        PlainConsole().sentence(f"made the gallery {hidden(gallery)}; fill it with rga gallery add {hidden(gallery)} SOURCE")


def add(
    gallery: Where,
    sources: Sources,
    *,
    detector: str | None = None,
    enrolment: Grouped[EnrolmentOptions] = ENROLMENT,
    skip_damaged: bool = False,
    batch_size: int = 64,
    device: str = "auto",
) -> None:
    """Add people from folders of images, tables (CSV), images and videos. What is there is not added again; repeat it to go on.

    Started by torchrun, each process adds its share.

    Args:
        gallery: Its folder or its URL.
        sources: Folders, tables, images and videos.
        detector: What finds people in whole images and videos: torchvision, torchvision:NAME, hog, a file .onnx, or a MOT file of boxes.
        enrolment: How people are found in the sources.
        skip_damaged: Images that cannot be read are no error.
        batch_size: Images at a time; each batch is in the gallery when the next one begins.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    with Gallery.open(gallery, device=device) as opened, progress("adding") as bar:
        result = opened.add(shared_out(crops(sources, detector, enrolment, bar)), batch_size=batch_size)
    other = f" ({result.conflicts:,} of them with another camera, time or person, which stay as they are)" if result.conflicts else ""
    known = f", {result.present:,} were there{other}" if result.present else ""
    refused = f", {result.kept_out:,} were removed before and stay out" if result.kept_out else ""
    rank, count = share()
    part = f"; as process {rank + 1} of {count} (RANK, WORLD_SIZE) this one took one in {count} of the images" if count > 1 else ""
    PlainConsole().sentence(f"added {counted(result.added, 'sighting')}{known}{refused}{part}")
    conclude(result.unreadable, skip_damaged)


def rebuild(
    gallery: Where,
    model: Model,
    sources: Sources,
    *,
    detector: str | None = None,
    enrolment: Grouped[EnrolmentOptions] = ENROLMENT,
    flip: bool = False,
    image_size: tuple[int, int] | None = None,
    mean: Triple = IMAGENET_MEAN,
    std: Triple = IMAGENET_STD,
    skip_damaged: bool = False,
    batch_size: int = 64,
    device: str = "auto",
) -> int:
    """Change the model of a gallery: embed everything anew beside the old embeddings, then switch over. Repeat it to go on.

    Args:
        gallery: Its folder or its URL.
        model: The new model, as in rga gallery create.
        sources: All that was added: a gallery does not keep the images that it needs for this.
        detector: As it was for rga gallery add.
        enrolment: Likewise.
        flip: Average the embeddings of each image and its mirror image.
        image_size: Height and width that a network of others in a file .onnx takes.
        mean: Of the pixels by channel, from 0 to 1, for such a network.
        std: Of the pixels by channel, likewise.
        skip_damaged: Images that cannot be read are no error.
        batch_size: Images at a time.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.

    Returns:
        Exit code: 0 if the gallery uses the new model now, 1 if images are missing.
    """
    options = model_options(flip, image_size, mean, std)
    with Gallery.open(gallery, device=device) as opened, progress("embedding") as bar:
        result = opened.rebuild(model, crops(sources, detector, enrolment, bar), batch_size=batch_size, **options)
    if result.switched:
        again = (
            "; calibrate it again (rga gallery calibrate): its thresholds were those of the model before" if result.calibrate_again else ""
        )
        PlainConsole().sentence(f"embedded {result.embedded:,} sightings; the gallery uses {model} now{again}")
    else:
        PlainConsole().sentence(
            f"embedded {result.embedded:,} sightings; the gallery uses its model still, as the images of {result.missing:,} sightings were "
            f"not in the sources: name those, too ({examples(result.lacking)})"
        )
    conclude(result.unreadable, skip_damaged)
    return 0 if result.switched else 1


def import_(file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")], gallery: Where) -> None:
    """Make a gallery from a file that rga gallery export wrote.

    Args:
        file: The file.
        gallery: A new folder, or the URL of a database without a gallery.
    """
    with progress("importing") as bar, Gallery.import_from(file, gallery, progress=bar) as opened:
        PlainConsole().sentence(f"imported {opened.stats().sightings:,} sightings into {hidden(gallery)}")


def crops(
    sources: tuple[Path, ...], detector: str | None, options: EnrolmentOptions, bar: Callable[[int, int], None]
) -> Iterator[Crop | Unreadable]:
    """The crops of all sources, one after the other; the bar is told how far each source is read.

    Raises:
        InputError: no source is named, or several are for the boxes of one video.
    """
    if not sources:
        raise InputError("name what is to be added: folders of images, tables, images or videos")
    finder = None if detector is None else open_detector(detector)
    if isinstance(finder, MotFile) and len(sources) > 1:
        raise InputError(
            f"--detector {detector} has the boxes of one video, and {len(sources)} sources are named: add each alone, with its own file"
        )
    for source in sources:
        yield from crops_of(source, options=options, detector=finder, progress=bar)


def shared_out(found: Iterator[Crop | Unreadable]) -> Iterator[Crop | Unreadable]:
    """The share of this process where torchrun started several: each of them takes every so manieth crop."""
    rank, count = share()
    return islice(found, rank, None, count)


def share() -> tuple[int, int]:
    """The number of this process and how many there are, as torchrun says it, and as the environment may still say it afterwards."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def conclude(unreadable: tuple[tuple[str, str], ...], skip_damaged: bool) -> None:
    """Says what could not be read.

    Raises:
        InputError: there is something, and it is an error.
    """
    if unreadable:
        said = [f"{source}: {reason}" for source, reason in unreadable]
        text = f"{counted(len(unreadable), 'image')} cannot be read: {examples(said)}"
        if not skip_damaged:
            raise InputError(f"{text}; all others are done (no error with --skip-damaged)")
        PlainConsole(stderr=True).sentence(text)


def hidden(where: str) -> str:
    """A gallery's folder or URL without the password."""
    head, sign, host = where.partition("@")
    return where if not sign or "://" not in head else f"{head.rsplit(':', 1)[0] if head.count(':') > 1 else head}@{host}"
