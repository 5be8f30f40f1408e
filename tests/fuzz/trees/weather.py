"""What happens to datasets on their way: things that change nothing, and things that break them."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from hypothesis import strategies as st

from fuzz.outcome import Draw
from fuzz.trees.growing import Tree, coloured

JUNK = ("._a.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.jpg", "notes.txt", ".nomedia")
HIDDEN = (".ipynb_checkpoints", "__MACOSX", ".thumbs", ".git")


# ---- what changes nothing


def litter(draw: Draw, tree: Tree) -> None:
    """Files and folders that systems and programs leave."""
    folders = sorted({path.parent for path in tree.files.values()} | {home(tree)})
    for folder in draw(st.lists(st.sampled_from(folders), min_size=1, max_size=3)):
        (folder / draw(st.sampled_from(JUNK))).write_bytes(b"\0\5\26\7")
        if draw(st.booleans()):
            hidden = folder / draw(st.sampled_from(HIDDEN))
            hidden.mkdir(exist_ok=True)
            (hidden / draw(st.sampled_from(["a.png", "._0001.jpg", "a.txt"]))).write_bytes(coloured(9999, ".png"))


def link(draw: Draw, tree: Tree) -> None:
    """A file or a folder that lies elsewhere, with a link in its place."""
    path = draw(st.sampled_from(sorted(tree.files.values())))
    if draw(st.booleans()):
        path = path.parent
        if path == home(tree):
            return
    elsewhere = home(tree).parent / "elsewhere" / str(len(path.name))
    elsewhere.parent.mkdir(exist_ok=True)
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere if draw(st.booleans()) else os.path.relpath(elsewhere, path.parent), target_is_directory=elsewhere.is_dir())


def suffix(draw: Draw, tree: Tree) -> None:
    """Endings in capitals."""
    for number in draw(st.lists(st.sampled_from(sorted(tree.files)), min_size=1, max_size=2, unique=True)):
        path = tree.files[number]
        other = path.with_suffix(path.suffix.swapcase())
        if tree.name == "msmt17" or other.exists():  # the lists name the files
            continue
        tree.files[number] = path.rename(other)


def move_home(draw: Draw, tree: Tree) -> None:
    """The whole dataset below a folder with an odd name, or behind a link."""
    name = draw(st.sampled_from(["two words", "café", "100%", "[a]", "ünï", "-x", "a&b", "a=b", "a.b", "名", "q?x"]))
    old = home(tree)
    new = old.parent / name / "data"
    new.parent.mkdir()
    linked = any(path.is_symlink() for path in old.rglob("*"))  # relative links do not survive a move
    if draw(st.booleans()) and not linked:
        shutil.move(old, new)
    else:
        new.symlink_to(old, target_is_directory=True)
    tree.root = new / tree.root.name if tree.root.suffix == ".csv" else new


def decomposed(draw: Draw, tree: Tree) -> None:
    """The names of masks in the other form of Unicode than those of their images, as a Mac's disk makes them."""
    form: Literal["NFC", "NFD"] = "NFC" if draw(st.booleans()) else "NFD"
    for folder in ("masks", "trainannot", "valannot", "testannot"):
        for path in [*(tree.root / folder).rglob("*")] if (tree.root / folder).is_dir() else []:
            if path.is_file() and not path.with_name(unicodedata.normalize(form, path.name)).exists():
                path.rename(path.with_name(unicodedata.normalize(form, path.name)))


HARMLESS: dict[str, Callable[[Draw, Tree], None]] = {
    "litter": litter,
    "suffix": suffix,
    "form": decomposed,
    "link": link,
    "home": move_home,
}
"""Name -> what is done to a tree, in this order."""


# ---- what may break it; each returns the numbers of the images that it is about


def take_away(draw: Draw, tree: Tree) -> frozenset[int]:
    """A file that is gone."""
    number = draw(st.sampled_from(sorted(tree.files)))
    tree.files[number].unlink()
    return frozenset([number])


def break_link(draw: Draw, tree: Tree) -> frozenset[int]:
    """A link to nowhere in the place of an image."""
    number = draw(st.sampled_from(sorted(tree.files)))
    tree.files[number].unlink()
    tree.files[number].symlink_to("nowhere")
    return frozenset([number])


def rename(draw: Draw, tree: Tree) -> frozenset[int]:
    """A name that no layout knows."""
    number = draw(st.sampled_from(sorted(tree.files)))
    path = tree.files[number]
    path.rename(path.with_name(f"renamed{number}{path.suffix}"))
    return frozenset([number])


def double(draw: Draw, tree: Tree) -> frozenset[int]:
    """A second file that differs in its ending."""
    number = draw(st.sampled_from(sorted(tree.files)))
    path = tree.files[number]
    other = path.with_suffix(".bmp" if path.suffix.lower() != ".bmp" else ".png")
    tree.keep(other, coloured(500 + number, other.suffix), 500 + number)
    return frozenset([number, 500 + number])


def empty_folder(draw: Draw, tree: Tree) -> frozenset[int]:
    """A folder that holds nothing, beside those that do."""
    path = draw(st.sampled_from(sorted({path.parent for path in tree.files.values()})))
    (path.parent / "nothing").mkdir(exist_ok=True)
    return frozenset()


def folder_as_image(draw: Draw, tree: Tree) -> frozenset[int]:
    """A folder that is called like an image."""
    path = draw(st.sampled_from(sorted({path.parent for path in tree.files.values()})))
    (path / "folder.png").mkdir()
    return frozenset()


def stray(draw: Draw, tree: Tree) -> frozenset[int]:
    """An image in a place where none should be."""
    folder = draw(st.sampled_from([home(tree), *sorted({path.parent.parent for path in tree.files.values()})]))
    tree.keep(folder / "stray.png", coloured(900, ".png"), 900)
    return frozenset([900])


def remove_folder(draw: Draw, tree: Tree) -> frozenset[int]:
    """A folder of images that is gone."""
    folder = draw(st.sampled_from(sorted({path.parent for path in tree.files.values()} - {home(tree)})))
    gone = frozenset(number for number, path in tree.files.items() if path.is_relative_to(folder))
    shutil.rmtree(folder)
    return gone


def file_as_root(draw: Draw, tree: Tree) -> frozenset[int]:
    """A file in the place of the dataset."""
    shutil.rmtree(home(tree))
    home(tree).write_text("nothing\n")
    return frozenset(tree.files)


def break_text(draw: Draw, tree: Tree) -> frozenset[int]:
    """A table, a list or a zip that is damaged."""
    texts = sorted(path for path in home(tree).iterdir() if path.suffix in (".csv", ".txt", ".zip") and path.is_file())
    if not texts:
        return take_away(draw, tree)
    path = draw(st.sampled_from(texts))
    contents = path.read_bytes()
    how = draw(st.sampled_from(["cut", "empty", "binary", "utf-16", "latin-1", "doubled", "changed", "zero"]))
    at = draw(st.integers(0, max(0, len(contents) - 1)))
    path.write_bytes(
        {
            "cut": contents[:at],
            "empty": b"",
            "binary": bytes(range(256)),
            "utf-16": contents.decode("utf-8", "replace").encode("utf-16"),
            "latin-1": contents + "é,é".encode("latin-1"),
            "doubled": contents + contents[contents.find(b"\n") + 1 :],
            "changed": contents[:at] + b"\xff" + contents[at + 1 :],
            "zero": contents[:at] + b"\0" + contents[at:],
        }[how]
    )
    return frozenset(tree.split_of)


def zip_twice(draw: Draw, tree: Tree) -> frozenset[int]:
    """A member that is in a zip twice."""
    if not tree.zips:
        return double(draw, tree)
    with ZipFile(home(tree) / "train.zip", "a") as file:
        member = draw(st.sampled_from(sorted({name for name in file.namelist() if not name.endswith("/")})))
        file.writestr(member, file.read(member))
    return frozenset()


HARMFUL: tuple[Callable[[Draw, Tree], frozenset[int]], ...] = (
    *(take_away, break_link, rename, double, empty_folder, folder_as_image),
    *(stray, remove_folder, file_as_root, break_text, break_text, zip_twice),
)
OF_ZIPS: tuple[Callable[[Draw, Tree], frozenset[int]], ...] = (break_text, zip_twice, file_as_root)


def home(tree: Tree) -> Path:
    """The folder of a dataset."""
    return tree.root.parent if tree.root.suffix == ".csv" else tree.root
