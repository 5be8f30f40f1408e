"""The catalogue: every dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rga.datasets.catalog import read_named
from rga.reid.datasets import cuhk03, folder, market1501, msmt17, table
from rga.reid.datasets.samples import ReidData, SplitCounts

Reader = Callable[..., ReidData]

READERS: dict[str, Reader] = {
    "market1501": market1501.read_market1501,
    "msmt17": msmt17.read_msmt17,
    "cuhk03-labeled": partial(cuhk03.read_cuhk03, boxes="labeled"),
    "cuhk03-detected": partial(cuhk03.read_cuhk03, boxes="detected"),
    "cuhk03-classic-labeled": partial(cuhk03.read_cuhk03_classic, boxes="labeled"),
    "cuhk03-classic-detected": partial(cuhk03.read_cuhk03_classic, boxes="detected"),
    "folder": folder.read_folder,
    "csv": table.read_table,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[str, SplitCounts]] = {
    "market1501": market1501.EXPECTED,
    "msmt17": msmt17.EXPECTED,
    "cuhk03-labeled": cuhk03.EXPECTED["labeled"],
    "cuhk03-detected": cuhk03.EXPECTED["detected"],
}
"""Name -> the counts of its protocol, where it has one."""


def load_data(name: str, root: Path, **options: object) -> ReidData:
    """Reads a dataset.

    Args:
        name: one of ``READERS``.
        root: its folder; for ``csv`` the file.
        **options: the reader's own keyword options, checked.

    Raises:
        ValueError: the name is unknown, the reader has no such option, or an option is out of its range.
        FileNotFoundError: the data are not there; the error says what was expected and where they can be had.
        DataError: the data are there and are not what the format says.

    Example:
        >>> load_data("market1502", Path("images"))
        Traceback (most recent call last):
        ValueError: unknown dataset 'market1502': choose one of market1501, msmt17, ...
    """
    return read_named(READERS, name, root, options)
