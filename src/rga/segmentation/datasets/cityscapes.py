"""Cityscapes: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016, and street scenes in its layout.

``leftImg8bit/SPLIT/CITY/FRAME_leftImg8bit.png`` and ``gtFine/SPLIT/CITY/FRAME_gtFine_labelIds.png``. Of the 34 labels 19 are told apart,
the others are ignored, as in the benchmark. The masks of the test split are kept by the authors' server: the files in ``gtFine/test`` are
placeholders, which are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rga.datasets.layout import DataError, by_stem, find_home, parse_name
from rga.datasets.splits import SPLITS, Split
from rga.images.listing import LOSSLESS, SUFFIXES, composed, image_names
from rga.segmentation.datasets.classes import IGNORED, Classes, Colour
from rga.segmentation.datasets.pairs import paired
from rga.segmentation.datasets.samples import Sample, SegmentationData, SplitCounts

WHERE = (
    "Cityscapes is given for research by its authors: register at cityscapes-dataset.com, accept the terms, and unpack "
    "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder."
)
"""Where the data can be had."""

EXPECTED: dict[Split, SplitCounts] = {"train": SplitCounts(2975, 2975), "val": SplitCounts(500, 500), "test": SplitCounts(1525, 0)}
"""The benchmark's counts."""

LABELS = 34
"""Values of labelIds run from 0 to 33; -1 (licence plates) is never drawn."""

CLASSES: dict[int, tuple[str, Colour]] = {
    7: ("road", (128, 64, 128)),
    8: ("sidewalk", (244, 35, 232)),
    11: ("building", (70, 70, 70)),
    12: ("wall", (102, 102, 156)),
    13: ("fence", (190, 153, 153)),
    17: ("pole", (153, 153, 153)),
    19: ("traffic light", (250, 170, 30)),
    20: ("traffic sign", (220, 220, 0)),
    21: ("vegetation", (107, 142, 35)),
    22: ("terrain", (152, 251, 152)),
    23: ("sky", (70, 130, 180)),
    24: ("person", (220, 20, 60)),
    25: ("rider", (255, 0, 0)),
    26: ("car", (0, 0, 142)),
    27: ("truck", (0, 0, 70)),
    28: ("bus", (0, 60, 100)),
    31: ("train", (0, 80, 100)),
    32: ("motorcycle", (0, 0, 230)),
    33: ("bicycle", (119, 11, 32)),
}
"""labelId -> name and colour of the classes that are told apart; their order is that of the trainIds."""

GENERATED = (7, 8, 11, 17, 21, 23, 24, 26)
"""The labelIds that generated street scenes show."""

IMAGE = re.compile(r"(?P<frame>.+_\d+_\d+)_leftImg8bit\.\w+", re.IGNORECASE)
MASK = re.compile(r"(?P<frame>.+_\d+_\d+)_gtFine_labelIds\.\w+", re.IGNORECASE)


def chosen_classes(label_ids: tuple[int, ...]) -> Classes:
    """The classes of some labelIds; all others are ignored."""
    values = dict.fromkeys(range(LABELS), IGNORED) | {label: index for index, label in enumerate(label_ids)}
    return Classes(tuple(CLASSES[label][0] for label in label_ids), tuple(CLASSES[label][1] for label in label_ids), values)


def read_cityscapes(root: Path) -> SegmentationData:
    """Reads Cityscapes, or a part of it: splits that are not there are empty.

    Args:
        root: the folder with ``leftImg8bit`` and ``gtFine``.

    Raises:
        FileNotFoundError: a folder is missing.
        DataError: a file name does not follow the format, or an image or a mask is without the other.
    """
    return read_layout("cityscapes", root, chosen_classes(tuple(CLASSES)), WHERE)


def read_generated(root: Path) -> SegmentationData:
    """Reads generated street scenes (``rga data make streets``), which have eight of Cityscapes' classes.

    Args:
        root: the folder with ``leftImg8bit`` and ``gtFine``.

    Raises:
        FileNotFoundError: a folder is missing.
        DataError: a file name does not follow the format, or an image or a mask is without the other.
    """
    return read_layout("streets", root, chosen_classes(GENERATED), "Generate them with rga data make streets DIR.")


def read_layout(name: str, root: Path, classes: Classes, where: str) -> SegmentationData:
    """Reads a dataset in the layout of Cityscapes."""
    home = find_home(root, (), ("leftImg8bit", "gtFine"), where)
    found: dict[str, tuple[Sample, ...]] = {}
    for split in SPLITS:
        images = frames(home / "leftImg8bit" / split, "_leftImg8bit", IMAGE, SUFFIXES)
        if split == "test":
            found[split] = tuple(Sample(path, None) for path in images.values())
            continue
        folder = home / "gtFine" / split
        found[split] = paired(images, frames(folder, "_gtFine_labelIds", MASK, LOSSLESS), folder)
    if not any(found.values()):
        raise DataError(f"{home / 'leftImg8bit'} has no images SPLIT/CITY/*_leftImg8bit.png. {where}")
    return SegmentationData(name, classes, found["train"], found["val"], found["test"], home)


def frames(folder: Path, ending: str, pattern: re.Pattern[str], suffixes: Sequence[str]) -> dict[str, Path]:
    """The files of a split's cities by CITY/FRAME; none where the split is not there.

    Args:
        folder: of the split.
        ending: of the names of the files to look at, before their suffixes.
        pattern: that their names follow, with the frame.
        suffixes: of the files to look at.

    Raises:
        DataError: a name does not follow the format, or two files differ in their suffixes alone.
    """
    names = image_names(folder, suffixes) if folder.is_dir() else []
    paths = [folder / name for name in names if "/" in name and Path(name).stem.lower().endswith(ending.lower())]
    form = f"CITY_SEQUENCE_FRAME{ending}.png"
    by_frame = ((f"{Path(stem).parent}/{parse_name(path, pattern, form)['frame']}", path) for stem, path in by_stem(paths, folder).items())
    return {composed(frame): path for frame, path in by_frame}
