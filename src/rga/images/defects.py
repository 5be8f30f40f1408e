"""What can be wrong with the files of a dataset, whatever its task: damaged images, and files with the same content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

from rga.images.conversion import to_rgb
from rga.images.images import DamagedImageError, decoded, read_contents, reason
from rga.images.listing import size_of

Progress = Callable[[int, int], None]
"""Told how many images are done, of how many."""

NAMED = 5
"""How many examples the text of a report names."""


def find_damaged(paths: Iterable[Path], progress: Progress | None = None) -> list[tuple[Path, str]]:
    """Images that cannot be decoded to their last line, and why."""
    paths = list(paths)
    damaged = []
    for done, path in enumerate(paths, start=1):
        reason = decoding_error(path)
        if reason is not None:
            damaged.append((path, reason))
        if progress is not None:
            progress(done, len(paths))
    return damaged


def decoding_error(path: Path) -> str | None:
    """Why an image cannot be read; None if it can. ``Image.verify`` would not notice one that is cut short.

    Raises:
        OSError: the file is there and cannot be read from where it lies, which says nothing about the image; it is named.
    """
    try:
        contents = read_contents(path, str(path))
    except FileNotFoundError as error:
        return str(error)
    try:
        decoded(contents, "no image", to_rgb)
    except DamagedImageError as error:
        return reason(error.__cause__)
    return None


def find_duplicates(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Groups of files with the same content; only files of the same size are read."""
    same_size = grouped((size_of(path), path) for path in paths)
    candidates = chain.from_iterable(group for group in same_size if len(group) > 1)
    same_content = grouped((hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in candidates)
    return sorted(tuple(group) for group in same_content if len(group) > 1)


def grouped(keyed: Iterable[tuple[object, Path]]) -> list[list[Path]]:
    """Paths with the same key together, in their order."""
    groups: dict[object, list[Path]] = {}
    for key, path in keyed:
        groups.setdefault(key, []).append(path)
    return list(groups.values())


def examples(items: Iterable[object]) -> str:
    """The first few items, and how many more there are."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more
