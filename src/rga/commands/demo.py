"""``make demo``: the whole way from nothing to a report, on two cores and without a download.

Generates people, trains a small trunk plain and with RGA-SC on the same batches, evaluates both and a colour histogram on people that no
training saw, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test set would flatter them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as ConsoleTable

from rga.commands.demo_report import (
    ATTENDED,
    HEADS,
    HISTOGRAM,
    PLAIN,
    RUNS,
    Method,
    compose,
    draw,
    figures,
    footer,
    summary,
)
from rga.commands.train import RECIPE_FILE, train
from rga.costs import cost
from rga.data.histogram import histogram_features
from rga.data.people import VERSION, PeopleOptions, make_people
from rga.explain.report import write_report
from rga.loading import load
from rga.recipes.reid import reid_demo
from rga.reid.model import ReidModel
from rga.reid.ranking import evaluate
from rga.reid.recipe import ReidRecipe
from rga.reid.result import RankingResult
from rga.reid.samples import ReidData
from rga.reid.sources.catalog import load_data

PEOPLE = "people"
REPORT = "report.html"


class Stopwatch:
    """How long each part of the demo took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Times a part."""
        started = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - started


def demo(
    output: Path = Path("demo-output"),
    *,
    identities: int = 300,
    images_per_camera: int = 3,
    distractors: int = 200,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generates people, trains a small network plain and with RGA-SC, and writes a report with what came out.

    The folder may be an earlier demo's: its people are taken again if they are the same, its runs and its report are replaced.

    Args:
        output: the folder for all of it.
        identities: people to generate; the first half is trained on, the others are looked for.
        images_per_camera: pictures of a person under each camera that sees it.
        distractors: pictures in the gallery that show nobody of the test.
        epochs: of each training; 0 for the recipe's.
        seed: of the people and of the trainings.

    Returns:
        Exit code: 0, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        FileExistsError: something in the folder is not a demo's.
    """
    console = Console()
    watch = Stopwatch()
    started = time.perf_counter()
    people = PeopleOptions(
        identities=identities, images_per_camera=images_per_camera, distractors=distractors, junk=distractors // 5, seed=seed
    )
    output.mkdir(parents=True, exist_ok=True)
    for folder in RUNS.values():
        remove_run(output / folder)
    (output / REPORT).unlink(missing_ok=True)

    console.rule("1 of 4: people")
    with watch.time("people"):
        root = provide_people(output / PEOPLE, people, console)
        data = load_data("market1501", root)

    recipes = {name: demo_recipe(name, root, data, epochs, seed) for name in RUNS}
    for number, (name, recipe) in enumerate(recipes.items(), start=2):
        console.rule(f"{number} of 4: training, {name}")
        with watch.time(name):
            outcome = train(recipe, output / RUNS[name])
        if outcome.interrupted:
            console.print("stopped: run the demo again; it keeps the people and trains anew")
            return outcome.exit_code

    console.rule("4 of 4: evaluation and report")
    with watch.time("evaluation"):
        methods = [histogram(data)]
        models = {}
        for name, recipe in recipes.items():
            models[name] = load(output / RUNS[name] / "last", ReidModel)
            methods.append(network(name, models[name], data, recipe, watch.seconds[name]))
    runs = {name: output / folder for name, folder in RUNS.items()}
    with watch.time("report"):
        pictures = draw(data, methods, runs, models[ATTENDED])
    total = time.perf_counter() - started
    sections = compose(data, people, recipes[ATTENDED], methods, pictures, seconds={**watch.seconds, "in all": total})
    write_report(output / REPORT, "Relation-aware attention on generated people", summary(methods, data), sections, footer())
    show(console, methods)
    console.print(f"done in {total / 60:.1f} minutes; look at [bold]{output / REPORT}[/bold]")
    return 0


def demo_recipe(name: str, root: Path, data: ReidData, epochs: int, seed: int) -> ReidRecipe:
    """The recipe of one of the two trainings: they differ in the attention alone."""
    recipe = reid_demo("none" if name == PLAIN else "rga-sc")
    there = data.counts["train"].identities
    recipe = replace(recipe, root=root, seed=seed, identities=min(recipe.identities, there))
    if not epochs:
        return recipe
    return replace(recipe, epochs=epochs, warmup=min(recipe.warmup, epochs / 4), evaluate_every=min(recipe.evaluate_every, epochs))


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


def provide_people(root: Path, options: PeopleOptions, console: Console) -> Path:
    """Renders the people, or takes those that are there if they are the same.

    Raises:
        FileExistsError: the folder holds something else.
    """
    about = root / "people.json"
    if about.is_file():
        found = json.loads(about.read_text())
        if (found.get("version"), found.get("options")) == (VERSION, asdict(options)):
            console.print(f"the people are there already: {root}")
            return root
        console.print(f"{root} holds people of other options: they are replaced")
        shutil.rmtree(root)
    with Progress(console=console) as progress:
        bar = progress.add_task("rendering", total=None)
        return make_people(root, options, lambda done, total: progress.update(bar, completed=done, total=total))


def ranked(query: NDArray[np.float32], gallery: NDArray[np.float32], data: ReidData) -> RankingResult:
    """The evaluation of features on a data set with cameras."""
    sides = []
    for features, samples in ((query, data.query), (gallery, data.gallery)):
        cameras = [sample.camera for sample in samples] if data.has_cameras else None
        sides.append((features, np.array([sample.identity for sample in samples]), None if cameras is None else np.array(cameras)))
    return evaluate(*sides[0], *sides[1])


def histogram(data: ReidData) -> Method:
    """The colour histogram, which is not trained."""
    query, gallery = (histogram_features([sample.path for sample in samples]) for samples in (data.query, data.gallery))
    return Method(HISTOGRAM, ranked(query, gallery, data), query, gallery)


def network(name: str, model: ReidModel, data: ReidData, recipe: ReidRecipe, seconds: float) -> Method:
    """A trained network."""
    samples = [*data.query, *data.gallery]
    features = model.embed([sample.path for sample in samples], batch_size=recipe.test_batch, workers=recipe.workers)
    query, gallery = features[: len(data.query)], features[len(data.query) :]
    spent = cost(model.trunk, (1, 3, *model.preprocessing.size))
    return Method(name, ranked(query, gallery, data), query, gallery, spent, seconds)


def show(console: Console, methods: Sequence[Method]) -> None:
    """Prints the results."""
    table = ConsoleTable(*HEADS, title="People that no training saw")
    for method in methods:
        table.add_row(*figures(method))
    console.print(table)
