"""Files that are there whole or not at all."""

import errno
import json
import os
import stat
from functools import partial
from pathlib import Path

import pytest

from rga.storage.files import remove_leftovers, write_atomically, write_folder, write_json
from rga.training.run.log import RunLog


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

    write_folder(folder, lambda temporary: write(temporary, "old"), last="a.txt")

    def half(temporary: Path) -> None:
        write(temporary, "new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(folder, half, last="a.txt")
    assert {path.name: path.read_text() for path in folder.rglob("*.txt")} == {"a.txt": "old", "b.txt": "old"}
    write_folder(folder, lambda temporary: write(temporary, "new"), last="a.txt")
    assert {path.name: path.read_text() for path in folder.rglob("*.txt")} == {"a.txt": "new", "b.txt": "new"}
    assert list(tmp_path.iterdir()) == [folder]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".last.pt.123.tmp").write_text("half")
    (tmp_path / ".best.123.tmp").mkdir()
    (tmp_path / ".best.123.tmp" / "model").write_text("half")
    (tmp_path / "last.pt").write_text("whole")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


class KilledError(BaseException):
    """Stands for the end of the process."""


def test_files_of_two_writings_never_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, names = tmp_path / "model", ("config.json", "a.bin", "z.bin")

    def write(text: str, into: Path) -> None:
        into.mkdir()
        for name in names:
            (into / name).write_text(text)

    write_folder(folder, partial(write, "old"), last="config.json")
    replace, allowed = Path.replace, 0

    def dying(path: Path, target: Path) -> Path:
        nonlocal allowed
        allowed -= 1
        if allowed < 0:
            raise KilledError
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", dying)
    for tried in (0, 1, 2):
        allowed = tried
        with pytest.raises(KilledError):
            write_folder(folder, partial(write, "new"), last="config.json")
        assert (folder / "config.json").exists() == (tried == 0)  # then all are the old ones
    allowed = 3
    write_folder(folder, partial(write, "new"), last="config.json")
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(names, "new")


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    def full(_temporary: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"result\.json could not be written: .*No space left"):
        write_atomically(tmp_path / "result.json", full)
    with pytest.raises(OSError, match=r"best could not be written: .*No space left"):
        write_folder(tmp_path / "best", full, last="config.json")
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with RunLog(tmp_path) as log, pytest.raises(OSError, match=r"log\.jsonl could not be written: .*No space left"):
        log.write("step", 1, {"loss": 0.5})


def folders_answer(patch: pytest.MonkeyPatch, number: int) -> None:
    """Lets the flush of a folder fail."""
    real = os.fsync

    def flush(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    patch.setattr(os, "fsync", flush)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_flush_folders_has_the_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    folders_answer(monkeypatch, number)
    write_json(tmp_path / "a.json", {"b": 1})
    write_folder(tmp_path / "model", lambda temporary: write_json(temporary / "a.json", {"b": 2}), last="a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1}
    assert json.loads((tmp_path / "model" / "a.json").read_text()) == {"b": 2}


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders_answer(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        write_json(tmp_path / "a.json", {"b": 1})
