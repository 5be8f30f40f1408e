"""The catalogue: every segmentation dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rga.datasets.catalog import Catalog
from rga.datasets.splits import Split
from rga.segmentation.datasets import ade20k, camvid, cityscapes, folder, pascal_voc
from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.samples import SegmentationData, SplitCounts

Reader = Callable[..., SegmentationData]

READERS: dict[str, Reader] = {
    "cityscapes": cityscapes.read_cityscapes,
    "camvid": camvid.read_camvid,
    "pascal-voc": pascal_voc.read_pascal_voc,
    "ade20k": ade20k.read_ade20k,
    "folder": folder.read_folder,
    "streets": cityscapes.read_generated,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[Split, SplitCounts]] = {
    "cityscapes": cityscapes.EXPECTED,
    "camvid": camvid.EXPECTED,
    "pascal-voc": pascal_voc.EXPECTED,
    "ade20k": ade20k.EXPECTED,
}
"""Name -> the counts of its protocol, where it has one."""

CATALOG: Catalog[SegmentationData] = Catalog(READERS, check_data, EXPECTED)
"""The datasets; ``CATALOG.read("NAME:FOLDER?option=value")`` reads one."""
