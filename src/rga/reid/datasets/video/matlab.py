"""Arrays of whole numbers from files of MATLAB, in which datasets of tracklets keep their protocols."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rga.datasets.layout import DataError
from rga.extras import require

Integers = NDArray[np.int64]


def read_matrix(path: Path, name: str, columns: int | None = None) -> Integers:
    """A matrix of whole numbers by its name.

    Args:
        path: of the file, of version 5.
        name: of the matrix.
        columns: that it must have; None for any.

    Returns:
        (rows, columns).

    Raises:
        DataError: the file is no such file, lacks the matrix, or it is none of whole numbers or of another shape.
        MissingPackageError: scipy is not installed.
    """
    require("scipy", extra="video")
    from scipy.io import loadmat, matlab  # type: ignore[import-untyped]  # noqa: PLC0415  # heavy, and for these files alone

    try:
        content = loadmat(path, variable_names=(name,))
    except (matlab.MatReadError, ValueError, TypeError, NotImplementedError, zlib.error) as error:
        raise DataError(f"{path} is not a MATLAB file of version 5: {error}") from error
    if name not in content:
        raise DataError(f"{path} lacks the matrix {name}: copy it again")
    matrix = np.asarray(content[name])
    shape = " x ".join(map(str, matrix.shape))
    if matrix.ndim != 2 or not matrix.size or columns not in (None, matrix.shape[1]):
        expected = "a matrix" if columns is None else f"{columns} columns"
        raise DataError(f"{path}: {name} is {shape}, expected {expected}")
    if matrix.dtype.kind not in "iuf" or not np.array_equal(matrix, matrix.astype(np.int64)):
        raise DataError(f"{path}: {name} does not hold whole numbers")
    return matrix.astype(np.int64)
