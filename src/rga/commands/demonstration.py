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

from rga.commands.run_record import RECIPE_FILE
from rga.commands.train import train
from rga.data.generated import same_origin
from rga.engine.outcome import Outcome
from rga.trunks.training import PictureRecipe

PLAIN, ATTENDED = "plain", "RGA-SC"
RUNS = {PLAIN: "plain", ATTENDED: "rga-sc"}
"""What is trained, and its folder in the demo's."""

REPORT = "report.html"

Recipe = TypeVar("Recipe", bound=PictureRecipe)


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
        what: people, scenes: in messages, and the folder in the demo's.
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
            FileExistsError: the folder holds something else.
        """
        if (root / self.origin).is_file():
            if same_origin(root / self.origin, self.version, options):
                console.print(f"the {self.what} are there already: {root}")
                return root
            console.print(f"{root} holds {self.what} of other options: they are replaced")
            shutil.rmtree(root)
        with Progress(console=console) as progress:
            bar = progress.add_task(self.what, total=None)
            return self.make(root, options, lambda done, total: progress.update(bar, completed=done, total=total))


def begin(output: Path, epochs: int) -> None:
    """Makes the demo's folder, without the runs and the report of an earlier one.

    Raises:
        FileExistsError: something in the folder is not a demo's.
        ValueError: the epochs are negative.
    """
    if epochs < 0:
        raise ValueError(f"epochs must be at least 1, or 0 for the recipe's, got {epochs}")
    output.mkdir(parents=True, exist_ok=True)
    for folder in RUNS.values():
        remove_run(output / folder)
    (output / REPORT).unlink(missing_ok=True)


def remove_run(folder: Path) -> None:
    """Removes an earlier demo's run, and nothing else.

    Raises:
        FileExistsError: the folder is no run.
    """
    if not folder.exists():
        return
    if not (folder / RECIPE_FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not a run of an earlier demo: name another folder with --output, or move it away first")
    shutil.rmtree(folder)


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe with another number of epochs; 0 leaves its own."""
    if not epochs:
        return recipe
    return replace(recipe, epochs=epochs, warmup=min(recipe.warmup, epochs / 4), evaluate_every=min(recipe.evaluate_every, epochs))


def train_each(recipes: Mapping[str, PictureRecipe], output: Path, watch: Stopwatch, console: Console, kept: str) -> Outcome:
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
            outcome = train(recipe, output / RUNS[name])
        if outcome.interrupted:
            console.print(f"stopped: run the demo again; it keeps the {kept} and trains anew")
            break
    return outcome


def spread(count: int, chosen: int, shift: float = 0.5) -> list[int]:
    """So many places, spread evenly over ``count``: a choice that nobody made.

    Example:
        >>> spread(100, 4)
        [12, 37, 62, 87]
    """
    chosen = min(count, chosen)
    return [int((number + shift) * count / chosen) for number in range(chosen)]
