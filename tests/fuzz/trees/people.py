"""Datasets of re-identification."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st

from fuzz.names import file_names, odd_names
from fuzz.outcome import Draw
from fuzz.trees.growing import Tree

SPLITS = ("train", "query", "gallery")
SUFFIXES = (".png", ".jpg", ".JPG", ".jpeg", ".bmp", ".webp")


def folders(draw: Draw, root: Path) -> Tree:
    """One folder an identity, in three splits."""
    tree = Tree(root, "reid", "folder")
    names = people(draw, 4)
    cameras = draw(st.booleans())
    if cameras:
        tree.options["camera"] = r"^c(\d+)_"
    for split in SPLITS:
        for name in names[:2] if split == "train" else names[2:]:
            for index in range(draw(st.integers(1, 2))):
                put(draw, tree, root / split / name, index, split, camera={"query": 1, "gallery": 2}.get(split, 1) if cameras else None)
    return tree


def tracklets(draw: Draw, root: Path) -> Tree:
    """A folder an identity, in it one a camera, in it one a tracklet, in three splits."""
    tree = Tree(root, "reid", "tracklets")
    names = people(draw, 4)
    for split in SPLITS:
        for name in names[:2] if split == "train" else names[2:]:
            camera = {"query": 1, "gallery": 2}.get(split, 3)
            for track in range(draw(st.integers(1, 2))):
                folder = root / split / name / f"camera{camera}" / f"{track:04}"
                for index in range(draw(st.integers(1, 2))):
                    path = folder / f"{index:03}_{draw(file_names())[:60]}{draw(st.sampled_from(SUFFIXES))}"
                    tree.put(path, split, name, camera)
    return tree


def unsplit(draw: Draw, root: Path) -> Tree:
    """One folder an identity, to be split."""
    tree = Tree(root, "reid", "folder", drawn=True)
    cameras = draw(st.booleans())
    if cameras:
        tree.options["camera"] = r"^c(\d+)_"
    if draw(st.booleans()):
        tree.options["seed"] = draw(st.integers(0, 5))
    for name in people(draw, draw(st.integers(2, 5))):
        for index in range(draw(st.integers(2, 3))):
            put(draw, tree, root / name, index, "all", camera=index % 2 + 1 if cameras else None)
    return tree


def put(draw: Draw, tree: Tree, folder: Path, index: int, split: str, *, camera: int | None) -> None:
    """An image in the folder of its identity; its name may tell its camera."""
    stem = draw(file_names())[:80]
    known = f"c{camera}_{index}_" if camera is not None else f"{index}_"
    tree.put(folder / f"{known}{stem}{draw(st.sampled_from(SUFFIXES))}", split, folder.name, camera)


def people(draw: Draw, count: int) -> list[str]:
    """Names of identities, different on any disk."""
    odd = draw(st.lists(odd_names(), min_size=count, max_size=count, unique=True)) if draw(st.booleans()) else []
    return [f"{name[:60]}_{index}" for index, name in enumerate(odd)] or [f"{index:04}" for index in range(count)]


def table(draw: Draw, root: Path) -> Tree:
    """A table, in one of the ways that programs write it."""
    tree = Tree(root / "table.csv", "reid", "csv", frozen=frozenset(["suffix", "home", "link"]))
    cameras = draw(st.booleans())
    rows = []
    for split, names in (("train", [1, 2]), ("query", [3, 4]), ("gallery", [3, 4, 0])):
        for person in names:
            for index in range(draw(st.integers(1, 2))):
                path = Path("images") / f"{split}_{person}_{index}_{draw(file_names())[:60]}.png"
                camera = {"query": 1, "gallery": 2}.get(split, index + 1) if cameras else None
                tree.put(root / path, split, "nobody" if person == 0 else str(person), camera)
                rows.append({"path": str(path), "identity": str(person), "camera": "" if camera is None else str(camera), "split": split})
    style = draw(
        st.sampled_from(
            [
                "plain",
                "bom",
                "crlf",
                "quoted",
                "other order",
                "more columns",
                "no last newline",
                "no camera column",
                "tabs",
                "semicolons",
                "utf-16",
            ]
        )
    )
    columns = ["path", "identity", "camera", "split"]
    if style == "other order":
        columns.reverse()
    if style == "more columns":
        columns = ["note", *columns, "frame"]
    if style == "no camera column" and not cameras:
        columns.remove("camera")
    file = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if style == "quoted" else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(
        file,
        columns,
        restval="x",
        delimiter={"tabs": "\t", "semicolons": ";"}.get(style, ","),
        quoting=quoting,
        extrasaction="ignore",
        lineterminator="\r\n" if style == "crlf" else "\n",
    )
    writer.writeheader()
    writer.writerows(rows)
    text = file.getvalue().rstrip("\n") if style == "no last newline" else file.getvalue()
    (root / "table.csv").write_bytes(text.encode({"bom": "utf-8-sig", "utf-16": "utf-16"}.get(style, "utf-8")))
    return tree


def market(draw: Draw, root: Path) -> Tree:
    """Market-1501, with distractors."""
    tree = Tree(root, "reid", "market1501", frozen=frozenset(["suffix"]))
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    suffix = draw(st.sampled_from([".jpg", ".JPG", ".jpg.jpg"]))
    for split, persons in (("train", [2, 7]), ("query", [3, 1501]), ("gallery", [3, 1501, 0])):
        for person in persons:
            for index in range(draw(st.integers(1, 2))):
                camera = {"query": 1, "gallery": 2}.get(split, index + 3)
                name = f"{person:04}_c{camera}s1_{draw(st.integers(0, 999999)):06}_{index:02}{suffix}"
                tree.put(root / folders[split] / name, split, "nobody" if person == 0 else str(person), camera)
    return tree


def msmt(draw: Draw, root: Path) -> Tree:
    """MSMT17, version 1 or 2."""
    tree = Tree(root, "reid", "msmt17")
    train, test = draw(st.sampled_from([("train", "test"), ("mask_train_v2", "mask_test_v2")]))
    suffix = draw(st.sampled_from([".jpg", ".jpg", ".JPG"]))
    lists = {
        "train": ("train", train, [0, 1]),
        "val": ("train", train, [0]),
        "query": ("query", test, [0, 1]),
        "gallery": ("gallery", test, [0, 1]),
    }
    for name, (split, folder, persons) in lists.items():
        lines = []
        for person in persons:
            for index in range(draw(st.integers(1, 2))):
                camera = {"query": 1, "gallery": 2}.get(split, index + 3)
                number = len(tree.numbers)
                path = f"{person:04}/{person:04}_{number:03}_{camera:02}_0303morning_{number:04}_{index}{suffix}"
                tree.put(root / folder / path, split, f"{folder}{person}", camera)
                lines.append(f"{path} {person}")
        end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
        (root / f"list_{name}.txt").write_bytes((end.join(lines) + draw(st.sampled_from(["", end, end + end]))).encode())
    return tree


def cuhk(draw: Draw, root: Path) -> Tree:
    """CUHK03-NP, folders in the manner of Market-1501."""
    boxes = draw(st.sampled_from(["labeled", "detected"]))
    tree = Tree(root, "reid", f"cuhk03-{boxes}", frozen=frozenset(["suffix"]))
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    for split, persons in (("train", [1, 2]), ("query", [3, 4]), ("gallery", [3, 4])):
        for person in persons:
            camera = {"query": 1, "gallery": 2}.get(split, 1)
            suffix = draw(st.sampled_from([".png", ".png", ".jpg", ".PNG"]))
            tree.put(root / boxes / folders[split] / f"{person:04}_c{camera}_{person}{suffix}", split, str(person), camera)
    return tree
