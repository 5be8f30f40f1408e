"""A report: one HTML file with headings, paragraphs, tables, figures and commands, which loads nothing from any server.

This file holds the values that a report consists of. The markup is in ``templates/``: ``base.html`` is the only page skeleton,
``style.css`` the only style sheet, and ``parts.html`` draws each part. Jinja2 escapes every value, so a file name or a class name is always
text. The page's content security policy forbids scripts and all loading on top of that.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from rga.errors import InputError
from rga.printable import printable
from rga.storage.files import write_atomically

WIDE = 700
"""Figures of more pixels across keep a readable width on a phone, where the reader scrolls them."""


@dataclass(frozen=True)
class Code:
    """Something to type, or a value that a program wrote, within running text."""

    text: str


@dataclass(frozen=True)
class Link:
    """A link to a file beside the report, within running text."""

    text: str
    file: str


Text = str | tuple[str | Code | Link, ...]
"""Running text: a string, or pieces of it with code and links between."""


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: Text
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Command:
    """A command line to copy.

    Attributes:
        purpose: what the command does, in a sentence.
        line: the command.
    """

    purpose: str
    line: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True)
class Table:
    """Rows of text, each headed by its first value.

    Attributes:
        heads: headings of the columns; empty for a table of names and facts, whose facts are running text.
        rows: each as long as the heads.
        caption: what the table shows.
        strong: index of a row that stands out; None for none.

    Raises:
        InputError: the rows are not equally long, a row is empty, or ``strong`` is the index of no row.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    caption: Text = ""
    strong: int | None = None
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.rows} | ({len(self.heads)} if self.heads else set())
        if len(lengths) > 1 or 0 in lengths:
            raise InputError(f"the rows of a table must be equally long and not empty, got lengths {sorted(lengths)}")
        if self.strong is not None and not 0 <= self.strong < len(self.rows):
            raise InputError(f"the table has {len(self.rows)} rows, and none of the index strong={self.strong}")


@dataclass(frozen=True)
class Figure:
    """An encoded image with its caption.

    Attributes:
        data: the bytes of the file, PNG or JPEG.
        description: what the image shows, for readers who cannot see it.
        caption: what to look at.

    Raises:
        InputError: the bytes are neither PNG nor JPEG, or the description is empty.
    """

    data: bytes
    description: str
    caption: Text = ""
    kind: ClassVar[str] = "figure"

    def __post_init__(self) -> None:
        if not self.description.strip():
            raise InputError("a figure needs a description for readers who cannot see it, got an empty one")
        _ = self.media_type, self.size

    @property
    def media_type(self) -> str:
        """``image/png`` or ``image/jpeg``."""
        if self.data.startswith(b"\x89PNG"):
            return "image/png"
        if self.data.startswith(b"\xff\xd8"):
            return "image/jpeg"
        raise InputError(f"a figure in a report is PNG or JPEG, got bytes that begin with {self.data[:8]!r}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.size

    @property
    def wide(self) -> bool:
        """Whether the figure is too wide to be shrunk to a phone's screen."""
        return self.size[0] > WIDE

    @property
    def address(self) -> str:
        """The image as a data URI, so that the page needs no other file."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"

    @classmethod
    def of(cls, image: Image.Image, description: str, caption: Text = "") -> Figure:
        """Encodes an image as JPEG of high quality, which keeps photographs small."""
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=90, subsampling=0)
        return cls(file.getvalue(), description, caption)


Part = Paragraph | Table | Figure | Command


@dataclass(frozen=True)
class Section:
    """A heading and the parts below it."""

    title: str
    parts: tuple[Part, ...]


@cache
def templates() -> Environment:
    """The templates of this package. All values are escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader("rga.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )


def render_report(title: str, lead: Text, sections: Sequence[Section], footer: Text = "") -> str:
    """Renders a report as HTML.

    Args:
        title: of the page.
        lead: the first paragraph, with the main result; empty for none.
        sections: in their order.
        footer: the last line; empty for none.

    Returns:
        The page.

    Example:
        >>> page = render_report("1 < 2", "", [Section("Why", (Paragraph(("Run ", Code("rga demo"), " & look.")),))])
        >>> "<h1>1 &lt; 2</h1>" in page, "<p>Run <code>rga demo</code> &amp; look.</p>" in page
        (True, True)
    """
    return templates().get_template("report.html").render(title=title, lead=lead, sections=sections, footer=footer)


def write_figures(folder: Path, sections: Sequence[Section]) -> list[Path]:
    """Writes the figures of a report as files, numbered in their order and named by their sections.

    Args:
        folder: for the files; it is made where it is not there.
        sections: of the report.

    Returns:
        The files.

    Raises:
        OSError: one cannot be written.
    """
    figures = [(section.title, part) for section in sections for part in section.parts if isinstance(part, Figure)]
    files = [
        folder / f"{number:02}-{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')}.{figure.media_type.removeprefix('image/')}"
        for number, (title, figure) in enumerate(figures, start=1)
    ]
    for file, (_, figure) in zip(files, figures, strict=True):
        data = figure.data
        write_atomically(file, lambda temporary, data=data: temporary.write_bytes(data))  # type: ignore[misc]
    return files


def write_report(path: Path, title: str, lead: Text, sections: Sequence[Section], footer: Text = "") -> None:
    """Writes a report atomically; arguments as for ``render_report``.

    Raises:
        OSError: the file cannot be written.
    """
    page = render_report(title, lead, sections, footer)
    write_atomically(path, lambda temporary: temporary.write_text(printable(page), encoding="utf-8"))
