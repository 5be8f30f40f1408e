"""Datasets as CSV files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.table import read_table

LINES = ["path,identity,camera,split", "a/1.jpg,3,1,train", "a/2.jpg,5,2,query", "a/3.jpg,5,1,gallery", "a/4.jpg,0,1,gallery"]


@pytest.fixture
def folder(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for number in range(1, 6):
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
        ("a/1.jpg,-1,1,train", "identity is '-1', expected a whole number from 0 on: leave the lines of junk out"),
        ("a/1.jpg,-2,1,train", "identity is '-2', expected a whole number"),
        ("a/1.jpg,1.0,1,train", "identity is '1.0', expected a whole number"),
        ("a/1.jpg,,1,train", "identity is '', expected a whole number"),
        ("a/1.jpg,²,1,train", "identity is '²', expected a whole number"),
        ("a/1.jpg,12345678901234567890,1,train", "identity is '12345678901234567890', expected at most 18 digits"),
        ("a/1.jpg,3,left,train", "camera is 'left', expected a whole number"),
        ("a/1.jpg,3,1,test", "split is 'test', expected one of train, query, gallery"),
        ("a/1.jpg,0,1,train", "identity 0 is a distractor"),
        ("a/9.jpg,3,1,train", r"no image .*9\.jpg"),
        (",3,1,train", "no path"),
        (f"{'a' * 300}.jpg,3,1,train", "no image .*aaa"),
        ("a/4.jpg,0,1,gallery", r"4\.jpg stands twice in the split gallery, before in .*people\.csv, line 5"),
        ("a/../a/4.jpg,0,1,gallery", r"4\.jpg stands twice in the split gallery"),
        ("a/link.jpg,0,1,gallery", r"link\.jpg stands twice in the split gallery"),
        ("a/2.jpg,5,3,gallery", r"2\.jpg has identity 5 and camera 3, but .*line 3 says 2\.jpg has identity 5 and camera 2 of the same"),
        ("a/1.jpg,5,1,query", r"1\.jpg has identity 5 and camera 1, but .*line 2 says 1\.jpg has identity 3 and camera 1 of the same"),
        ("a/5.jpg,3,,train", "no camera, as in 1 of 5 lines; the others have one: give a camera in every line, or in none"),
        ("a/5.jpg,3,  ,query", "no camera, as in 1 of 5 lines"),
        ('a/5.jpg,3,1,"train', "unexpected end of data"),
        ('"a/5".jpg,3,1,train', "expected after"),
    ],
)
def test_a_bad_line_is_named(folder: Path, line: str, says: str) -> None:
    (folder / "a" / "link.jpg").symlink_to(folder / "a" / "4.jpg")
    with pytest.raises(DataError, match=rf"people\.csv, line 6: .*{says}"):
        read_table(table(folder, *LINES, line))


@pytest.mark.parametrize(("header", "line"), [("path,camera,split", 1), ("", 2), ("path|identity|split", 1)])
def test_a_missing_column_is_named(folder: Path, header: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"people\.csv, line {line}: no column .*identity.* in the header"):
        read_table(table(folder, header, "a/1.jpg,1,train"))


def test_one_line_with_a_camera_among_others_without_is_named(folder: Path) -> None:
    lines = ["path,identity,camera,split", "a/1.jpg,3,,train", "a/2.jpg,5,,query", "a/3.jpg,5,1,gallery"]
    with pytest.raises(DataError, match=r"people\.csv, line 2: no camera, as in 2 of 3 lines; the others have one"):
        read_table(table(folder, *lines))


@pytest.mark.parametrize("name", ["cam", "camid", "Camera_ID", "cameras"])
def test_cameras_under_another_name_are_not_passed_over(folder: Path, name: str) -> None:
    lines = [f"path,identity,{name},split", *LINES[1:]]
    with pytest.raises(DataError, match=rf"line 1: no column camera, but {name.lower()}: call it camera, or leave it out"):
        read_table(table(folder, *lines))
    with_both = [f"path,identity,{name},split,camera", *(f"{line},4" for line in LINES[1:])]
    assert read_table(table(folder, *with_both)).query[0].camera == 4


@pytest.mark.parametrize("doubled", ["identity", "camera", "split", "path", " Identity "])
def test_a_column_that_is_there_twice_is_named(folder: Path, doubled: str) -> None:
    lines = [f"{LINES[0]},{doubled}", *(f"{line},1" for line in LINES[1:])]
    with pytest.raises(DataError, match=rf"people\.csv, line 1: the column {doubled.strip().lower()} is there twice"):
        read_table(table(folder, *lines))


def test_paths_as_other_machines_write_them(folder: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(folder / "a" / "Zoe\u0308.jpg")  # in two characters, as some file systems have it
    lines = ["path,identity,split", "a\\1.jpg,1,train", "a/Zo\u00eb.jpg,2,train"]
    assert [sample.path for sample in read_table(table(folder, *lines)).train] == [folder / "a/1.jpg", folder / "a/Zoe\u0308.jpg"]


def test_a_table_without_lines(folder: Path) -> None:
    with pytest.raises(DataError, match="no sample in any split"):
        read_table(table(folder, LINES[0]))


def test_another_encoding(folder: Path) -> None:
    path = folder / "people.csv"
    path.write_bytes("path,identity,split\na/Zo\xeb.jpg,1,train\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"people\.csv, line 2: byte 0xeb is not text in UTF-8: save it as UTF-8"):
        read_table(path)


def test_names_of_files_that_are_no_text_and_other_columns_in_any_encoding(folder: Path) -> None:
    strange = folder / os.fsdecode(b"Zo\xeb.jpg")
    (folder / "a" / "1.jpg").rename(strange)
    path = folder / "people.csv"
    path.write_bytes(b"path,identity,split,note\nZo\xeb.jpg,1,train,caf\xe9\n")
    data = read_table(path)
    assert data.train[0].path == strange
    assert len(data.fingerprint) == 16


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv.*path,identity,camera,split"):
        read_table(tmp_path / "nowhere.csv")
