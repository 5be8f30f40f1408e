"""The HTML of a report: escaped, self-contained, well-formed, accessible."""

import base64
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import jinja2
import pytest
from PIL import Image

from rga.reports.report import Code, Command, Figure, Paragraph, Section, Table, Text, render_report, templates, write_report

VOID = {"meta", "img", "br"}
ATTACK = "<script>alert(1)</script>\"'&"


class Reader(HTMLParser):
    """Reads tags in order, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def page(text: str = "plain", title: str = "A report", width: int = 30) -> str:
    """A page with every kind of part and the same text in each of its values."""
    running: Text = (text, Code(text))
    parts = (
        Paragraph(running),
        Table(("", text), ((text, running), ("RGA-SC", "90 %")), running, strong=1),
        Table((), ((text, running),)),
        Figure.of(Image.new("RGB", (width, 20), "teal"), text, running),
        Command(text, text),
    )
    return render_report(title, running, [Section(text, parts), *(Section(f"{text} {n}", ()) for n in range(3))], running)


def test_every_value_is_escaped() -> None:
    html = page(ATTACK, title=ATTACK)
    reader = read(html)
    assert not reader.named("script")
    assert "<script" not in html
    times = html.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;")
    assert times == html.count("alert(1)")
    assert times > 25
    assert reader.named("img")[0]["alt"] == ATTACK
    assert set(dict(reader.tags)["img"]) == {"src", "width", "height", "alt"}  # no attribute is added by a quote


def test_brackets_in_a_name_are_text() -> None:
    assert "[[a]] {{ b }} {% c %}" in "".join(read(page("[[a]] {{ b }} {% c %}")).text)


def test_running_text_is_escaped_once() -> None:
    html = render_report("t", ("a & ", Code("b < c"), "."), [])
    assert '<p class="lead">a &amp; <code>b &lt; c</code>.</p>' in html


def test_nothing_is_loaded_from_a_server() -> None:
    html = page()
    assert not re.search(r"https?:|//[a-z]|<script|<link|@import|url\(", re.sub(r"base64,[^\"]+", "", html))
    policy = read(html).named("meta")[2]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_images_are_embedded_whole() -> None:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)" width="30" height="20"', page())
    assert found
    assert base64.b64decode(found[1]).startswith(b"\xff\xd8")


def test_a_page_is_accessible() -> None:
    reader = read(page())
    assert reader.named("html") == [{"lang": "en"}]
    assert [tag for tag, _ in reader.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2", "h2", "h2"]
    assert all(image["alt"] for image in reader.named("img"))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert [link["href"] for link in reader.named("a")] == [f"#{each}" for each in ids]
    assert [section["aria-labelledby"] for section in reader.named("section")] == ids
    assert all(head.get("scope") in ("col", "row") for head in reader.named("th"))
    for _, attributes in reader.tags:
        if "tabindex" in attributes:  # what the keyboard scrolls has a name
            assert attributes["role"] == "region"
            assert attributes["aria-label"]


def test_short_reports_have_no_table_of_contents() -> None:
    assert "<nav" not in render_report("t", "", [Section(title, ()) for title in "abc"])


def test_the_strong_row_is_marked() -> None:
    assert re.search(r'<tr class="strong"><th scope="row">RGA-SC</th><td>90 %</td></tr>', page())


@pytest.mark.parametrize(("width", "wide"), [(300, False), (900, True)])
def test_wide_figures_scroll_on_a_phone(width: int, wide: bool) -> None:
    reader = read(page(width=width))
    assert reader.named("figure") == [{"class": "wide" if wide else "small"}]
    assert [each for each in reader.named("div") if (each["class"], each.get("tabindex")) == ("scroll", "0")] == wide * [
        {"class": "scroll", "role": "region", "tabindex": "0", "aria-label": "Figure: plain"}
    ]


def test_both_colour_schemes_are_there() -> None:
    assert "color-scheme: light dark" in page()
    assert "prefers-color-scheme: dark" in page()


def test_the_templates_are_data_of_the_package() -> None:
    folder = files("rga.reports") / "templates"
    scripted = {f"{name}.{ending}" for name in ("explorer", "embedding_map") for ending in ("html", "js")}
    assert {path.name for path in folder.iterdir()} == {"base.html", "parts.html", "report.html", "style.css", *scripted}
    assert (folder / "style.css").read_text() in page()


def test_a_name_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'title' is undefined"):
        templates().get_template("base.html").render()


def test_a_report_is_written(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", "Größe", "", [])
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<h1>Größe</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_wrong_parts() -> None:
    with pytest.raises(ValueError, match="PNG or JPEG"):
        Figure(b"GIF89a", "an image")
    with pytest.raises(ValueError, match="needs a description"):
        Figure.of(Image.new("RGB", (2, 2)), " ")
    with pytest.raises(ValueError, match="equally long"):
        Table(("a", "b"), (("1",),))
    with pytest.raises(ValueError, match="not empty"):
        Table((), ((),))
    with pytest.raises(ValueError, match="has 1 rows, and none of the index strong=1"):
        Table(("a",), (("1",),), strong=1)
