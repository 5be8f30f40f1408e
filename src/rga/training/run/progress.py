"""What the screen shows of a training."""

from __future__ import annotations

from collections.abc import Mapping

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

from rga.terminal import PlainConsole, text_column
from rga.training.distributed import processes


def progress_bar() -> Progress:
    """A bar with the steps that are over, on a terminal; of several processes the first shows it.

    Its tasks have a field ``left``, a text: the time that is left.
    """
    console = PlainConsole()
    columns = (
        SpinnerColumn(),
        text_column(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        text_column("{task.fields[left]}"),
    )
    return Progress(*columns, console=console, disable=not (processes.first() and (console.is_terminal or console.is_jupyter)))


def spell_out(values: Mapping[str, float]) -> str:
    """Names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
