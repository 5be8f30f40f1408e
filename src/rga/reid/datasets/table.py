"""A dataset as a table: a CSV file with a header and one line an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rga.datasets.layout import DataError
from rga.datasets.tables import Row, check_text, read_rows, whole_number
from rga.errors import MissingFileError
from rga.images.listing import existing
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.samples import SPLITS, ReidData, Sample

COLUMNS = ("path", "identity", "camera", "split")
REQUIRED = ("path", "identity", "split")
WHERE = (
    f"The table is your own: a CSV file with the header {','.join(COLUMNS)} (camera may be absent), split being one of {', '.join(SPLITS)}."
)


def read_table(file: Path) -> ReidData:
    """Reads a CSV file with the columns path, identity, split, and camera if there are cameras; others are passed over.

    Relative paths are told from the table's folder. Identities and cameras are whole numbers from 0 on; 0 is a distractor and stands in the
    gallery alone. Either all lines have a camera, or none has. How the file may be written: ``rga.datasets.tables``.

    Args:
        file: the table.

    Raises:
        MissingFileError: there is no such file.
        DataError: a column is missing or there twice, a line is wrong or names an image that is not there, an image stands twice in a split
            or has two identities or cameras, or some lines have a camera and others none.
    """
    if not file.is_file():
        raise MissingFileError(f"no file {file}. {WHERE}")
    splits: dict[str, list[Sample]] = {name: [] for name in SPLITS}
    seen: dict[tuple[int, int], dict[str, tuple[str, Sample]]] = {}  # file on the disk -> split -> line and sample
    lines: list[tuple[str, Sample]] = []
    for row in read_rows(file, REQUIRED, ("camera",), WHERE, names=True):
        name, sample = read_row(row, file.parent)
        lines.append((row.location, sample))
        status = sample.path.stat()
        before = seen.setdefault((status.st_dev, status.st_ino), {})
        check_again(row.location, name, sample, before)
        before[name] = (row.location, sample)
        splits[name].append(sample)
    check_cameras(lines)
    train, query, gallery = (tuple(splits[name]) for name in SPLITS)
    return ReidData(file.stem, train, query, gallery, file.parent)


def check_cameras(lines: Sequence[tuple[str, Sample]]) -> None:
    """Refuses a table in which some lines have a camera: images by a query's own camera would count as found.

    Args:
        lines: location and sample of each.

    Raises:
        DataError: some lines have a camera and others none; the first without is named.
    """
    without = [location for location, sample in lines if sample.camera is None]
    if 0 < len(without) < len(lines):
        raise DataError(
            f"{without[0]}: no camera, as in {len(without):,} of {len(lines):,} lines; the others have one: give a camera in every line, "
            "or in none"
        )


def check_again(location: str, split: str, sample: Sample, before: dict[str, tuple[str, Sample]]) -> None:
    """Refuses an image that stands twice in a split, or that has two identities or cameras.

    Args:
        location: of the line.
        split: of the line.
        sample: of the line.
        before: split -> earlier line and sample of the same file.
    """
    if split in before:
        raise DataError(f"{location}: {sample.path} stands twice in the split {split}, before in {before[split][0]}")
    for earlier, other in before.values():
        if (sample.identity, sample.camera) != (other.identity, other.camera):
            raise DataError(f"{location}: {said(sample)}, but {earlier} says {said(other)} of the same file")


def said(sample: Sample) -> str:
    """What a line says of an image."""
    camera = "" if sample.camera is None else f" and camera {sample.camera}"
    return f"{sample.path.name} has identity {sample.identity}{camera}"


def read_row(row: Row, folder: Path) -> tuple[str, Sample]:
    """Reads one line.

    Args:
        row: the line.
        folder: that relative paths are told from.

    Returns:
        Split and sample.

    Raises:
        DataError: a field is wrong or the image is not there.
    """
    split, camera = row["split"], row["camera"]
    if split not in SPLITS:
        raise DataError(f"{row.location}: split is {split!r}, expected one of {', '.join(SPLITS)}")
    if row["identity"] == str(JUNK):
        raise DataError(f"{row.location}: identity is '{JUNK}', expected a whole number from 0 on: leave the lines of junk out")
    identity = whole_number(row["identity"], "identity", row.location)
    if identity == DISTRACTOR and split != "gallery":
        raise DataError(f"{row.location}: identity {DISTRACTOR} is a distractor, which stands in the gallery alone, not in {split}")
    path = find_image(folder, row["path"], row.location)
    return split, Sample(path, identity, whole_number(camera, "camera", row.location) if camera else None)


def find_image(folder: Path, text: str, location: str) -> Path:
    """The image that a cell names, also where letters are composed otherwise or folders are divided as on Windows.

    Raises:
        DataError: there is none.
    """
    if not text:
        raise DataError(f"{location}: no path")
    for each in (text, text.replace("\\", "/")):
        path = existing(folder / each)
        if os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where a name is too long
            return path
    check_text(text, location)
    raise DataError(f"{location}: no image {folder / text}")
