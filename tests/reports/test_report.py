"""The report's HTML: escaped, self-contained, well-formed."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from rga.reports.report import Figure, Section, Table, render_report, write_report

VOID = {"meta", "img", "br"}


class Nesting(HTMLParser):
    """Checks that what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page() -> str:
    image = Figure.of(Image.new("RGB", (30, 20), "teal"), 'a "teal" <field>', "so [[teal]]")
    table = Table(("", "R1"), (("plain", "50 %"), ("RGA <SC>", "90 %")), "how <good>", strong=1)
    return render_report("a < b", "lead & all", [Section("One & two", ("see [[rga <x>]]", table, image))], "end")


def test_nothing_is_left_unescaped_and_tags_are_closed() -> None:
    html = page()
    parser = Nesting()
    parser.feed(html)
    assert parser.open == []
    for text in ("a &lt; b", "lead &amp; all", "<code>rga &lt;x&gt;</code>", "RGA &lt;SC&gt;", "how &lt;good&gt;", "&quot;teal&quot;"):
        assert text in html


def test_it_asks_nothing_of_any_server() -> None:
    html = page()
    assert not re.search(r"https?:|//[a-z]|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))


def test_images_are_embedded_whole() -> None:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)" width="30" height="20"', page())
    assert found
    assert base64.b64decode(found[1]).startswith(b"\xff\xd8")


def test_both_colour_schemes_are_there() -> None:
    assert "color-scheme: light dark" in page()
    assert "prefers-color-scheme: dark" in page()


def test_it_is_written(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", "t", "", [])
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_wrong_parts() -> None:
    with pytest.raises(ValueError, match="PNG or JPEG"):
        Figure(b"GIF89a", "an image")
    with pytest.raises(ValueError, match="equally long"):
        Table(("a", "b"), (("1",),))
