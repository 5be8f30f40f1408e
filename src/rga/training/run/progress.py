"""What the screen shows of a training."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rga.training.distributed import processes


def progress_bar() -> Progress:
    """A bar with the steps that are over, on a terminal; of several processes the first shows it.

    Its tasks have a field ``left``, a text: the time that is left.
    """
    console = Console()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    return Progress(*columns, console=console, disable=not (processes.first() and (console.is_terminal or console.is_jupyter)))


def spell_out(values: Mapping[str, float]) -> str:
    """Names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
