"""Which files of a query and a gallery are the same image: where cameras are not known, a query must not find itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rga.images.defects import find_duplicates

Integers = NDArray[np.int64]


def number_files(query: Sequence[Path], gallery: Sequence[Path]) -> tuple[Integers, Integers] | None:
    """Numbers of files, the same for files of the same content; only files of the same size are read.

    Args:
        query: n files.
        gallery: m files.

    Returns:
        Numbers (n,) and (m,), or None where no file of the query is in the gallery.

    Raises:
        FileNotFoundError: a file is gone.
    """
    paths = sorted({*query, *gallery})
    first = {path: group[0] for group in find_duplicates(paths) for path in group}
    index = {path: number for number, path in enumerate(paths)}
    numbers = {path: index[first.get(path, path)] for path in paths}
    own, others = (np.array([numbers[path] for path in side], np.int64) for side in (query, gallery))
    return (own, others) if np.isin(own, others).any() else None
