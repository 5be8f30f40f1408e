"""The catalogue: every segmentation dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rga.datasets.catalog import Catalog
from rga.datasets.splits import Split
from rga.segmentation.datasets import camvid, cityscapes, folder
from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.samples import SegmentationData, SplitCounts

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

CATALOG: Catalog[SegmentationData] = Catalog(READERS, check_data, EXPECTED)
"""The datasets; ``CATALOG.read("NAME:FOLDER?option=value")`` reads one."""
