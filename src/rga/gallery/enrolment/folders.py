"""A folder of crops: each image shows one person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.gallery.crop import Crop, Unreadable
from rga.gallery.enrolment.images import read
from rga.gallery.enrolment.names import said_by
from rga.gallery.enrolment.options import EnrolmentOptions
from rga.gallery.enrolment.progress import Progress
from rga.gallery.enrolment.recordings import recording_of_images
from rga.images.defects import examples
from rga.images.listing import SUFFIXES, composed, image_names
from rga.printable import printable
from rga.ranking.labels import JUNK


def folder_crops(folder: Path, options: EnrolmentOptions, progress: Progress | None = None) -> Iterator[Crop | Unreadable]:
    """The images of a folder and of those below it, in natural order.

    Args:
        folder: to read. If ``options.people`` is ``"folders"``, the images of a person lie in a folder with the person's name.
        options: people, camera.
        progress: told after each image.

    Raises:
        MissingFileError: the folder is not there, holds no image, or a link in it leads to nothing.
        DataError: people are told by their folders, and images lie beside the folders.
        OSError: a folder or a file cannot be read from where it lies.
    """
    names = images_below(folder)
    if options.people == "folders":
        loose = [name for name in names if "/" not in name]
        if loose:
            raise DataError(f"{folder} has images beside its folders, of whom nobody says who they are: {examples(loose)}")
        names = [name for name in names if person_folder(name) != str(JUNK)]
    elif options.people == "names":
        names = [name for name in names if not said_by(base(name)).junk]
    return image_crops(folder, names, options, progress)


def image_crops(folder: Path, names: Sequence[str], options: EnrolmentOptions, progress: Progress | None) -> Iterator[Crop | Unreadable]:
    """The named images of a folder as crops.

    Args:
        folder: in which they are.
        names: paths below it.
        options: people, camera.
        progress: told after each image.
    """
    recording = recording_of_images(folder, names)
    for done, name in enumerate(names, start=1):
        found = read(folder / name, printable(name))
        if isinstance(found, Unreadable):
            yield found
        else:
            said = said_by(base(name))
            person = {"names": said.person, "folders": person_folder(name), "none": ""}[options.people]
            camera = said.camera or options.camera
            yield Crop(found.pixels, found.content, printable(name), camera=camera, person=person, recording=recording)
        if progress is not None:
            progress(done, len(names))


def images_below(folder: Path) -> list[str]:
    """The images of a folder and of those below it, as paths below it in natural order.

    Raises:
        MissingFileError: the folder is not there, holds no image, or a link in it leads to nothing.
        OSError: a folder cannot be read.
    """
    names = sorted(image_names(folder), key=natural)
    if not names:
        raise MissingFileError(
            f"no images ({', '.join(SUFFIXES)}) below {folder}; videos and tables are added one by one, by their own names"
        )
    return names


def natural(name: str) -> tuple[list[list[tuple[int, str]]], str]:
    """The key by which names are sorted folder by folder, and numbers in them by their size.

    Args:
        name: a path with forward slashes.

    Example:
        >>> sorted(["b/a10.jpg", "b/a9.jpg", "a2/x.jpg", "a10/x.jpg"], key=natural)
        ['a2/x.jpg', 'a10/x.jpg', 'b/a9.jpg', 'b/a10.jpg']
    """
    return [[number_or_text(piece) for piece in re.split(r"([0-9]+)", part)] for part in composed(name).lower().split("/")], name


def number_or_text(piece: str) -> tuple[int, str]:
    """A number as how many digits it has, and which; a text as itself. Numbers stand before no text: they take turns."""
    if piece[:1].isascii() and piece[:1].isdigit():
        digits = piece.lstrip("0")
        return len(digits), digits
    return 0, piece


def person_folder(name: str) -> str:
    """The first folder of a path, which has a person's name."""
    return printable(composed(name.partition("/")[0])) if "/" in name else ""


def base(name: str) -> str:
    """The last part of a path."""
    return name.rpartition("/")[2]
