"""Tables as people have them: encodings, separators, quotes and ends of lines."""

import zipfile
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.datasets.tables import each_row, read_rows, whole_number

ROWS = [("Zoë, tall", "1"), ('a "b"', "2"), ("Ω", "3")]
PLAIN = 'name,value\n"Zoë, tall",1\n"a ""b""",2\nΩ,3\n'


def read(path: Path, content: bytes | str) -> list[tuple[str, str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row["name"], row["value"]) for row in read_rows(path, ("name", "value"), ("colour",), "It is yours.")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(path: Path, encoding: str, end: str) -> None:
    assert read(path, PLAIN.replace("\n", end).encode(encoding)) == ROWS
    assert read(path, PLAIN.replace("\n", end).encode("utf-16-be").join([b"\xfe\xff", b""])) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.rstrip(),
        "\n\n" + PLAIN.replace("\n", "\n\n") + " \n,\n",  # blank lines, and lines of empty cells
        PLAIN.replace("name,value", " Name , VALUE "),
        PLAIN.replace("name,value", '"name","value"'),
        PLAIN.replace("name,value", "name,value,,"),  # columns that a spreadsheet adds
        'name,value\n"Zoë, tall", 1 ,,\n  "a ""b""" , 2\n Ω ,\u00a03\n'.replace('""" ,', '""",'),
        'value,more,name\n1,x,"Zoë, tall"\n2,"two\nlines","a ""b"""\n3,,Ω\n',
        'name;value\nZoë, tall;1\n"a ""b""";2\nΩ;3\n',
        'name\tvalue\nZoë, tall\t1\n"a ""b"""\t2\nΩ\t3\n',
        'sep=;\r\nname;value\r\nZoë, tall;1\r\n"a ""b""";2\r\nΩ;3\r\n',
        'sep=|\nname|value\nZoë, tall|1\n"a ""b"""|2\nΩ|3\n',
    ],
)
def test_what_spreadsheets_write(path: Path, text: str) -> None:
    assert read(path, text) == ROWS


def test_a_cell_of_an_optional_column_is_empty_where_it_is_missing(path: Path) -> None:
    path.write_text("name,value,colour\na,1\nb,2,\nc,3,red\n")
    assert [row["colour"] for row in read_rows(path, ("name", "value"), ("colour",), "")] == ["", "", "red"]
    assert [row["size"] for row in read_rows(path, ("name",), ("size",), "")] == [""] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "name,value\n\nZoë,1\n".encode("latin-1"),
            "line 3: byte 0xeb is not text in UTF-8: save it as UTF-8, in a spreadsheet as 'CSV UTF",
        ),
        ("name,value\r\ncost €,1\r\n".encode("cp1252"), "line 2: byte 0x80 is not text in UTF-8"),
        ("name,value\nΩ,1\n".encode("utf-16-le"), "line 1: a NUL character: the file is damaged, or in UTF-16"),
        (b"name,value\na,1\nb\0,2\n", "line 3: a NUL character"),
        ("name,value\r\na,1\r\nb\0,2\r\n".encode("utf-16"), "line 3: a NUL character"),
        ("name,value\na,1\n".encode("utf-16")[:-1], "line 2: byte 0x0a is not text in UTF-16"),
        ("", "line 1: no column name, value in the header ''. It is yours."),
        ("name\na\n", "line 1: no column value in the header 'name'. It is yours."),
        ("name,value,Value\na,1,2\n", "line 1: the column value is there twice"),
        ("name,value,color\na,1,red\n", "line 1: no column colour, but color: call it colour, or leave it out"),
        ("name,value\na,1\na\n", "line 3: not as many fields as the header has (1, expected 2)"),
        (
            'name,value\n"two\nlines",1\na,1,2\n',
            "line 4: not as many fields as the header has (3, expected 2); write a text with ',' in it",
        ),
        ('name,value\na,1\n"b,2\nc,3\n', "line 3: unexpected end of data"),
        ('name,value\n"a"b,1\n', "line 2: ',' expected after '\"'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(path, content)
    assert f"{path}, {message}" in str(caught.value)


def test_a_workbook_is_no_table(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(DataError, match=r"a\.csv, line 1: a workbook or an archive, not text: save it as UTF-8"):
        read(path, path.read_bytes())


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "0x1", "٣", "²", "1_000", "9" * 19, "9" * 5000])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv, line 2: camera is '"):
        whole_number(text, "camera", "a.csv, line 2")


def test_whole_numbers() -> None:
    assert whole_number("9" * 18, "camera", "") == int("9" * 18) < 2**63
    assert whole_number("0" * 30 + "7", "camera", "") == 7


def test_other_columns_are_refused_where_that_is_asked_for(path: Path) -> None:
    path.write_text("name,valeu,\na,1,\n")
    with pytest.raises(DataError, match=r"line 1: unknown column 'valeu': did you mean value\?"):
        read_rows(path, ("name",), ("value",), "", strict=True)
    path.write_text("name,value,\na,1,\n")
    assert [dict(row.cells) for row in read_rows(path, ("name",), ("value",), "", strict=True)] == [{"name": "a", "value": "1"}]


def test_lines_come_one_by_one(path: Path) -> None:
    path.write_text("name,value\na,1\nb\n")
    rows = each_row(path, ("name", "value"), (), "")
    assert next(rows)["name"] == "a"
    with pytest.raises(DataError, match="line 3: not as many fields"):
        next(rows)
