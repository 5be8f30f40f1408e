"""A dataset as a table: a CSV file with a header and one line an image."""

from __future__ import annotations

import csv
from pathlib import Path

from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.images.listing import existing
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.samples import SPLITS, ReidData, Sample

COLUMNS = ("path", "identity", "camera", "split")
REQUIRED = ("path", "identity", "split")
WHERE = (
    f"The table is your own: a CSV file with the header {','.join(COLUMNS)} (camera may be absent), split being one of {', '.join(SPLITS)}."
)


def read_table(file: Path) -> ReidData:
    """Reads a CSV file with the columns path, identity, split, and camera if there are cameras; others are passed over.

    Relative paths are told from the table's folder. Identities and cameras are whole numbers from 0 on; 0 is a distractor and stands in the
    gallery alone.

    Args:
        file: the table.

    Raises:
        MissingFileError: there is no such file.
        DataError: a column is missing, a line is wrong or names an image that is not there, or an image stands twice in a split.
    """
    if not file.is_file():
        raise MissingFileError(f"no file {file}. {WHERE}")
    splits: dict[str, dict[Path, Sample]] = {name: {} for name in SPLITS}
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: {error}") from error
    rows = csv.DictReader(text.split("\n"))
    columns = rows.fieldnames or ()
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise DataError(f"{file}, line 1: no column {', '.join(missing)} in the header {','.join(columns)!r}. {WHERE}")
    for row in rows:
        location = f"{file}, line {rows.line_num}"
        name, sample = read_row(row, file.parent, location)
        if sample.path in splits[name]:
            raise DataError(f"{location}: {sample.path} stands twice in the split {name}")
        splits[name][sample.path] = sample
    train, query, gallery = (tuple(splits[name].values()) for name in SPLITS)
    return ReidData(file.stem, train, query, gallery, file.parent)


def read_row(row: dict[str, str], folder: Path, location: str) -> tuple[str, Sample]:
    """Reads one line.

    Args:
        row: column -> text.
        folder: that relative paths are told from.
        location: file and line, for errors.

    Returns:
        Split and sample.

    Raises:
        DataError: a field is wrong or the image is not there.
    """
    if None in row or None in row.values():  # how the csv module says too many or too few
        raise DataError(f"{location}: not as many fields as the header has")
    split, camera = row["split"].strip(), row.get("camera", "").strip()
    if split not in SPLITS:
        raise DataError(f"{location}: split is {split!r}, expected one of {', '.join(SPLITS)}")
    identity = whole_number(row["identity"], "identity", location)
    if identity == DISTRACTOR and split != "gallery":
        raise DataError(f"{location}: identity {DISTRACTOR} is a distractor, which stands in the gallery alone, not in {split}")
    path = existing(folder / row["path"].strip())
    if not path.is_file():
        raise DataError(f"{location}: no image {path}")
    return split, Sample(path, identity, whole_number(camera, "camera", location) if camera else None)


def whole_number(text: str, column: str, location: str) -> int:
    """A number from 0 on; raises ``DataError`` for anything else."""
    if not text.strip().isdecimal():
        raise DataError(f"{location}: {column} is {text.strip()!r}, expected a whole number from 0 on")
    return int(text)
