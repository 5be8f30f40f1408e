"""A table of crops: a CSV file with a header and one line a crop.

| column | what it says |
|---|---|
| ``image`` | file of the image; a relative path is told from the table's folder |
| ``person`` | name of the person; empty if unknown |
| ``camera`` | name of the camera; empty for the one that is declared for the source |
| ``time`` | when the image was taken, in ISO 8601 with a time zone (2024-05-31T18:30:00+02:00), or without one in the declared zone |
| ``left``, ``top``, ``width``, ``height`` | box of the person in pixels of the image; all four, or none if the whole image is the crop |
| ``frame`` | number of the frame in a video from which the image is, from 0 |
| ``track`` | number of the person's track, from 0; tracks are told apart by the camera and by the folder of the image, too |

``image`` is needed, each other column may be absent, and so may be a cell. Other columns are refused: passing over one that was meant to be
one of these would lose what it says. How the file may be written: ``rga.datasets.tables``.

The whole table is read and checked before its first crop, so that an error in the last line comes before anything is enrolled.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path

from rga.datasets.layout import DataError
from rga.datasets.tables import Row, check_text, each_row, whole_number
from rga.errors import InputError, MissingFileError
from rga.gallery.crop import Box, Crop, Unreadable
from rga.gallery.enrolment.boxes import cut
from rga.gallery.enrolment.images import ReadImage, content_of, read
from rga.gallery.enrolment.options import EnrolmentOptions
from rga.gallery.enrolment.progress import Progress
from rga.gallery.enrolment.recordings import recording_of_row
from rga.gallery.enrolment.times import read_time
from rga.images.listing import existing
from rga.printable import printable
from rga.storage.checksum import sha256

BOX = Box._fields
OPTIONAL = ("person", "camera", "time", *BOX, "frame", "track")
WHERE = f"A table of crops is a CSV file with the column image and any of {', '.join(OPTIONAL)}."


@dataclass(frozen=True)
class Entry:
    """A line of a table.

    Attributes:
        path: of the image.
        location: file and line.

    The others are those of ``Crop``.
    """

    path: Path
    location: str
    source: str
    person: str
    camera: str
    time: datetime | None
    box: Box | None
    frame: int | None
    track: int | None


def table_crops(file: Path, options: EnrolmentOptions, progress: Progress | None = None) -> Iterator[Crop | Unreadable]:
    """The crops of a table in its order.

    An image that is damaged or not there, or a box without a pixel in its image, is an ``Unreadable``, which names the line.

    Args:
        file: the table.
        options: camera, time zone, margin around boxes.
        progress: told after each line.

    Raises:
        MissingFileError: there is no such file.
        DataError: the file is no such table, or empty; line and column are named.
        OSError: an image cannot be read from where it lies.
    """
    zone = options.timezone
    total = sum(1 for _ in read_entries(file, zone))
    if not total:
        raise DataError(f"{file} has no line below its header. {WHERE}")
    return entry_crops(read_entries(file, zone), total, sha256(file), options, progress)


def entry_crops(
    entries: Iterator[Entry], total: int, table: str, options: EnrolmentOptions, progress: Progress | None
) -> Iterator[Crop | Unreadable]:
    """The crops of lines; an image with many boxes in lines that follow each other is read once."""
    path: Path | None = None
    image: ReadImage | Unreadable = Unreadable("", "")
    for done, entry in enumerate(entries, start=1):
        if entry.path != path:
            path, image = entry.path, read(entry.path, entry.location)
        yield crop_of(entry, image, table, options)
        if progress is not None:
            progress(done, total)


def crop_of(entry: Entry, image: ReadImage | Unreadable, table: str, options: EnrolmentOptions) -> Crop | Unreadable:
    """The crop of a line.

    Args:
        entry: the line.
        image: that it names.
        table: SHA-256 of the table.
        options: camera and margin.
    """
    if isinstance(image, Unreadable):
        return replace(image, source=f"{entry.source} ({entry.location})")
    pixels, content = image.pixels, image.content
    if entry.box is not None:
        part = cut(pixels, entry.box, options.margin)
        if part is None:
            height, width = pixels.shape[:2]
            where = f"{entry.source} ({entry.location})"
            return Unreadable(where, f"no pixel of the image, which is {width}x{height}, lies in the box {tuple(entry.box)}")
        pixels, content = part, content_of(content, entry.box)
    camera = entry.camera or options.camera
    recording = recording_of_row(table, camera, entry.source)
    return Crop(pixels, content, entry.source, camera, entry.time, entry.person, entry.frame, entry.box, entry.track, recording)


def read_entries(file: Path, zone: tzinfo | None) -> Iterator[Entry]:
    """The lines of a table.

    Args:
        file: the table.
        zone: of times that are written without one.

    Raises:
        MissingFileError: there is no such file.
        DataError: the file is no such table; line and column are named.
    """
    if not file.is_file():
        raise MissingFileError(f"no file {file}. {WHERE}")
    for row in each_row(file, ("image",), OPTIONAL, WHERE, names=True, strict=True):
        yield read_entry(row, file.parent, zone)


def read_entry(row: Row, folder: Path, zone: tzinfo | None) -> Entry:
    """One line.

    Args:
        row: the line.
        folder: that relative paths are told from.
        zone: of a time that is written without one.

    Raises:
        DataError: a cell does not hold what its column says; line and column are named.
    """
    name = row["image"]
    if not name:
        raise DataError(f"{row.location}, column image: empty, expected the file of an image")
    for column in ("person", "camera"):
        check_text(row[column], f"{row.location}, column {column}")
    try:
        time = read_time(row["time"], zone) if row["time"] else None
    except InputError as error:
        raise DataError(f"{row.location}, column time: {error}") from error
    numbers = {
        column: whole_number(row[column], "the number", f"{row.location}, column {column}") for column in ("frame", "track") if row[column]
    }
    path, box = find_image(folder, name), read_box(row)
    return Entry(path, row.location, printable(name), row["person"], row["camera"], time, box, numbers.get("frame"), numbers.get("track"))


def find_image(folder: Path, text: str) -> Path:
    """The image that a cell names, also where letters are composed otherwise or folders are divided as on Windows."""
    candidates = [existing(folder / each) for each in (text, text.replace("\\", "/"))]
    return next((each for each in candidates if os.path.isfile(each)), candidates[0])  # noqa: PTH113  Path.is_file raises for long names


def read_box(row: Row) -> Box | None:
    """The box of a line, None if it has none.

    Raises:
        DataError: some of its four columns are empty, or a cell is not a number in its range; the column is named.
    """
    empty = [column for column in BOX if not row[column]]
    if len(empty) == len(BOX):
        return None
    if empty:
        raise DataError(
            f"{row.location}, column {empty[0]}: empty, and the line has a part of a box: expected all of {', '.join(BOX)}, or none"
        )
    sides = []
    for column in BOX:
        side = read_number(row[column])
        if side is None or (column in ("width", "height") and side <= 0):
            wanted = "a number above 0" if column in ("width", "height") else "a number"
            check_text(row[column], f"{row.location}, column {column}")
            raise DataError(f"{row.location}, column {column}: {row[column]!r}, expected {wanted} of pixels with a point as decimal mark")
        sides.append(side)
    return Box(*sides)


LARGEST = 1e6
"""No image has so many pixels in a row: a larger number is a slip."""


def read_number(text: str) -> float | None:
    """A number of pixels as a file says it; None if it is not a number or far outside of any image."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.fabs(number) <= LARGEST else None
