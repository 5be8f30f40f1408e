"""Files that are there whole or not at all."""

import json
from pathlib import Path

import pytest

from rga.engine.files import remove_leftovers, write_atomically, write_folder, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2]}


def test_a_folder_is_replaced_file_by_file_when_all_are_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"

    def write(into: Path, text: str) -> None:
        (into / "part").mkdir(parents=True)
        (into / "a.txt").write_text(text)
        (into / "part" / "b.txt").write_text(text)

    write_folder(folder, lambda temporary: write(temporary, "old"))

    def half(temporary: Path) -> None:
        write(temporary, "new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(folder, half)
    assert {path.name: path.read_text() for path in folder.rglob("*.txt")} == {"a.txt": "old", "b.txt": "old"}
    write_folder(folder, lambda temporary: write(temporary, "new"))
    assert {path.name: path.read_text() for path in folder.rglob("*.txt")} == {"a.txt": "new", "b.txt": "new"}
    assert list(tmp_path.iterdir()) == [folder]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".last.pt.123.tmp").write_text("half")
    (tmp_path / ".best.123.tmp").mkdir()
    (tmp_path / ".best.123.tmp" / "model").write_text("half")
    (tmp_path / "last.pt").write_text("whole")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
