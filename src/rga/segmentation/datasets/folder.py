"""Your own images and masks in folders, with a file that names the classes.

``ROOT/images`` and ``ROOT/masks`` hold files of the same names below them, the masks as PNG; both either have no other folders than train,
val and test, of which some may be missing, or are split by a seed. ``ROOT/classes.csv`` has a line for each value in the masks:

    value,name,colour
    0,ignored,
    1,road,#804080
    2,car,#00008e

Values with the same name are one class, the name ``ignored`` is for pixels that do not count, and so is 255 where it is not listed. Classes
are numbered in the order in which they come. Colours may be left out.
"""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

from rga.datasets.layout import DataError, by_stem, find_home
from rga.errors import InputError
from rga.images.defects import examples
from rga.images.listing import image_names, visible
from rga.segmentation.datasets.classes import IGNORED, Classes, Colour, spread_colours
from rga.segmentation.datasets.pairs import masks_by_stem, paired
from rga.segmentation.datasets.samples import SPLITS, Sample, SegmentationData

WHERE = "The images are your own: ROOT/images, ROOT/masks and ROOT/classes.csv with the columns value, name and, if you like, colour."

CLASS_FILE = "classes.csv"
IGNORED_NAME = "ignored"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def read_folder(root: Path, *, val_fraction: float = 0.2, seed: int = 0) -> SegmentationData:
    """Reads images and masks from folders.

    Args:
        root: the folder with ``images``, ``masks`` and ``classes.csv``.
        val_fraction: share of the images that are not trained on, where the folders have no splits.
        seed: of that split.

    Raises:
        MissingFileError: a folder or the file is missing.
        DataError: the class file is wrong, there are no images, or an image or a mask is without the other.
        InputError: an option is out of its range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(f"val_fraction must lie between 0 and 1, without them, got {val_fraction}")
    home = find_home(root, (), ("images", "masks", CLASS_FILE), WHERE)
    classes = read_classes(home / CLASS_FILE)
    if has_splits(home / "images"):
        train, val, test = (read_pairs(home / "images" / split, home / "masks" / split) for split in SPLITS)
        return SegmentationData(home.name, classes, train, val, test, home)
    samples = read_pairs(home / "images", home / "masks")
    if len(samples) < 2:
        raise DataError(f"{home / 'images'} has {len(samples)} image: a split into train and val needs two or more. {WHERE}")
    held_out = max(1, min(len(samples) - 1, round(val_fraction * len(samples))))
    chosen = set(random.Random(seed).sample(range(len(samples)), held_out))  # noqa: S311  # a split, no secret
    parts = [tuple(sample for index, sample in enumerate(samples) if (index in chosen) == wanted) for wanted in (False, True)]
    return SegmentationData(home.name, classes, parts[0], parts[1], (), home)


def has_splits(images: Path) -> bool:
    """Whether images are split already.

    Raises:
        DataError: there are folders of splits and other folders or images beside them, which would be in none.
    """
    found = {entry.name for entry in visible(images)}
    if "train" in found and not found <= {*SPLITS}:
        others = examples(sorted(found - {*SPLITS}))
        raise DataError(f"{images} has a folder train and, beside it, {others}: sort these into train, val or test")
    return bool(found) and found <= {*SPLITS}


def read_pairs(images: Path, masks: Path) -> tuple[Sample, ...]:
    """The images and masks below two folders; none where neither is there."""
    found = [images / name for name in image_names(images)] if images.is_dir() else []
    return paired(by_stem(found, images), masks_by_stem(masks) if masks.is_dir() else {}, masks)


def read_classes(path: Path) -> Classes:
    """Reads the file that names the classes.

    Raises:
        DataError: a column is missing, a line is wrong, or there is no class.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = {name.strip() for name in reader.fieldnames or ()}
        if not {"value", "name"} <= columns:
            raise DataError(f"{path} has the columns {', '.join(sorted(columns)) or 'none'}: expected value, name and, if you like, colour")
        rows = []
        for read in reader:
            if None in read:
                raise DataError(f"{path}, line {reader.line_num} has more columns than the head: write names with a comma in quotes")
            rows.append((reader.line_num, {key.strip(): (value or "").strip() for key, value in read.items()}))
    values: dict[int, int] = {}
    chosen: dict[str, Colour | None] = {}
    for line, row in rows:
        value, name = row["value"], row["name"]
        if not value.isdecimal() or int(value) > 255:
            raise DataError(f"{path}, line {line}: the value {value!r} is no whole number from 0 to 255")
        if int(value) in values:
            raise DataError(f"{path}, line {line}: the value {value} is there twice")
        if not name:
            raise DataError(f"{path}, line {line}: the value {value} has no name; call it {IGNORED_NAME!r} if it does not count")
        if name == IGNORED_NAME:
            values[int(value)] = IGNORED
            continue
        chosen[name] = chosen.get(name) or colour_of(row.get("colour", ""), path, line)
        values[int(value)] = list(chosen).index(name)
    if not chosen:
        raise DataError(f"{path} names no class. {WHERE}")
    values.setdefault(IGNORED, IGNORED)
    spare = spread_colours(len(chosen))
    return Classes(tuple(chosen), tuple(colour or spare[index] for index, colour in enumerate(chosen.values())), values)


def colour_of(text: str, path: Path, line: int) -> Colour | None:
    """A colour as web pages write it; None for an empty one."""
    if not text:
        return None
    if not COLOUR.fullmatch(text):
        raise DataError(f"{path}, line {line}: the colour {text!r} is not written as #rrggbb")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
