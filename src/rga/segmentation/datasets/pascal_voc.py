"""PASCAL VOC 2012: Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 2015; 20 classes and background.

``JPEGImages/ID.jpg``, ``SegmentationClass/ID.png`` (the index of each pixel in a palette; 255 is the border of objects and does not count)
and ``ImageSets/Segmentation/SPLIT.txt`` with an ID a line. The masks of the test split are kept by the benchmark's server.

SBD (Hariharan et al., "Semantic Contours from Inverse Detectors", ICCV 2011) adds masks to train on: ``SegmentationClassAug/ID.png`` and
the list ``train_aug.txt`` of 10,582 images, as DeepLab made them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rga.datasets.layout import DataError, find_home
from rga.datasets.splits import Split
from rga.datasets.tables import read_lines
from rga.errors import MissingFileError
from rga.images.listing import existing
from rga.segmentation.datasets.classes import IGNORED, Colour, numbered
from rga.segmentation.datasets.samples import Sample, SegmentationData, SplitCounts

WHERE = (
    "PASCAL VOC 2012 (VOCtrainval_11-May-2012.tar) is at host.robots.ox.ac.uk/pascal/VOC/voc2012; SBD's masks in the same form, "
    "SegmentationClassAug with a list train_aug.txt, are told of in the documentation of DeepLab and of mmsegmentation."
)
"""Where the data can be had."""

EXPECTED: dict[Split, SplitCounts] = {"train": SplitCounts(1464, 1464), "val": SplitCounts(1449, 1449), "test": SplitCounts(0, 0)}
"""The counts of the archive that is public; the 1,456 images of the test split are another one."""

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse"),
    *("motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

BORDER: Colour = (224, 224, 192)
"""The colour of the palette's last index, which does not count."""

LISTS = "ImageSets/Segmentation"
AUGMENTED = ("train_aug.txt", "trainaug.txt")
"""The names that SBD's list goes by."""


def palette_colour(index: int) -> Colour:
    """A colour of VOC's palette: the bits of the index in turn are the high bits of red, green and blue.

    Example:
        >>> palette_colour(1), palette_colour(15), palette_colour(255) == BORDER
        ((128, 0, 0), (192, 128, 128), True)
    """
    red, green, blue = (sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3))
    return red, green, blue


CLASSES = replace(numbered(NAMES, [palette_colour(index) for index in range(len(NAMES))]), colour_values={BORDER: IGNORED})


def read_pascal_voc(root: Path, *, augmented: bool = False) -> SegmentationData:
    """Reads PASCAL VOC 2012.

    Args:
        root: the folder with ``JPEGImages``, ``SegmentationClass`` and ``ImageSets``, or one that holds it as ``VOCdevkit/VOC2012``.
        augmented: train on SBD's list ``train_aug.txt`` with the masks in ``SegmentationClassAug``.

    Raises:
        MissingFileError: a folder or a list is missing.
        DataError: a list is not one ID a line, names an ID twice or an image that is not there, or a mask is missing.
    """
    masks = "SegmentationClassAug" if augmented else "SegmentationClass"
    needed = ("JPEGImages", "SegmentationClass", LISTS, *((masks,) if augmented else ()))
    home = find_home(root, ("VOC2012", "VOCdevkit/VOC2012"), needed, WHERE)
    lists = home / LISTS
    names = next((name for name in AUGMENTED if (lists / name).exists()), AUGMENTED[0]) if augmented else "train.txt"
    train = samples(home, masks, read_ids(lists / names))
    val = samples(home, "SegmentationClass", read_ids(lists / "val.txt"))
    tested = read_ids(lists / "test.txt") if (lists / "test.txt").exists() else []
    both = sorted({sample.image.stem for sample in train} & {sample.image.stem for sample in val})
    if both:
        raise DataError(f"{lists / names} and val.txt share {len(both)} images, such as {both[0]}: take them out of {names}")
    return SegmentationData("pascal-voc", CLASSES, train, val, samples(home, None, tested), home)


def read_ids(path: Path) -> list[str]:
    """The IDs of a list, one a line.

    Raises:
        MissingFileError: there is no such list.
        DataError: it is empty or no text, a line is no ID, or an ID is there twice.
    """
    path = existing(path)
    if not path.is_file():
        raise MissingFileError(f"no list {path}: expected a file with an ID such as 2007_000032 a line. {WHERE}")
    ids: list[str] = []
    for number, line in enumerate(read_lines(path).splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        if len(name.split()) > 1 or "/" in name or "." in name:
            raise DataError(f"{path}, line {number}: {name!r} is no ID such as 2007_000032: write one a line, without folder and ending")
        ids.append(name)
    if not ids:
        raise DataError(f"{path} lists no image: expected an ID such as 2007_000032 a line")
    if len(set(ids)) < len(ids):
        doubled = next(name for index, name in enumerate(ids) if name in ids[:index])
        raise DataError(f"{path} lists {doubled} twice: {len(ids) - len(set(ids))} lines are there again")
    return ids


def samples(home: Path, masks: str | None, ids: Iterable[str]) -> tuple[Sample, ...]:
    """The images of a list with their masks.

    Args:
        home: the dataset's folder.
        masks: the name of the masks' folder; None for images without masks.
        ids: of the images.

    Raises:
        DataError: an image or a mask is missing.
    """
    found = tuple(Sample(home / "JPEGImages" / f"{name}.jpg", home / masks / f"{name}.png" if masks else None) for name in ids)
    files = [path for sample in found for path in (sample.image, sample.mask) if path is not None]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise DataError(f"the lists of {home} name {len(missing)} files that are not there, such as {missing[0]}: complete the dataset")
    return found
