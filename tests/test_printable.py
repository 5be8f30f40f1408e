"""Text for terminals."""

import io
import sys

import pytest
from rich.progress import Progress
from rich.table import Table

from rga.printable import never_failing, printable
from rga.terminal import PlainConsole, folding_table, text_column


def test_what_cannot_be_printed_is_escaped() -> None:
    assert printable("größe 猫 [cat]\n\tx") == "größe 猫 [cat]\n\tx"
    assert printable("a\x1b[31mb\r\udcff\ud800") == r"a\x1b[31mb\r\xff\ud800"


def test_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console = PlainConsole()
    text = "[cat] [bold]x[/bold] [/] :cat: [link=a]"
    console.print(text)
    console.sentence(text)
    console.rule(text)
    table = Table(text, title=text)
    table.add_row(text)
    console.print(table)
    assert capsys.readouterr().out.count(text) == 6


def test_progress_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(text_column(), console=PlainConsole()) as progress:
        progress.add_task("[cat] [/]")
    assert "[cat] [/]" in capsys.readouterr().out


def test_tables_cut_no_names_off(capsys: pytest.CaptureFixture[str]) -> None:
    table = folding_table("image")
    table.add_row("x" * 500)
    PlainConsole().print(table)
    assert capsys.readouterr().out.count("x") == 500


def test_output_in_a_narrow_encoding_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    with never_failing():
        print("größe")
    assert stream.errors == "strict"
    stream.flush()
    assert stream.buffer.getvalue() == b"gr\\xf6\\xdfe\n"
