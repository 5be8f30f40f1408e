"""The demo of re-identification.

Generates people, trains a small backbone plain and with RGA-SC on the same batches, evaluates both and a colour histogram on people that
were not trained on, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test set would flatter
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from rga.datasets.histogram import histogram_features
from rga.datasets.spec import DataSpec
from rga.demos.demonstration import REPORT, Stopwatch, as_rich, reported_runs, run
from rga.errors import InputError
from rga.ranking.blocks import row_distances
from rga.ranking.examination import examine
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.embedded import Embedded
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import demo
from rga.reports.demo_report import ReidDemo
from rga.reports.demo_runs import PLAIN, RUNS, write_demo
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
        with watch.time("evaluation"):
            colours = by_colour(data)
            distances = row_distances(colours.query, colours.gallery)
            examined = examine(distances, *colours.labels, files=data.files, metric="cosine")
            runs = reported_runs(output, recipes, data)
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        done = ReidDemo(people, runs, distances, examined, output, seconds)
        write_demo(output / REPORT, TITLE, done)
        console.print(as_rich(done.figures(), "People that were not trained on"))

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


def by_colour(data: ReidData) -> Embedded:
    """Colour histograms, which are not trained, as features."""
    query, gallery = (histogram_features([sample.path for sample in samples]) for samples in (data.query, data.gallery))
    return Embedded.of(query, gallery, data)
