"""``cuhk-03.mat``, the original form of CUHK03: a MATLAB 7.3 file, which is HDF5 with references in the place of cells.

``labeled`` and ``detected`` are cells of five camera pairs; a pair is a cell of persons x 10 images, the first five by its first camera; an
image is height x width x 3 bytes. ``testsets`` is a cell of 20 classic splits, each 100 x (pair, person). HDF5 gives all of them
transposed. Missing images are empty arrays.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from rga.datasets.layout import DataError
from rga.extras import require

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

NAME = re.compile(r"(?P<pair>\d)_(?P<person>\d{3})_(?P<camera>[12])_(?P<image>\d{2})\.\w+", re.IGNORECASE)
FORM = "PAIR_PERSON_CAMERA_IMAGE.png, as 1_001_1_01.png"
IMAGES_A_CAMERA = 5

log = logging.getLogger(__name__)


@contextmanager
def open_archive(path: Path) -> Iterator[h5py.File]:
    """Opens the file to read.

    Raises:
        DataError: it is not HDF5, or not laid out as CUHK03.
        MissingPackageError: h5py is not installed.
    """
    require("h5py")
    import h5py  # noqa: PLC0415  # for this file alone

    try:
        archive = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path} is not a MATLAB 7.3 (HDF5) file, or a damaged one: {error}") from error
    with archive:
        lacking = [key for key in ("labeled", "detected", "testsets") if key not in archive]
        if lacking:
            raise DataError(f"{path} lacks {', '.join(lacking)}: expected labeled, detected and testsets")
        yield archive


def cells(archive: h5py.File, key: str) -> list[Any]:
    """What the cells of a row of cells hold: datasets of HDF5."""
    return [archive[reference] for reference in archive[key][0]]


def read_persons(path: Path, boxes: str) -> list[int]:
    """How many persons each camera pair has."""
    with open_archive(path) as archive:
        return [pair.shape[1] for pair in cells(archive, boxes)]  # (10, persons)


def read_testsets(path: Path) -> list[list[tuple[int, int]]]:
    """The test persons of the classic splits: (pair, person), both from 1."""
    with open_archive(path) as archive:
        return [[(int(pair), int(person)) for pair, person in testset[()].T] for testset in cells(archive, "testsets")]


def extract_images(path: Path, boxes: str, folder: Path) -> Path:
    """Writes the images of the file as PNG, ``PAIR_PERSON_CAMERA_IMAGE.png``, all from 1 (IMAGE 1 to 10).

    The folder appears when it is complete: a run that is stopped leaves none. Takes minutes for the whole dataset.

    Args:
        path: ``cuhk-03.mat``.
        boxes: ``"labeled"`` or ``"detected"``.
        folder: to make; its parent has to be writable.

    Returns:
        The folder.

    Raises:
        DataError: the file is not laid out as CUHK03.
        OSError: the folder cannot be written.
    """
    with open_archive(path) as archive, tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        for pair, references in enumerate(cells(archive, boxes), start=1):
            log.info("extracting pair %d of %s to %s", pair, path, folder)
            of_persons = references[()].T  # (10, persons) -> (persons, 10)
            for person, row in enumerate(of_persons, start=1):
                for number, reference in enumerate(row, start=1):
                    transposed = archive[reference][()]
                    if transposed.ndim != 3:  # MATLAB's empty array is stored as its size
                        continue
                    camera = 1 if number <= IMAGES_A_CAMERA else 2
                    image = np.ascontiguousarray(transposed.T)  # (3, W, H) -> (H, W, 3)
                    Image.fromarray(image).save(unfinished / f"{pair}_{person:03d}_{camera}_{number:02d}.png")
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster
                raise
    return folder
