"""What the screen shows of trainings side by side: a line when one ends, and on a terminal a bar for each that runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn

from rga.study.trainings.job import Job
from rga.study.trainings.side_by_side import Ended, State
from rga.terminal import text_column
from rga.training.run.log import LOG_FILE

TAIL = 8192
"""Bytes of a log in which its last line is."""
EVERY = 1.0
"""Seconds between two looks at the logs."""


class Watch:
    """Counts the trainings that are over, and shows those that run."""

    def __init__(self, console: Console, progress: Progress, total: int, at_once: int) -> None:
        self.console = console
        self.progress = progress
        self.total = total
        self.at_once = at_once
        self.over = 0
        self.finished: list[float] = []
        """Seconds that the finished ones took."""
        self.bars: dict[str, TaskID] = {}
        self.looked = 0.0

    def ended(self, ended: Ended) -> None:
        """Says how a training ended."""
        self.over += 1
        bar = self.bars.pop(ended.job.name, None)
        if bar is not None:
            self.progress.remove_task(bar)
        if ended.state is State.FINISHED:
            self.finished.append(ended.seconds)
        reason = f": {ended.reason}; see {ended.job.folder}" if ended.reason else ""
        left = f"; {self.left()}" if ended.state is State.FINISHED else ""
        self.console.print(
            f"{self.over} of {self.total}: {ended.job.name} {ended.state.value} after {ended.seconds / 60:.1f} min{reason}{left}",
            soft_wrap=True,
        )

    def left(self) -> str:
        """How long the others will take, judged by the finished ones."""
        rounds = -(-(self.total - self.over) // self.at_once)
        minutes = rounds * sum(self.finished) / len(self.finished) / 60
        return f"about {minutes:.0f} min left" if rounds else "that was the last"

    def look(self, running: Sequence[Job]) -> None:
        """Shows how far the running ones are."""
        if self.progress.disable or time.monotonic() - self.looked < EVERY:
            return
        self.looked = time.monotonic()
        for job in running:
            if job.name not in self.bars:
                self.bars[job.name] = self.progress.add_task(job.name, total=job.recipe.optimization.epochs)
            self.progress.update(self.bars[job.name], completed=last_epoch(job.folder))


def last_epoch(folder: Path) -> int:
    """The last epoch in the log of a run; 0 while there is none."""
    path = folder / LOG_FILE
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().split(b"\n")[:-1]
    for line in reversed(lines):
        try:
            return int(json.loads(line).get("epoch", 0))
        except ValueError:  # the first of them may be half a line
            continue
    return 0


@contextmanager
def watching(console: Console, total: int, at_once: int) -> Iterator[Watch]:
    """Shows trainings while the block runs.

    Args:
        console: to print on.
        total: how many there are.
        at_once: how many run side by side.
    """
    columns = (text_column(), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Watch(console, progress, total, at_once)
