"""Survivors that no test can or should kill, and why: the report names the reason behind each."""

from __future__ import annotations

EXPLAINED: dict[str, str] = {
    "rga/reid/datasets/cuhk03.py call: (root / boxes).is_dir() -> root / boxes": "its sub-folders are looked for next, and are not there either",
    'rga/segmentation/datasets/cityscapes.py call: sorted(folder.glob(f"*/{files}")) -> list(folder.glob(f"*/{files}"))': (
        "the pairs are sorted once more; here only the order of an error's examples depends on it"
    ),
    "rga/segmentation/network/backbone.py argument: , **options -> nothing": "another error for options that cannot be had: they are tried again",
}
"""File, kind, before and after, as ``Mutant.key`` has them -> the reason."""
