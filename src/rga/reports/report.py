"""A report as one file of HTML: headings, paragraphs, tables and images, which are embedded; it asks nothing of any server.

Everything that is put in is text and is escaped; ``[[words]]`` in a paragraph marks something to type or a file.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from rga.storage.files import write_atomically

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbf9; --ink: #24262b; --faint: #686d78; --line: #dfe1e6; --panel: #fff; --accent: #b2430c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17181b; --ink: #e4e5e8; --faint: #9a9fa9; --line: #34363c; --panel: #1f2024; --accent: #f0915c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.8rem 0 .5rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
p { max-width: 44rem; margin: .5rem 0; }
.lead { font-size: 1.1rem; }
code { font: .88em ui-monospace, Consolas, monospace; background: var(--panel); border: 1px solid var(--line); border-radius: 4px;
  padding: .06em .35em; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; }
caption { text-align: left; color: var(--faint); font-size: .88rem; padding-bottom: .4rem; }
th, td { padding: .4rem .85rem .4rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--faint); font-weight: 600; font-size: .85rem; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
td.text:first-child { white-space: nowrap; overflow-wrap: normal; color: var(--faint); }
tr.strong td { font-weight: 650; color: var(--accent); }
figure { margin: 1.1rem 0; }
figure img { max-width: 100%; height: auto; display: block; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
figcaption { color: var(--faint); font-size: .9rem; margin-top: .4rem; max-width: 44rem; }
footer { margin-top: 3rem; color: var(--faint); font-size: .88rem; }
"""

CODE = re.compile(r"\[\[(.+?)\]\]")


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        heads: of the columns; none for a table of names and values.
        rows: as long as the heads.
        caption: what it shows.
        strong: index of a row that stands out; None for none.

    Raises:
        ValueError: the rows are not equally long.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    strong: int | None = None

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.rows} | ({len(self.heads)} if self.heads else set())
        if len(lengths) > 1:
            raise ValueError(f"the rows of a table must be equally long, got lengths {sorted(lengths)}")


@dataclass(frozen=True)
class Figure:
    """An encoded image.

    Attributes:
        data: the file's bytes, PNG or JPEG.
        description: for those who cannot see it.
        caption: what to look at.

    Raises:
        ValueError: the bytes are neither PNG nor JPEG.
    """

    data: bytes
    description: str
    caption: str = ""

    def __post_init__(self) -> None:
        _ = self.kind, self.size

    @property
    def kind(self) -> str:
        """The media type."""
        if self.data.startswith(b"\x89PNG"):
            return "image/png"
        if self.data.startswith(b"\xff\xd8"):
            return "image/jpeg"
        raise ValueError(f"an image in a report is PNG or JPEG, got bytes that begin with {self.data[:8]!r}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.size

    @classmethod
    def of(cls, image: Image.Image, description: str, caption: str = "") -> Figure:
        """Encodes an image as JPEG of high quality, which keeps photographs small."""
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=90, subsampling=0)
        return cls(file.getvalue(), description, caption)


Part = str | Table | Figure
"""A paragraph, a table or an image."""


@dataclass(frozen=True)
class Section:
    """A heading and what is under it."""

    title: str
    parts: tuple[Part, ...]


def render_report(title: str, lead: str, sections: Sequence[Section], footer: str = "") -> str:
    """A report as HTML.

    Args:
        title: of the page.
        lead: the first paragraph: what came out.
        sections: in their order.
        footer: the last line.

    Example:
        >>> page = render_report("1 < 2", "", [Section("Why", ("Run [[rga demo]] & look.",))])
        >>> "<h1>1 &lt; 2</h1>" in page, "<p>Run <code>rga demo</code> &amp; look.</p>" in page
        (True, True)
    """
    body = [f"<h1>{escape(title)}</h1>"]
    if lead:
        body.append(f'<p class="lead">{with_code(lead)}</p>')
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += [render(part) for part in section.parts]
    if footer:
        body.append(f"<footer>{with_code(footer)}</footer>")
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>"
    )
    content = "\n".join(body)
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n'


def write_report(path: Path, title: str, lead: str, sections: Sequence[Section], footer: str = "") -> None:
    """Writes a report, atomically; arguments as for ``render_report``."""
    page = render_report(title, lead, sections, footer)
    write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def render(part: Part) -> str:
    """One part as HTML."""
    if isinstance(part, Table):
        return render_table(part)
    if isinstance(part, Figure):
        width, height = part.size
        source = f"data:{part.kind};base64,{base64.b64encode(part.data).decode('ascii')}"
        image = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(part.description)}">'
        caption = f"<figcaption>{with_code(part.caption)}</figcaption>" if part.caption else ""
        return f"<figure>{image}{caption}</figure>"
    return f"<p>{with_code(part)}</p>"


def render_table(table: Table) -> str:
    """A table as HTML; without heads its values are running text."""
    caption = f"<caption>{with_code(table.caption)}</caption>" if table.caption else ""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    lines = []
    for number, row in enumerate(table.rows):
        opening = '<tr class="strong">' if number == table.strong else "<tr>"
        cell = "<td>" if table.heads else '<td class="text">'
        lines.append(opening + "".join(f"{cell}{with_code(value)}</td>" for value in row) + "</tr>")
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return f'<div class="wide"><table>{caption}{head}<tbody>{"".join(lines)}</tbody></table></div>'


def with_code(text: str) -> str:
    """Escaped text, its ``[[...]]`` as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))
