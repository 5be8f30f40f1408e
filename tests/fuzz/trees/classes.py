"""Datasets of classification."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from hypothesis import strategies as st

from fuzz.names import file_names, odd_names
from fuzz.outcome import Draw
from fuzz.trees.growing import Tree, coloured

SUFFIXES = (".png", ".jpg", ".JPEG", ".bmp", ".webp", ".PNG")
WORDNET = ("n01440764", "n01443537", "n01484850")


def class_names(draw: Draw) -> list[str]:
    """Names of folders, different on any disk and whatever their form."""
    if draw(st.booleans()):
        return ["cat", "dog", "owl"][: draw(st.integers(2, 3))]
    odd = draw(st.lists(odd_names(), min_size=2, max_size=3, unique=True))
    return [f"{name[:60]}_{index}" for index, name in enumerate(odd)]


def splits(draw: Draw, root: Path) -> Tree:
    """A folder to train on and one to test on."""
    tree = Tree(root, "classification", "folder", has_names=True)
    test = draw(st.sampled_from(["val", "test", "valid", "validation"]))
    names = class_names(draw)
    for split, folder in (("train", "train"), ("test" if test == "test" else "val", test)):
        fill(draw, tree, root / folder, split, names)
    return tree


def fill(draw: Draw, tree: Tree, folder: Path, split: str, names: list[str], least: int = 1) -> None:
    """Images of each class."""
    for name in names:
        for index in range(draw(st.integers(least, least + 1))):
            stem = f"{index}_{draw(file_names())[:80]}{draw(st.sampled_from(SUFFIXES))}"
            inside = draw(st.sampled_from([Path(), Path(), Path(), Path("deeper")]))
            tree.put(folder / name / inside / stem, split, name)


def unsplit(draw: Draw, root: Path) -> Tree:
    """A folder a class, to be split."""
    tree = Tree(root, "classification", "folder", drawn=True, has_names=True)
    if draw(st.booleans()):
        tree.options |= {"test_share": draw(st.sampled_from([0.2, 0.5])), "seed": draw(st.integers(0, 3))}
    fill(draw, tree, root, "all", class_names(draw), least=2)
    return tree


def imagenet(draw: Draw, root: Path) -> Tree:
    """A part of ImageNet, in one of its two homes."""
    tree = Tree(root, "classification", "imagenet")
    home = root / draw(st.sampled_from(["", "ILSVRC/Data/CLS-LOC"]))
    for split, folder in (("train", "train"), ("val", "val")):
        for name in WORDNET:
            for index in range(draw(st.integers(1, 2))):
                tree.put(home / folder / name / f"{name}_{index}.JPEG", split, name)
    return tree


def zips(draw: Draw, root: Path) -> Tree:
    """Two zips, packed in one of the ways that programs do it."""
    tree = Tree(root, "classification", "zips", has_names=True, zips=True, frozen=frozenset(["suffix", "link", "litter"]))
    names = class_names(draw)
    root.mkdir(parents=True, exist_ok=True)
    prefix = draw(st.sampled_from(["", "./", "data/", "train/"]))
    packed = draw(st.sampled_from([ZIP_STORED, ZIP_DEFLATED]))
    other = draw(st.sampled_from(["test.zip", "val.zip", "test_1.zip"]))
    for split, archive in (("train", "train.zip"), ("val" if other == "val.zip" else "test", other)):
        with ZipFile(root / archive, "w", packed) as file:
            if draw(st.booleans()):
                file.writestr(f"{prefix}{names[0]}/", b"")  # an entry of a folder
            for name in names:
                for index in range(draw(st.integers(1, 2))):
                    number = len(tree.numbers) + 1
                    stem = f"{index}_{draw(file_names())[:60]}{draw(st.sampled_from(SUFFIXES))}"
                    contents = coloured(number, os.path.splitext(stem)[1])  # noqa: PTH122  a name in a zip
                    file.writestr(ZipInfo(f"{prefix}{name}/{stem}"), contents)
                    tree.keep(root / ".spare" / str(number), contents, number)
                    tree.split_of[number], tree.group_of[number] = split, name
            for litter in draw(
                st.lists(st.sampled_from(["__MACOSX/{}/._0.png", "{}/.DS_Store", "{}/Thumbs.db", "{}/._a.jpg"]), max_size=2)
            ):
                file.writestr(f"{prefix}{litter.format(names[0])}", b"\0\5\26\7")
    for spare in (root / ".spare").iterdir():
        spare.unlink()
    (root / ".spare").rmdir()
    return tree
