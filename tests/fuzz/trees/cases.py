"""A dataset in one of the layouts, with what happened to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right
from fuzz.trees import classes, people, scenes
from fuzz.trees.growing import Meant, Tree, found_in
from fuzz.trees.weather import HARMFUL, HARMLESS, OF_ZIPS
from rga.datasets.spec import DataSpec
from rga.tasks import get_task

LAYOUTS: tuple[Callable[[Draw, Path], Tree], ...] = (
    *(people.folders, people.unsplit, people.tracklets, people.table, people.market, people.msmt, people.cuhk),
    *(classes.splits, classes.unsplit, classes.zips, classes.imagenet),
    *(scenes.folders, scenes.camvid, scenes.cityscapes),
)


def tree_case(draw: Draw, folder: Path) -> Outcome:
    """A dataset that is read, and compared with what was meant."""
    (folder / "data").mkdir()
    tree = draw(st.sampled_from(LAYOUTS))(draw, folder / "data")
    happened = draw(st.lists(st.sampled_from(sorted({*HARMLESS} - tree.frozen)), max_size=2, unique=True))
    for name in sorted(happened, key=list(HARMLESS).index):
        HARMLESS[name](draw, tree)
    about: frozenset[int] = frozenset()
    breaking = draw(st.sampled_from([None, None, *(OF_ZIPS if tree.zips else HARMFUL)])) if not happened else None
    if breaking is not None:
        about = breaking(draw, tree) | {0}
    catalog = get_task(tree.task).datasets
    found = attempt(catalog.read, spec(draw, tree)) if breaking is None else attempt(catalog.load, tree.name, tree.root, **tree.options)
    what = f"{tree.task} {tree.name}{' to be split' if tree.drawn else ''}"
    if isinstance(found, Refused):
        if breaking is None:
            must_work(found, f"{what} after {happened}")
        return refused(what)
    agree(found_in(found, tree), tree, about, f"{what} after {happened or breaking}")
    if breaking is None and found.fingerprint != must_work(attempt(catalog.load, tree.name, tree.root, **tree.options), what).fingerprint:
        raise FaultError("the fingerprint of the same data is another one")
    if breaking is None and draw(st.sampled_from([False, False, True])):
        opened = must_work(
            attempt(catalog.check, DataSpec(tree.name, tree.root, tree.options), open_images=True, subset=True), f"data check of {what}"
        )
        if getattr(opened, "damaged", ()) or getattr(opened, "defects", ()):
            raise FaultError(f"data check takes images for damaged: {opened}")
    return right(what)


def spec(draw: Draw, tree: Tree) -> Any:
    """The dataset as a value, or as it is written."""
    made = DataSpec(tree.name, tree.root, tree.options)
    return str(made) if draw(st.booleans()) else made


def agree(found: Meant, tree: Tree, about: frozenset[int], what: str) -> None:
    """Compares what was found with what was meant; but for the images that something happened to."""
    meant = tree.meant()
    if tree.drawn:
        splits = list(found.splits.values())
        if sum(map(len, splits)) != len(frozenset[int]().union(*splits)):
            raise FaultError(f"{what}: an image is in two splits: {found.splits}")
        if not about and min(map(len, splits)) == 0:
            raise FaultError(f"{what}: an empty split")
        found, meant = found.whole(), meant.whole()
    found, meant = found.without(about), meant.without(about)
    compare(
        {name: sorted(some) for name, some in found.splits.items() if some},
        {name: sorted(some) for name, some in meant.splits.items() if some},
        what,
    )
    compare(sorted(map(sorted, found.groups)), sorted(map(sorted, meant.groups)), f"{what}: groups")
    compare(found.named, meant.named, f"{what}: classes")
    compare(sorted(map(sorted, found.cameras)), sorted(map(sorted, meant.cameras)), f"{what}: cameras")
    compare(sorted(found.nobody), sorted(meant.nobody), f"{what}: distractors")
