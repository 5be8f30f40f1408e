"""Files with the same content in the splits of a dataset: those of several splits leak what is tested on into what is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rga.datasets.layout import relative
from rga.datasets.splits import Split
from rga.images.defects import find_duplicates

Group = tuple[str, ...]
"""Files with the same content, relative to the root of the data."""


def leaks_and_duplicates(files: Mapping[Split, Iterable[Path]], root: Path) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Groups of files with the same content.

    Args:
        files: split -> its files; a file may be in several.
        root: of the data.

    Returns:
        Groups with files in several splits, of which one may be a single file, and groups within one split.
    """
    splits_of: dict[Path, set[Split]] = {}
    for split, paths in files.items():
        for path in paths:
            splits_of.setdefault(path, set()).add(split)
    groups = find_duplicates(sorted(splits_of))
    grouped = {path for group in groups for path in group}
    groups += [(path,) for path, splits in sorted(splits_of.items()) if len(splits) > 1 and path not in grouped]
    leaks: list[Group] = []
    duplicates: list[Group] = []
    for group in groups:
        several = len(set().union(*(splits_of[path] for path in group))) > 1
        (leaks if several else duplicates).append(tuple(relative(path, root) for path in group))
    return tuple(leaks), tuple(duplicates)
