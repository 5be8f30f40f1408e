"""What all demos do: provide generated data, train a small network plain and with RGA-SC, and time it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from rga.chosen_data import ChosenData
from rga.cores import cores
from rga.errors import ExistingFileError, InputError, RgaError
from rga.loading import load
from rga.reports.demo_runs import RUNS
from rga.reports.report import Table
from rga.reports.reported_run import ReportedRun
from rga.run_reports import Measure, reported
from rga.storage.files import write_atomically
from rga.storage.outputs import check_drawing, check_output
from rga.study.generated import GeneratedData, generate
from rga.study.trainings.job import OUTPUT, Job
from rga.study.trainings.progress import watching
from rga.study.trainings.side_by_side import State, run_jobs
from rga.terminal import PlainConsole, folding_table
from rga.training.recipe import Recipe
from rga.training.run.lock import locked
from rga.training.run.record import read_run

REPORT = "report.html"

EVALUATED_AT_ONCE = 64
"""Images."""

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


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


def provide(data: GeneratedData, root: Path, console: Console) -> Path:
    """Makes the data of a demo, or takes those that are there if they are the same.

    Raises:
        ExistingFileError: the folder holds something else, or data of other options that no demo made.
    """
    if data.is_there(root):
        console.print(f"the {data.what} are there already: {root}")
        return root
    check_ours(root)
    if (root / data.generator.origin).is_file():
        console.print(f"{root} holds {data.what} of other options: they are replaced")
        shutil.rmtree(root)
    generate(data, root, console)
    mark(root)
    return root


MARKER = ".made-by-rga-demo"
"""The file in each folder that a demo makes: without it nothing is removed, whatever it looks like."""


def mark(folder: Path) -> None:
    """Marks a folder as a demo's, and makes it if it is not there."""
    note = "rga demo made this folder, and replaces it when it runs again; remove this file to keep the folder\n"
    write_atomically(folder / MARKER, lambda temporary: temporary.write_text(note, encoding="utf-8"))


def check_ours(path: Path) -> None:
    """Refuses what no demo made.

    Raises:
        ExistingFileError: it is a file, or a folder with something in it and without the marker.
    """
    if not path.exists() or (path / MARKER).is_file() or (path.is_dir() and not any(path.iterdir())):
        return
    raise ExistingFileError(
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
        ExistingFileError: something in the folder is not a demo's.
        MissingPackageError: the report cannot be drawn.
        InputError: the epochs are negative, or another demo is at work in the folder.
    """
    if epochs < 0:
        raise InputError(f"epochs must be at least 1, or 0 for the recipe's, got {epochs}")
    check_drawing()
    runs, report = [output / folder for folder in RUNS.values()], output / REPORT
    for run in runs:
        check_ours(run)
    if report.exists() and not (report.is_file() and f"<title>{title}</title>" in report.read_text(encoding="utf-8", errors="replace")):
        raise ExistingFileError(
            f"{report} is no report of this demo: name another folder with --output, or move it away; nothing was changed"
        )
    check_output(report)
    with locked(output, "--output"):
        for run in runs:
            if run.exists():
                shutil.rmtree(run)
        report.unlink(missing_ok=True)
        yield


def for_epochs(recipe: AnyRecipe, epochs: int) -> AnyRecipe:
    """A recipe with another number of epochs; 0 leaves its own."""
    if not epochs:
        return recipe
    warmup, every = recipe.optimization.warmup_epochs, recipe.loop.evaluate_every
    return recipe.override(epochs=epochs, warmup_epochs=min(warmup, epochs / 4), evaluate_every=min(every, epochs))


def train_side_by_side(recipes: Mapping[str, Recipe], output: Path, watch: Stopwatch, console: Console, kept: str) -> int:
    """Trains by all recipes at once, in folders of the demo's; the exit code, as shells have it.

    Args:
        recipes: name -> recipe.
        output: the demo's folder.
        watch: gets the seconds of both.
        console: to print on.
        kept: what an interrupted demo keeps.

    Raises:
        TrainingFailedError: a training failed; what it said last is named.
    """
    jobs = [Job(name, recipe, output / RUNS[name]) for name, recipe in recipes.items()]
    for job in jobs:
        mark(job.folder)
    with watch.time("training, side by side"), watching(console, len(jobs), len(jobs)) as shown:
        together = run_jobs(jobs, min(len(jobs), cores()), on_end=shown.ended, on_look=shown.look)
    for failed in together.of(State.FAILED):
        raise TrainingFailedError(f"the training {failed.job.name} failed: {failed.reason}; see {failed.job.folder / OUTPUT}")
    if together.signal:
        console.print(f"stopped: run the demo again; it keeps the {kept} and trains anew")
    return together.exit_code


class TrainingFailedError(RgaError):
    """A training of a demo failed."""


def run(
    output: Path,
    *,
    title: str,
    generated: GeneratedData,
    epochs: int,
    recipes: Callable[[Path], Mapping[str, AnyRecipe]],
    report: Callable[[Path, Mapping[str, AnyRecipe], Stopwatch, Console], None],
) -> int:
    """A whole demo.

    The folder may be an earlier demo's: its data are used again if they are the same, its runs and its report are replaced. What no demo
    made is never removed.

    Args:
        output: the folder for all of it.
        title: of the report.
        generated: the data.
        epochs: of each training; 0 for the recipe's.
        recipes: (folder of the data) -> what is trained, by name.
        report: (folder of the data, recipes, times, console) evaluates the runs and writes the report.

    Returns:
        Exit code: 0, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        ExistingFileError: something in the folder is not a demo's.
        MissingPackageError: matplotlib is not installed.
        InputError: an option is out of its range, or another demo is at work in the folder.
        TrainingFailedError: a training failed.
    """
    console, watch = PlainConsole(), Stopwatch()
    data = output / generated.name
    if not generated.is_there(data):
        check_ours(data)
    with begun(output, epochs, title):
        console.rule(f"1 of 3: {generated.what}")
        with watch.time(generated.what):
            provide(generated, data, console)
        chosen = {name: for_epochs(recipe, epochs).override(threads=1, num_workers=0) for name, recipe in recipes(data).items()}
        console.rule(f"2 of 3: training, {' and '.join(chosen)} side by side")
        if code := train_side_by_side(chosen, output, watch, console, kept=generated.what):
            return code
        console.rule("3 of 3: evaluation and report")
        report(data, chosen, watch, console)
        console.print(f"done in {watch.total / 60:.1f} minutes; look at {output / REPORT}")
        return 0


def reported_runs(output: Path, recipes: Mapping[str, Recipe], data: Any) -> list[ReportedRun]:
    """Evaluates the last models of a demo's runs.

    Args:
        output: the demo's folder.
        recipes: name -> recipe.
        data: that they are evaluated on.
    """
    found = []
    for name, recipe in recipes.items():
        folder = output / RUNS[name]
        measure = Measure(EVALUATED_AT_ONCE, recipe.loader.num_workers, None, named=False)
        chosen = ChosenData(data, (str(recipe.data),))
        found.append(reported(name, folder, read_run(folder), load(folder / "last"), chosen, measure))
    return found


def as_rich(table: Table, title: str) -> RichTable:
    """A report's table of plain text, narrow enough for a terminal of 80 columns."""
    shown = folding_table(*table.heads, title=title)
    shown.box, shown.pad_edge, shown.collapse_padding = SIMPLE_HEAD, False, True
    for row in table.rows:
        shown.add_row(*map(str, row))
    return shown
