"""Class tables of segmentation in the forms that people and programs write them, and with mistakes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fuzz.masks import mask_case
from fuzz.names import odd_names
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right
from rga.segmentation.datasets.catalog import CATALOG
from rga.segmentation.datasets.classes import IGNORED, Classes

IGNORED_NAME = "ignored"

MISTAKES = (
    *("no value", "negative", "too large", "fraction", "word", "doubled value", "no name", "bad colour", "more cells", "fewer cells"),
    *("no column value", "no column name", "doubled column", "empty file", "head alone", "zero byte", "cut", "semicolons", "tabs"),
    *("utf-16", "latin-1", "other capitals", "no head", "only ignored", "not text", "comment"),
)
"""What is wrong with a table, or at least unusual."""

STYLES = (
    "plain",
    "bom",
    "crlf",
    "quoted",
    "spaces",
    "other order",
    "more columns",
    "blank lines",
    "no last newline",
    "mac",
    "semicolons",
    "tabs",
    "utf-16",
    "capitals",
)
"""Ways of writing the same table."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    value: int
    name: str
    colour: str


def class_table_case(draw: Draw, folder: Path) -> Outcome:
    """A table as a file of a dataset, or as JSON of a model."""
    rows = draw_rows(draw)
    if draw(st.sampled_from([False, False, True])):
        return stored(draw, rows)
    mistake = draw(st.sampled_from([None] * len(MISTAKES) + list(MISTAKES)))
    style = draw(st.sampled_from(STYLES)) if mistake is None else "plain"
    contents = written(rows, style) if mistake is None else spoilt(rows, mistake, draw)
    values = sorted({row.value for row in rows if row.name != IGNORED_NAME})
    root = write_dataset(folder / "data", contents, values)
    found = attempt(CATALOG.load, "folder", root)
    if isinstance(found, Refused):
        if mistake is None and {row.name for row in rows} - {IGNORED_NAME}:
            must_work(found, f"a class table ({style})")
        return refused("a class table")
    agrees(found.classes, rows, exactly=mistake is None)
    if mistake in ("doubled value", "too large", "fraction", "word", "no name", "bad colour", "only ignored"):
        raise FaultError(f"a class table with a mistake ({mistake}) is taken: {contents!r}")
    if mistake is None and draw(st.booleans()):
        return mask_case(draw, folder, found.classes)
    return right("class table: value by value")


def draw_rows(draw: Draw) -> list[Row]:
    """A table."""
    names = draw(st.lists(st.one_of(st.sampled_from(["road", "sky", "car"]), odd_names()), min_size=1, max_size=5, unique=True))
    if draw(st.booleans()):
        names.append(IGNORED_NAME)
    values = draw(st.lists(st.integers(0, 255), min_size=len(names), max_size=len(names) + 2, unique=True))
    coloured = draw(st.booleans())
    rows = []
    for number, value in enumerate(values):
        colour = f"#{(number * 40 + 9) % 256:02x}{value:02X}07" if coloured else ""
        rows.append(Row(value, names[number % len(names)].strip(), colour))
    return rows


def written(rows: list[Row], style: str) -> bytes:
    """The table in one of the styles."""
    columns = ["name", "colour", "value"] if style == "other order" else ["value", "name", "colour"]
    if style == "more columns":
        columns = ["id", *columns, "note"]
    file = io.StringIO()
    writer = csv.DictWriter(
        file,
        columns,
        delimiter={"semicolons": ";", "tabs": "\t"}.get(style, ","),
        quoting=csv.QUOTE_ALL
        if style in ("quoted", "mac")
        else csv.QUOTE_MINIMAL,  # of minimal ones a \n is not quoted where lines end with \r
        lineterminator={"crlf": "\r\n", "mac": "\r"}.get(style, "\n"),
    )
    writer.writeheader()
    for row in rows:
        cells = {"value": str(row.value), "name": row.name, "colour": row.colour, "id": "1", "note": "x"}
        padded = {name: f"  {text} " if style == "spaces" and not {"\n", '"', ","} & {*text} else text for name, text in cells.items()}
        writer.writerow({name: padded[name] for name in columns})
        if style == "blank lines":
            file.write("\n")
    text = file.getvalue().rstrip("\r\n") if style == "no last newline" else file.getvalue()
    if style == "capitals":
        text = text.replace("value,name,colour", "Value,NAME,Colour", 1)
    return text.encode({"bom": "utf-8-sig", "utf-16": "utf-16"}.get(style, "utf-8"))


def spoilt(rows: list[Row], mistake: str, draw: Draw) -> bytes:
    """The table with a mistake."""
    text = written(rows, "plain").decode()
    lines = text.split("\n")
    cells = {
        "no value": ",road,",
        "negative": "-1,more,",
        "too large": "70000,more,",
        "fraction": "1.5,more,",
        "word": "one,more,",
        "doubled value": f"{rows[0].value},more,",
        "no name": f"{spare(rows)},,",
        "bad colour": f"{spare(rows)},more,red",
        "more cells": f"{spare(rows)},more,#000000,5,6",
        "fewer cells": f"{spare(rows)}",
        "comment": "# the classes",
    }
    if mistake in cells:
        return "\n".join([*lines[:-1], cells[mistake], ""]).encode()
    changed: dict[str, Any] = {
        "no column value": lambda: text.replace("value,", "number,", 1),
        "no column name": lambda: text.replace(",name,", ",title,", 1),
        "doubled column": lambda: "\n".join(f"{line},{'name' if number == 0 else 'other'}" for number, line in enumerate(lines) if line),
        "empty file": lambda: "",
        "head alone": lambda: lines[0],
        "zero byte": lambda: text[: len(text) // 2] + "\0" + text[len(text) // 2 :],
        "cut": lambda: text[: draw(st.integers(0, len(text)))],
        "semicolons": lambda: text.replace(",", ";"),
        "tabs": lambda: text.replace(",", "\t"),
        "other capitals": lambda: text.replace("value,name,colour", "Value,NAME,Color"),
        "no head": lambda: "\n".join(lines[1:]),
        "only ignored": lambda: f"value,name\n{rows[0].value},{IGNORED_NAME}\n",
        "not text": lambda: bytes(range(128, 256)),
        "utf-16": lambda: text.encode("utf-16"),
        "latin-1": lambda: text.replace("\n", " é\n", 2).encode("latin-1", "replace"),
    }
    made = changed[mistake]()
    return made if isinstance(made, bytes) else made.encode()


def spare(rows: list[Row]) -> int:
    """A value that no row has."""
    return next(value for value in range(256) if value not in {row.value for row in rows})


def write_dataset(root: Path, table: bytes, values: list[int]) -> Path:
    """A dataset of two images with masks of the values, and the table."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    pixels = np.resize(np.array(values or [0], np.uint8), (4, 8))
    for name in ("one", "two", "three"):
        Image.new("RGB", (8, 4), (9, 9, len(name))).save(root / "images" / f"{name}.png")
        Image.fromarray(pixels).save(root / "masks" / f"{name}.png")
    (root / "classes.csv").write_bytes(table)
    return root


def agrees(classes: Classes, rows: list[Row], *, exactly: bool, coloured: bool = True) -> None:
    """Compares the classes with the rows that were meant, value by value."""
    meant = {row.value: row.name for row in rows}
    if exactly:
        names = list(dict.fromkeys(row.name for row in rows if row.name != IGNORED_NAME))
        compare(list(classes.names), names, "names of the classes")
        for name, colour in zip(classes.names, classes.colours, strict=True) if coloured else ():
            given = next((row.colour for row in rows if row.name == name and row.colour), "")
            if given:
                compare(tuple(colour), tuple(int(given[at : at + 2], 16) for at in (1, 3, 5)), f"colour of {name!r}")
    for value, name in meant.items():
        if not exactly and (value not in classes.values or "," in name):
            continue  # a row that was cut off, or a comma that became something else
        index = int(classes.decode(np.array([[value]], np.uint8))[0, 0])
        found = IGNORED_NAME if index == IGNORED else classes.names[index]
        if found != name and not (not exactly and name.startswith(found)):
            raise FaultError(f"value {value} stands for {found!r}, not for {name!r}")
    if exactly:
        strange = {*classes.values} - {*meant} - {IGNORED}
        compare(strange, set(), "values that nobody named")


def stored(draw: Draw, rows: list[Row]) -> Outcome:
    """Classes as a model keeps them: as JSON, whole or changed."""
    names = list(dict.fromkeys(row.name for row in rows if row.name != IGNORED_NAME))
    if not names:
        names = ["road"]
        rows = [*rows, Row(spare(rows), "road", "")]
    values = {str(row.value): names.index(row.name) if row.name in names else IGNORED for row in rows}
    whole: dict[str, Any] = {"names": names, "colours": [[7, index, 200] for index in range(len(names))], "values": values}
    change = draw(st.sampled_from([None, None, None, "drop", "kind", "inside"]))
    contents: Any = json.loads(json.dumps(whole))
    if change == "drop":
        del contents[draw(st.sampled_from(sorted(contents)))]
    elif change == "kind":
        contents[draw(st.sampled_from(sorted(contents)))] = draw(
            st.sampled_from([None, 3, "road", [], {}, [[]], [None], {"a": 1}, {"1": "x"}])
        )
    elif change == "inside":
        wrong = {"names": ["", "road", "road"], "colours": [[1, 2]] * len(names), "values": {"-1": 0, "300": 9, "1.5": 0}}
        name = draw(st.sampled_from(sorted(wrong)))
        contents[name] = wrong[name]
    found = attempt(Classes.from_dict, contents)
    if isinstance(found, Refused):
        if change is None:
            must_work(found, "classes as they were stored")
        return refused("classes from JSON")
    if change == "inside" or (change == "kind" and contents != whole):
        plain = Classes.from_dict(found.to_dict())
        compare(plain.to_dict(), found.to_dict(), "classes stored again")
        return right("classes from JSON: stored again")
    agrees(found, rows, exactly=change is None, coloured=False)
    compare(Classes.from_dict(json.loads(json.dumps(found.to_dict()))).to_dict(), found.to_dict(), "classes stored again")
    labels = np.arange(len(found), dtype=np.uint8)[None]
    compare(found.decode(found.encode(labels)).tolist(), labels.tolist(), "encoded and decoded")
    return right("classes from JSON: value by value")
