"""Boxes from a file in the format of the MOT challenge, as trackers and detectors write them: ``det.txt``, ``gt.txt``, results.

A line is ``frame,id,left,top,width,height,confidence`` and may go on with other numbers (class and visibility, or places in the world),
which are not read. Frames are counted from 1, and boxes are in pixels of the upright frame. The id is -1 where nobody knows whose box it
is. In ``gt.txt`` the confidence is 0 for boxes that do not count, and 1 for the others; without the column it is 1.

Source: Leal-Taixe, Milan, Reid, Roth, Schindler, "MOTChallenge 2015", arXiv:1504.01942.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rga.datasets.layout import DataError
from rga.datasets.tables import LONGEST, check_text, read_lines
from rga.errors import InputError, MissingFileError
from rga.gallery.crop import Unreadable
from rga.gallery.enrolment.detectors.detector import Detections
from rga.gallery.enrolment.frames.frame import Frame

COLUMNS = ("frame", "id", "left", "top", "width", "height", "confidence")
NEEDED = 6
FORM = "a line is frame,id,left,top,width,height,confidence, as 1,-1,499,158,31,75.2,0.9"


class MotFile:
    """A detector that looks boxes up in a file.

    Args:
        path: of the file.
        min_score: boxes with this confidence or a lower one are left out. Scales differ: some detectors give negative numbers.

    Attributes:
        path: of the file.
        frames: number of the last frame that has a box, counted from 1; 0 if there is none.

    Raises:
        MissingFileError: there is no such file.
        DataError: the file is no such list; line and column are named.
    """

    def __init__(self, path: Path, min_score: float = 0.0) -> None:
        self.path = path
        rows = read_mot(path)
        self.frames = int(rows[:, 0].max(initial=0))
        rows = rows[rows[:, 6] > min_score]
        self.rows = rows[np.argsort(rows[:, 0], kind="stable")]

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of a frame; numbers of people, if all of its boxes have one."""
        first, end = np.searchsorted(self.rows[:, 0], [frame.number + 1, frame.number + 2])
        rows = self.rows[first:end]
        ids = rows[:, 1].astype(np.int64)
        return Detections(rows[:, 2:6], rows[:, 6], ids if (ids >= 0).all() else None)

    def within(self, frames: Iterable[Frame | Unreadable]) -> Iterator[Frame | Unreadable]:
        """Frames as they come, which are looked up in the file; at their end, whether the file's boxes end with them.

        Args:
            frames: of the video, some of which may be passed over.

        Raises:
            InputError: the boxes go on: they are of another video.
        """
        last, step = 0, 1
        for frame in frames:
            number = frame.number + 1 if isinstance(frame, Frame) else last + 1
            last, step = number, max(step, number - last)
            yield frame
        if self.frames > last + step:
            raise InputError(
                f"{self.path} has boxes up to frame {self.frames}, and the source ends about frame {last}: they are of another video, "
                "so remove what was added, and name the file of boxes of this one"
            )


def read_mot(path: Path) -> NDArray[np.float64]:
    """Reads a file of boxes.

    Args:
        path: of the file.

    Returns:
        (N, 7): frame from 1, id (-1 if unknown), left, top, width, height, confidence; in the order of the file.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is not text, a line is something else, or a person has two boxes in a frame; line and column are named.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: expected boxes of people, {FORM}")
    values = array("d")
    seen: dict[tuple[float, float], int] = {}
    for number, line in enumerate(read_lines(path).splitlines(), start=1):
        if not line.strip():
            continue
        row = read_row(line.split(","), f"{path}, line {number}")
        if row[1] >= 0:
            before = seen.setdefault((row[0], row[1]), number)
            if before != number:
                raise DataError(f"{path}, line {number}: person {row[1]:g} has two boxes in frame {row[0]:g}, the other in line {before}")
        values.extend(row)
    return np.array(values, dtype=np.float64).reshape(-1, len(COLUMNS))


def read_row(cells: Sequence[str], location: str) -> list[float]:
    """The first seven numbers of a line.

    Args:
        cells: of the line.
        location: file and line, for errors.

    Raises:
        DataError: there are too few, or one is not in its range; the column is named.
    """
    if len(cells) < NEEDED:
        check_text(",".join(cells), location)
        raise DataError(f"{location}: {len(cells)} fields: {FORM}")
    row = [read_cell(cell.strip(), column, location) for cell, column in zip(cells, COLUMNS, strict=False)]
    return row if len(row) == len(COLUMNS) else [*row, 1.0]


LARGEST = 10.0**LONGEST


def read_cell(text: str, column: str, location: str) -> float:
    """One number.

    Args:
        text: of the cell.
        column: its name.
        location: file and line, for errors.

    Raises:
        DataError: it is not in the range of its column.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    checks = {
        "frame": (number >= 1 and number.is_integer(), "a whole number from 1 on"),
        "id": (number >= -1 and number.is_integer(), "a whole number from 0 on, or -1"),
        "width": (number > 0, "a number above 0"),
        "height": (number > 0, "a number above 0"),
    }
    right, wanted = checks.get(column, (True, "a number"))
    if not (right and abs(number) < LARGEST):
        check_text(text, location)
        raise DataError(f"{location}, column {column}: {text!r}, expected {wanted}; {FORM}")
    return number
