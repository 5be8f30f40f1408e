"""Text files that people make: tables (CSV) as spreadsheets and scripts write them, and lists.

A file is read right, or one error names the file and the line. It is in UTF-8, with or without a byte order mark, or in UTF-16 with one.
Commas, semicolons or tabs separate columns. Quotes, blank lines, spaces around cells and any line ends are read as spreadsheets mean them.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rga.checks import nearest
from rga.datasets.layout import DataError

SEPARATORS = (",", ";", "\t")
"""What may stand between cells: spreadsheets write semicolons where the comma is the decimal mark."""

SEPARATOR_LINE = re.compile(r'"?sep=([,;|:\t])"?')
"""What some spreadsheets write above the header."""

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark -> encoding."""

ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How workbooks of spreadsheets begin: a zip archive, and its predecessor."""

LONGEST = 18
"""Digits of the largest numbers that surely fit in 64 bits."""

SAVE = "save it as UTF-8, in a spreadsheet as 'CSV UTF-8'"


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        location: file and line, for errors.
        cells: column -> text without spaces around it; "" for an empty cell and for an optional column that the table lacks.
    """

    location: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The text of a column."""
        return self.cells[column]


def read_rows(
    file: Path, required: Sequence[str], optional: Sequence[str], where: str, *, names: bool = False, strict: bool = False
) -> list[Row]:
    """Reads a table with a header; empty lines are passed over.

    Args:
        file: the table.
        required: columns that it must have; upper and lower case are the same.
        optional: columns that it may have.
        where: what the table should look like, for errors.
        names: as in ``read_lines``.
        strict: refuse other columns than those that are named, which are passed over otherwise.

    Raises:
        DataError: the file is not text, lacks a column or has it twice, or a line has too few or too many cells or an open quote.
    """
    return list(each_row(file, required, optional, where, names=names, strict=strict))


def each_row(
    file: Path, required: Sequence[str], optional: Sequence[str], where: str, *, names: bool = False, strict: bool = False
) -> Iterator[Row]:
    """The lines of a table one after the other, as ``read_rows`` reads them: of a long one, only the text is held in memory.

    Raises:
        DataError: as ``read_rows``; what is wrong with a line is raised when its turn comes.
    """
    text = read_lines(file, names=names)
    lines = text.splitlines()
    separators: Sequence[str] = SEPARATORS
    if lines and (chosen := SEPARATOR_LINE.fullmatch(lines[0].strip(" "))):
        separators = (chosen[1],)
        text = text[len(lines[0]) :]  # the end of the line stays: an empty line, which counts
    del lines
    heads = {each: next(records(file, text, each, strict=False), (1, [])) for each in separators}  # wrong quotes, if it is another one
    separator = next((each for each, (_, cells) in heads.items() if {*required} <= {*lowered(cells)}), separators[0])
    others = records(file, text, separator)
    line, cells = next(others, (1, []))
    columns = lowered(cells)
    check_columns(f"{file}, line {line}", columns, required, optional, where, strict=strict)
    indices = {name: columns.index(name) if name in columns else None for name in (*required, *optional)}
    needed = max(index for name, index in indices.items() if name in required and index is not None)
    for line, cells in others:
        location = f"{file}, line {line}"
        if len(cells) <= needed or any(cells[len(columns) :]):
            raise DataError(
                f"{location}: not as many fields as the header has ({len(cells)}, expected {len(columns)}); "
                f"write a text with {'a tab' if separator == chr(9) else repr(separator)} in it in quotes"
            )
        yield Row(location, {name: "" if at is None or at >= len(cells) else cells[at] for name, at in indices.items()})


def lowered(header: Sequence[str]) -> list[str]:
    """The columns of a header, in lower case."""
    return [name.lower() for name in header]


def check_columns(
    location: str, columns: Sequence[str], required: Sequence[str], optional: Sequence[str], where: str, *, strict: bool = False
) -> None:
    """Checks the columns of a table.

    Raises:
        DataError: one is missing or there twice, or another one seems to be one of the optional ones under another name: passing over it
            would lose what it says; if ``strict``, another one of any name.
    """
    unknown = [name for name in columns if name and name not in (*required, *optional)]
    if strict and unknown:
        raise DataError(f"{location}: unknown column {unknown[0]!r}{nearest(unknown[0], (*required, *optional))}; or leave it out. {where}")
    missing = [name for name in required if name not in columns]
    if missing:
        raise DataError(f"{location}: no column {', '.join(missing)} in the header {','.join(columns)!r}. {where}")
    doubled = [name for name, count in Counter(columns).items() if count > 1 and name in (*required, *optional)]
    if doubled:
        raise DataError(f"{location}: the column {doubled[0]} is there twice: leave one of them out")
    for name in optional:
        alike = [other for other in columns if other.startswith(name[:3]) and other not in (*required, *optional)]
        if name not in columns and alike:
            raise DataError(f"{location}: no column {name}, but {alike[0]}: call it {name}, or leave it out")


def records(file: Path, text: str, separator: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty, as (number of the line, cells without spaces around them).

    Args:
        file: the table, for errors.
        text: its text.
        separator: of cells.
        strict: whether wrong quotes are an error.

    Raises:
        DataError: a quote is not closed, or stands within a cell.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=separator != "\t", strict=strict)
    line = 1
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{file}, line {line}: {error}; a quote within a quoted text is written twice, and each is closed") from error
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def read_lines(file: Path, *, names: bool = False) -> str:
    """Reads a file of text.

    Args:
        file: to read.
        names: it names files, whose names may be in any encoding: bytes that are not UTF-8 stay what they are, as in the names that the
            system gives (``surrogateescape``). Text that is used otherwise is checked by ``check_text``.

    Raises:
        DataError: it is a workbook, not in UTF-8 or UTF-16 with a byte order mark, or holds NUL characters; the line is named.
    """
    content = file.read_bytes()
    if content.startswith(ARCHIVES):
        raise DataError(f"{file}, line 1: a workbook or an archive, not text: {SAVE}")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    plain = encoding.startswith("utf-8")
    if plain:
        check_nul(file, content.decode(errors="replace"))  # first: UTF-16 without its mark need not be UTF-8
    try:
        text = content.decode(encoding, "surrogateescape" if names and plain else "strict")
    except UnicodeDecodeError as error:
        line = line_of(content[: error.start].decode(encoding, "replace"))
        raise DataError(
            f"{file}, line {line}: byte 0x{content[error.start]:02x} is not text in {encoding.removesuffix('-sig').upper()}: {SAVE}"
        ) from error
    check_nul(file, text)
    return text


def check_nul(file: Path, text: str) -> None:
    """Raises a DataError if a file holds NUL characters; the line is named."""
    before, found, _ = text.partition("\0")
    if found:
        raise DataError(f"{file}, line {line_of(before)}: a NUL character: the file is damaged, or in UTF-16; {SAVE}")


def check_text(text: str, location: str) -> None:
    """Raises a DataError if a text was read from bytes that are not UTF-8; see ``read_lines``.

    Args:
        text: of a cell or a line.
        location: file and line.
    """
    wrong = [ord(each) - 0xDC00 for each in text if 0xDC80 <= ord(each) <= 0xDCFF]
    if wrong:
        raise DataError(f"{location}: byte 0x{wrong[0]:02x} is not text in UTF-8: {SAVE}")


def line_of(before: str) -> int:
    """The number of the line that begins with, or goes on after, a text."""
    return 1 + len(re.findall(r"\r\n|\r|\n", before))


def whole_number(text: str, what: str, location: str) -> int:
    """A number from 0 on that a table or a name says.

    Args:
        text: digits.
        what: the number is, for errors.
        location: file and line, for errors.

    Raises:
        DataError: it is something else, or more than 64 bits hold.

    Example:
        >>> whole_number("007", "camera", "people.csv, line 3")
        7
    """
    check_text(text, location)
    if not (text.isascii() and text.isdecimal()):
        raise DataError(f"{location}: {what} is {text!r}, expected a whole number from 0 on")
    if len(text.lstrip("0")) > LONGEST:
        raise DataError(f"{location}: {what} is {text!r}, expected at most {LONGEST} digits")
    return int(text)
