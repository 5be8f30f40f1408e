"""Progress with an estimate, for everything that takes more than a moment; it goes to standard error, so that results can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from rga.terminal import PlainConsole, text_column


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar while the block runs, if standard error is a terminal.

    Args:
        what: the work, such as "embedding".

    Yields:
        A function that is told how many are done, and of how many.
    """
    columns = (text_column(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    console = PlainConsole(stderr=True)
    shown = console.is_terminal or console.is_jupyter
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not shown) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
