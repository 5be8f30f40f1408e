"""Datasets as CSV files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.table import read_table

LINES = ["path,identity,camera,split", "a/1.jpg,3,1,train", "a/2.jpg,5,2,query", "a/3.jpg,5,1,gallery", "a/4.jpg,0,1,gallery"]


@pytest.fixture
def folder(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for number in range(1, 5):
        write_image(tmp_path / "a" / f"{number}.jpg")
    return tmp_path


def table(folder: Path, *lines: str) -> Path:
    path = folder / "people.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table(folder: Path) -> None:
    data = read_table(table(folder, *LINES))
    assert data.name == "people"
    assert data.root == folder
    assert [(s.path.name, s.identity, s.camera) for s in (*data.train, *data.query, *data.gallery)] == [
        ("1.jpg", 3, 1),
        ("2.jpg", 5, 2),
        ("3.jpg", 5, 1),
        ("4.jpg", DISTRACTOR, 1),
    ]


@pytest.mark.parametrize("lines", [["path,identity,split", "a/1.jpg,3,train"], ["path,identity,camera,split", "a/1.jpg,3,,train"]])
def test_without_cameras(folder: Path, lines: list[str]) -> None:
    assert read_table(table(folder, *lines)).train[0].camera is None


def test_absolute_paths_other_columns_and_a_mark_of_byte_order(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = table(elsewhere, "\ufeffnote,split,identity,path", f'"indoors, dim",train,2,{folder / "a" / "1.jpg"}')
    data = read_table(path)
    assert data.train[0].path == folder / "a" / "1.jpg"
    assert len(data.fingerprint) == 16


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a/1.jpg,3,1", "not as many fields"),
        ("a/1.jpg,3,1,train,more", "not as many fields"),
        ("a/1.jpg,three,1,train", "identity is 'three', expected a whole number"),
        ("a/1.jpg,-1,1,train", "identity is '-1', expected a whole number"),
        ("a/1.jpg,3,left,train", "camera is 'left', expected a whole number"),
        ("a/1.jpg,3,1,test", "split is 'test', expected one of train, query, gallery"),
        ("a/1.jpg,0,1,train", "identity 0 is a distractor"),
        ("a/9.jpg,3,1,train", r"no image .*9\.jpg"),
        ("a/4.jpg,0,1,gallery", r"4\.jpg stands twice in the split gallery"),
    ],
)
def test_a_bad_line_is_named(folder: Path, line: str, says: str) -> None:
    with pytest.raises(DataError, match=rf"people\.csv, line 6: .*{says}"):
        read_table(table(folder, *LINES, line))


@pytest.mark.parametrize("header", ["path,camera,split", "", "path;identity;split"])
def test_a_missing_column_is_named(folder: Path, header: str) -> None:
    with pytest.raises(DataError, match=r"people\.csv, line 1: no column .*identity.* in the header"):
        read_table(table(folder, header, "a/1.jpg,1,train"))


def test_a_table_without_lines(folder: Path) -> None:
    with pytest.raises(DataError, match="no sample in any split"):
        read_table(table(folder, LINES[0]))


def test_another_encoding(folder: Path) -> None:
    path = folder / "people.csv"
    path.write_bytes("path,identity,split\na/Zo\xeb.jpg,1,train\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"people\.csv is not UTF-8 text"):
        read_table(path)


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv.*path,identity,camera,split"):
        read_table(tmp_path / "nowhere.csv")
