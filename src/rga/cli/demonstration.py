"""What all demos do: provide generated data, train a small network plain and with RGA-SC, and time it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress

from rga.cli.outputs import check_output, need_drawing
from rga.cli.train import train
from rga.reports.demo_runs import RUNS
from rga.storage.files import write_atomically
from rga.synthetic.generated import same_origin
from rga.training.outcome import Outcome
from rga.training.run.lock import locked
from rga.training.task_training import ImageRecipe

REPORT = "report.html"

Recipe = TypeVar("Recipe", bound=ImageRecipe)


class Stopwatch:
    """How long each part of the demo took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Times a part."""
        started = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - started

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.started


@dataclass(frozen=True)
class Generated:
    """Data that a demo generates.

    Attributes:
        what: people, streets: in messages, and the folder in the demo's.
        make: (root, options, progress) -> makes them.
        version: of their generator.
        origin: the file that says what a folder of them was made from.
    """

    what: str
    make: Callable[..., Path]
    version: int
    origin: str

    def provide(self, root: Path, options: Any, console: Console) -> Path:
        """Makes the data, or takes those that are there if they are the same.

        Raises:
            FileExistsError: the folder holds something else, or data of other options that no demo made.
        """
        if (root / self.origin).is_file():
            if same_origin(root / self.origin, self.version, options):
                console.print(f"the {self.what} are there already: {root}")
                return root
            check_ours(root)
            console.print(f"{root} holds {self.what} of other options: they are replaced")
            shutil.rmtree(root)
        with Progress(console=console) as progress:
            bar = progress.add_task(self.what, total=None)
            made = self.make(root, options, lambda done, total: progress.update(bar, completed=done, total=total))
        mark(made)
        return made

    def check(self, root: Path, options: Any) -> None:
        """Raises a FileExistsError if ``provide`` would, before anything is done."""
        if not ((root / self.origin).is_file() and same_origin(root / self.origin, self.version, options)):
            check_ours(root)


MARKER = ".made-by-rga-demo"
"""The file in each folder that a demo makes: without it nothing is removed, whatever it looks like."""


def mark(folder: Path) -> None:
    """Marks a folder as a demo's, and makes it if it is not there."""
    note = "rga demo made this folder, and replaces it when it runs again; remove this file to keep the folder\n"
    write_atomically(folder / MARKER, lambda temporary: temporary.write_text(note))


def check_ours(path: Path) -> None:
    """Refuses what no demo made.

    Raises:
        FileExistsError: it is a file, or a folder with something in it and without the marker.
    """
    if not path.exists() or (path / MARKER).is_file() or (path.is_dir() and not any(path.iterdir())):
        return
    raise FileExistsError(
        f"{path} was not made by rga demo, or is to be kept: name another folder with --output, or move it away first; nothing was changed"
    )


@contextmanager
def begun(output: Path, epochs: int, title: str) -> Iterator[None]:
    """Makes the demo's folder, without the runs and the report of an earlier one, and holds it: a second demo there would remove them.

    Args:
        output: the folder.
        epochs: of the trainings; 0 for the recipe's.
        title: of the report.

    Raises:
        FileExistsError: something in the folder is not a demo's.
        ModuleNotFoundError: the report cannot be drawn.
        ValueError: the epochs are negative, or another demo is at work in the folder.
    """
    if epochs < 0:
        raise ValueError(f"epochs must be at least 1, or 0 for the recipe's, got {epochs}")
    need_drawing()
    runs, report = [output / folder for folder in RUNS.values()], output / REPORT
    for run in runs:
        check_ours(run)
    if report.exists() and not (report.is_file() and f"<title>{title}</title>" in report.read_text(errors="replace")):
        raise FileExistsError(
            f"{report} is no report of this demo: name another folder with --output, or move it away; nothing was changed"
        )
    check_output(report)
    with locked(output, "--output"):
        for run in runs:
            if run.exists():
                shutil.rmtree(run)
        report.unlink(missing_ok=True)
        yield


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe with another number of epochs; 0 leaves its own."""
    if not epochs:
        return recipe
    return replace(
        recipe, epochs=epochs, warmup_epochs=min(recipe.warmup_epochs, epochs / 4), evaluate_every=min(recipe.evaluate_every, epochs)
    )


def train_each(recipes: Mapping[str, ImageRecipe], output: Path, watch: Stopwatch, console: Console, kept: str) -> Outcome:
    """Trains one recipe after the other, each in its folder of the demo's, until one is interrupted; what the last one came to.

    Args:
        recipes: name -> recipe.
        output: the demo's folder.
        watch: gets the seconds of each.
        console: to print on.
        kept: what an interrupted demo keeps.
    """
    for number, (name, recipe) in enumerate(recipes.items(), start=2):
        console.rule(f"{number} of {2 + len(recipes)}: training, {name}")
        with watch.time(name):
            mark(output / RUNS[name])
            outcome = train(recipe, output / RUNS[name])
        if outcome.interrupted:
            console.print(f"stopped: run the demo again; it keeps the {kept} and trains anew")
            break
    return outcome
