"""Survivors that no test can or should kill, and why: the report names the reason behind each."""

from __future__ import annotations

EXPLAINED: dict[tuple[str, str, str], str] = {
    ("rga/reid/datasets/cuhk03.py", "(root / boxes).is_dir()", "root / boxes"): "the folders in it are looked for next",
    ("rga/segmentation/datasets/cityscapes.py", 'sorted(folder.glob(f"*/{files}"))', 'list(folder.glob(f"*/{files}"))'): (
        "the pairs are sorted once more; only the order of an error's examples depends on it"
    ),
    ("rga/segmentation/losses/pixels.py", "processes.together()", "processes"): "the mean over one process is its own number",
    ("rga/cli/main.py", 'f"{verb} {VERBS[verb].usage}".rstrip()', 'f"{verb} {VERBS[verb].usage}"'): "spaces follow in any case",
}
"""File, text before and after as the report has them -> the reason."""
