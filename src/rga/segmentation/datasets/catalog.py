"""The catalogue: every segmentation dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rga.datasets.catalog import read_named
from rga.segmentation.datasets import camvid, cityscapes, folder
from rga.segmentation.datasets.samples import SegmentationData, Split, SplitCounts

Reader = Callable[..., SegmentationData]

READERS: dict[str, Reader] = {
    "cityscapes": cityscapes.read_cityscapes,
    "camvid": camvid.read_camvid,
    "folder": folder.read_folder,
    "streets": cityscapes.read_generated,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[Split, SplitCounts]] = {"cityscapes": cityscapes.EXPECTED, "camvid": camvid.EXPECTED}
"""Name -> the counts of its protocol, where it has one."""


def load_data(name: str, root: Path, **options: object) -> SegmentationData:
    """Reads a dataset.

    Args:
        name: one of ``READERS``.
        root: its folder.
        **options: the reader's own.

    Raises:
        ValueError: the name is unknown, the reader has no such option, or an option is out of its range.
        FileNotFoundError: the data are not there; the error says what was expected and where they can be had.
        DataError: the data are there and are not what the format says.

    Example:
        >>> load_data("cityscape", Path("images"))
        Traceback (most recent call last):
        ValueError: unknown dataset 'cityscape': choose one of cityscapes, camvid, folder, streets
    """
    return read_named(READERS, name, root, options)
