"""Files with the same content in the splits of a dataset: those of several splits leak what is tested on into what is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rga.datasets.layout import relative
from rga.datasets.splits import Split
from rga.images.defects import find_duplicates

Group = tuple[str, ...]
"""Files with the same content, relative to the root of the data."""


def leaks_and_duplicates(split_of: Mapping[Path, Split], root: Path) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Groups of files with the same content.

    Args:
        split_of: file -> the split that it is in.
        root: of the data.

    Returns:
        Groups with files in several splits, and groups within one split.
    """
    leaks: list[Group] = []
    duplicates: list[Group] = []
    for group in find_duplicates(sorted(split_of)):
        several = len({split_of[path] for path in group}) > 1
        (leaks if several else duplicates).append(tuple(relative(path, root) for path in group))
    return tuple(leaks), tuple(duplicates)
