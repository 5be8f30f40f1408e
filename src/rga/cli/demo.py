"""``make demo``: the whole way from nothing to a report, on two cores and without a download.

Generates people, trains a small trunk plain and with RGA-SC on the same batches, evaluates both and a colour histogram on people that no
training saw, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test set would flatter them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as ConsoleTable

from rga.attachment.costs import cost
from rga.cli.demonstration import REPORT, Generated, Stopwatch, begun, for_epochs, train_each
from rga.datasets.histogram import histogram_features
from rga.loading import load
from rga.ranking.evaluation import evaluate
from rga.ranking.result import RankingResult
from rga.reid.datasets.catalog import load_data
from rga.reid.datasets.samples import ReidData
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import reid_demo
from rga.reports.demo_report import HEADS, HISTOGRAM, Method, ReidDemo, columns
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, write_demo
from rga.synthetic.people.people import ORIGIN, VERSION, PeopleOptions, make_people

PEOPLE = "people"
TITLE = "Relation-aware attention on generated people"
LEAST = 4
"""Fewest identities."""
GENERATED = Generated(PEOPLE, make_people, VERSION, ORIGIN)


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

    The folder may be an earlier demo's: its people are taken again if they are the same, its runs and its report are replaced. What no demo
    made is never removed.

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
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: there are too few identities, or the epochs are negative.
    """
    console = Console()
    watch = Stopwatch()
    people = PeopleOptions(
        identities=identities, images_per_camera=images_per_camera, distractors=distractors, junk=distractors // 5, seed=seed
    )
    if identities < LEAST:
        raise ValueError(f"the demo needs at least {LEAST} identities, two to train on and two to look for, got {identities}")
    GENERATED.check(output / PEOPLE, people)
    with begun(output, epochs, TITLE):
        console.rule("1 of 4: people")
        with watch.time("people"):
            root = GENERATED.provide(output / PEOPLE, people, console)
            data = load_data("market1501", root)

        recipes = {name: demo_recipe(name, root, data, epochs, seed) for name in RUNS}
        outcome = train_each(recipes, output, watch, console, kept=PEOPLE)
        if outcome.interrupted:
            return outcome.exit_code

        console.rule("4 of 4: evaluation and report")
        with watch.time("evaluation"):
            methods = [histogram(data)]
            models = {}
            for name, recipe in recipes.items():
                models[name] = load(output / RUNS[name] / "last", ReidModel)
                methods.append(network(name, models[name], data, recipe, watch.seconds[name]))
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        write_demo(output / REPORT, TITLE, ReidDemo(data, people, recipes[ATTENDED], methods, models[ATTENDED], output, seconds))
        show(console, methods)
        console.print(f"done in {watch.total / 60:.1f} minutes; look at [bold]{output / REPORT}[/bold]")
        return 0


def demo_recipe(name: str, root: Path, data: ReidData, epochs: int, seed: int) -> ReidRecipe:
    """The recipe of one of the two trainings: they differ in the attention alone."""
    recipe = reid_demo("none" if name == PLAIN else "rga-sc")
    there = data.counts["train"].identities
    return for_epochs(replace(recipe, root=root, seed=seed, identities=min(recipe.identities, there)), epochs)


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
        table.add_row(*columns(method))
    console.print(table)
