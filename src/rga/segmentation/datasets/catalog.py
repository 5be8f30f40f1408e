"""The catalogue: every segmentation data set by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rga.datasets.catalog import read_named
from rga.segmentation.datasets import camvid, cityscapes, folder
from rga.segmentation.datasets.samples import SceneCounts, SegmentationData, Split

Reader = Callable[..., SegmentationData]

READERS: dict[str, Reader] = {
    "cityscapes": cityscapes.read_cityscapes,
    "camvid": camvid.read_camvid,
    "mask-folder": folder.read_folder,
    "scenes": cityscapes.read_generated,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[Split, SceneCounts]] = {"cityscapes": cityscapes.EXPECTED, "camvid": camvid.EXPECTED}
"""Name -> the counts of its protocol, where it has one."""


def load_data(name: str, root: Path, **options: object) -> SegmentationData:
    """Reads a data set.

    Args:
        name: one of ``READERS``.
        root: its folder.
        **options: the reader's own.

    Raises:
        ValueError: the name is unknown, the reader has no such option, or an option is out of its range.
        FileNotFoundError: the data are not there; the error says what was expected and where they can be had.
        DataError: the data are there and are not what the format says.

    Example:
        >>> load_data("cityscape", Path("pictures"))
        Traceback (most recent call last):
        ValueError: unknown data set 'cityscape': choose one of cityscapes, camvid, mask-folder, scenes
    """
    return read_named(READERS, name, root, options)
