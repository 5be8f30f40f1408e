"""Datasets of segmentation."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import strategies as st

from fuzz.names import file_names
from fuzz.outcome import Draw
from fuzz.trees.growing import Tree

SUFFIXES = (".png", ".jpg", ".jpeg", ".JPG", ".bmp")
SPLITS = ("train", "val", "test")


def folders(draw: Draw, root: Path) -> Tree:
    """Images, masks and a class table; with splits or to be split."""
    drawn = draw(st.booleans())
    tree = Tree(root, "segmentation", "folder", drawn=drawn)
    for split in ("",) if drawn else SPLITS[: draw(st.integers(2, 3))]:
        for index in range(draw(st.integers(3, 5)) if drawn else draw(st.integers(1, 2))):
            stem = f"{split}{index}_{draw(file_names())[:80]}"
            inside = Path(split) / draw(st.sampled_from(["", "", "deeper"]))
            number = tree.put(root / "images" / inside / f"{stem}{draw(st.sampled_from(SUFFIXES))}", split or "all", "")
            tree.put_mask(root / "masks" / inside / f"{stem}{draw(st.sampled_from(['.png', '.png', '.png', '.PNG']))}", number, (0, 1))
    with (root / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["value", "name"], [0, "road"], [1, "sky"]])
    return tree


def camvid(draw: Draw, root: Path) -> Tree:
    """CamVid in SegNet's form."""
    tree = Tree(root, "segmentation", "camvid", frozen=frozenset(["suffix"]))
    for split in SPLITS:
        for index in range(draw(st.integers(1, 2))):
            stem = f"{index:04}TP_{draw(file_names())[:60]}"
            number = tree.put(root / split / f"{stem}.png", split, "")
            tree.put_mask(root / f"{split}annot" / f"{stem}.png", number, (0, 3, 11))
    return tree


def cityscapes(draw: Draw, root: Path) -> Tree:
    """Cityscapes, or generated scenes in its layout."""
    tree = Tree(root, "segmentation", draw(st.sampled_from(["cityscapes", "streets"])), frozen=frozenset(["suffix"]))
    for split in ("train", "val"):
        for index in range(draw(st.integers(1, 2))):
            city = draw(st.sampled_from(["aachen", "bad-honnef", "köln"]))
            frame = f"{city}_{index:06}_000019"
            number = tree.put(root / "leftImg8bit" / split / city / f"{frame}_leftImg8bit.png", split, "")
            tree.put_mask(root / "gtFine" / split / city / f"{frame}_gtFine_labelIds.png", number, (7, 23))
            tree.put_mask(root / "gtFine" / split / city / f"{frame}_gtFine_instanceIds.png", 1000 + number, (7,))
    return tree
