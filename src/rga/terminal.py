"""Consoles that take text for text: names of files and classes are never read as markup, and never an error for a character."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import TextColumn
from rich.table import Column, Table

from rga.printable import printable


class PlainConsole(Console):
    """A console that takes text for text: ``[cat]``, ``:cat:`` and names that are not UTF-8 appear as they are.

    Args:
        stderr: print to standard error.
        quiet: print nothing.
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False) -> None:
        super().__init__(stderr=stderr, quiet=quiet, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Prints as rich does, with characters escaped that are in no encoding."""
        super().print(*(printable(each) if isinstance(each, str) else each for each in objects), **options)

    def sentence(self, text: str) -> None:
        """Prints a sentence that may hold a path: it is not broken into lines, so that it can be copied."""
        self.print(text, soft_wrap=True)


def text_column(form: str = "{task.description}") -> TextColumn:
    """The column of a progress bar with what is done, or with another field, taken for text."""
    return TextColumn(form, markup=False)


def folding_table(*columns: str, title: str | None = None) -> Table:
    """A table whose cells are broken into lines where the terminal is narrow: rich would cut the ends of names off."""
    return Table(*(Column(name, overflow="fold") for name in columns), title=title)
