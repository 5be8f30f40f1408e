"""The bar of what takes long: on standard error, on a terminal alone, and gone at the end."""

import io
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from rga.cli import progress as module


class Bars(Progress):
    """Keeps what it was made with, and what it was told."""

    made: list[dict[str, Any]]
    told: list[dict[str, Any]]

    def __init__(self, *columns: Any, **options: Any) -> None:
        self.made.append(options)
        super().__init__(*columns, **options)

    def update(self, *given: Any, **values: Any) -> None:
        self.told.append(values)
        super().update(*given, **values)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    asked: list[dict[str, Any]] = []
    Bars.made, Bars.told = [], []

    def made(**options: Any) -> Console:
        asked.append(options)
        return console

    monkeypatch.setattr(module, "PlainConsole", made)
    monkeypatch.setattr(module, "Progress", Bars)
    with module.progress("embedding") as bar:
        bar(3, 8)
    assert asked == [{"stderr": True}]
    assert {name: Bars.made[0][name] for name in ("transient", "redirect_stdout", "disable")} == {
        "transient": True,
        "redirect_stdout": False,
        "disable": not terminal,
    }
    assert Bars.made[0]["console"] is console
    assert Bars.told == [{"completed": 3, "total": 8}]
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert ("embedding" in shown) is terminal
    assert ("3/8" in shown) is terminal
