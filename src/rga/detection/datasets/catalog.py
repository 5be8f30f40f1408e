"""The catalogue: every detection dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rga.datasets.catalog import Catalog
from rga.datasets.splits import Split
from rga.detection.datasets import coco
from rga.detection.datasets.check import check_data
from rga.detection.datasets.samples import DetectionData, SplitCounts

READERS: dict[str, Callable[..., DetectionData]] = {"coco": coco.read_coco, "coco2017": coco.read_coco2017}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[Split, SplitCounts]] = {"coco2017": coco.EXPECTED}
"""Name -> the counts of its protocol, where it has one."""

CATALOG: Catalog[DetectionData] = Catalog(READERS, check_data, EXPECTED)
"""The datasets; ``CATALOG.read("NAME:FOLDER?option=value")`` reads one."""
