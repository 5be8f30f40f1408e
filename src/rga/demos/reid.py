"""The demo of re-identification.

Generates people, trains a small backbone plain and with RGA-SC on the same batches, evaluates both and a colour histogram on people that
were not trained on, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test set would flatter
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from rga.attachment.costs import cost
from rga.datasets.histogram import histogram_features
from rga.datasets.spec import DataSpec
from rga.demos.demonstration import REPORT, Stopwatch, run
from rga.errors import InputError
from rga.loading import load
from rga.ranking.evaluation import evaluate
from rga.ranking.result import RankingResult
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import demo
from rga.reports.demo_report import HEADS, HISTOGRAM, Method, ReidDemo, columns
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, write_demo
from rga.study.generated import GeneratedData
from rga.synthetic.people.people import GENERATOR, PeopleOptions

TITLE = "Relation-aware attention on generated people"
LEAST = 4
"""Fewest identities."""


def demo_reid(
    output: Path = Path("demo-output"),
    *,
    identities: int = 300,
    images_per_camera: int = 3,
    distractors: int = 200,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generates people, trains a small network plain and with RGA-SC, and writes a report of the results; see ``demonstration.run``.

    Args:
        output: the folder for all of it.
        identities: people to generate; the first half is trained on, the others are looked for.
        images_per_camera: images of a person under each camera that sees it.
        distractors: images in the gallery that show nobody of the test.
        epochs: of each training; 0 for the recipe's.
        seed: of the people and of the trainings.
    """
    if identities < LEAST:
        raise InputError(f"the demo needs at least {LEAST} identities, two to train on and two to look for, got {identities}")
    people = PeopleOptions(
        identities=identities, images_per_camera=images_per_camera, distractors=distractors, junk=distractors // 5, seed=seed
    )

    def report(root: Path, recipes: Mapping[str, ReidRecipe], watch: Stopwatch, console: Console) -> None:
        data = CATALOG.load("market1501", root)
        methods, models = [], {}
        with watch.time("evaluation"):
            methods.append(histogram(data))
            for name, recipe in recipes.items():
                models[name] = load(output / RUNS[name] / "last", ReidModel)
                methods.append(network(name, models[name], data, recipe, watch.of_training[name]))
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        write_demo(output / REPORT, TITLE, ReidDemo(data, people, recipes[ATTENDED], methods, models[ATTENDED], output, seconds))
        table = Table(*HEADS, title="People that were not trained on")
        for method in methods:
            table.add_row(*columns(method))
        console.print(table)

    return run(
        output,
        title=TITLE,
        generated=GeneratedData("people", "people", "market1501", GENERATOR, people),
        epochs=epochs,
        recipes=lambda root: recipes_for(root, seed),
        report=report,
    )


def recipes_for(root: Path, seed: int) -> dict[str, ReidRecipe]:
    """The recipes of the two trainings, which differ in the attention only."""
    spec = DataSpec("market1501", root)
    there = CATALOG.read(spec).counts["train"].identities
    recipes = {name: demo("none" if name == PLAIN else "rga-sc") for name in RUNS}
    return {
        name: recipe.override(data=spec, seed=seed, ids_per_batch=min(recipe.batches.ids_per_batch, there))
        for name, recipe in recipes.items()
    }


def ranked(query: NDArray[np.float32], gallery: NDArray[np.float32], data: ReidData) -> RankingResult:
    """The evaluation of features on a dataset with cameras."""
    sides: list[tuple[Any, Any, Any]] = []
    for features, samples in ((query, data.query), (gallery, data.gallery)):
        cameras = np.array([sample.camera for sample in samples]) if data.has_cameras else None
        sides.append((features, np.array([sample.identity for sample in samples]), cameras))
    return evaluate(*sides[0], *sides[1])


def histogram(data: ReidData) -> Method:
    """The colour histogram, which is not trained."""
    query, gallery = (histogram_features([sample.path for sample in samples]) for samples in (data.query, data.gallery))
    return Method(HISTOGRAM, ranked(query, gallery, data), query, gallery)


def network(name: str, model: ReidModel, data: ReidData, recipe: ReidRecipe, seconds: float) -> Method:
    """A trained network."""
    paths = [sample.path for sample in (*data.query, *data.gallery)]
    features = model.embed(paths, batch_size=recipe.evaluation.eval_batch_size, num_workers=recipe.loader.num_workers)
    query, gallery = features[: len(data.query)], features[len(data.query) :]
    spent = cost(model.backbone, (1, 3, *model.preprocessing.size))
    return Method(name, ranked(query, gallery, data), query, gallery, spent, seconds)
