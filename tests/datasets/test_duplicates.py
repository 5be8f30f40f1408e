"""Files with the same content, within a split and across splits."""

from pathlib import Path

from rga.datasets.duplicates import leaks_and_duplicates
from rga.datasets.splits import Split


def test_groups_within_a_split_are_apart_from_those_of_several(tmp_path: Path) -> None:
    contents: dict[str, tuple[Split, bytes]] = {
        "a": ("train", b"one"),
        "b": ("test", b"one"),
        "c": ("train", b"two"),
        "d": ("train", b"two"),
        "e": ("val", b"six"),
    }
    for name, (_, content) in contents.items():
        (tmp_path / name).write_bytes(content)
    files: dict[Split, list[Path]] = {"train": [], "val": [], "test": []}
    for name, (split, _) in contents.items():
        files[split].append(tmp_path / name)
    assert leaks_and_duplicates(files, tmp_path) == ((("a", "b"),), (("c", "d"),))
    files["test"] += [tmp_path / "e", tmp_path / "c"]  # the same file, in two splits
    assert leaks_and_duplicates(files, tmp_path) == ((("a", "b"), ("c", "d"), ("e",)), ())
