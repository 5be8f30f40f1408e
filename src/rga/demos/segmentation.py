"""The demo of segmentation.

Generates street scenes, trains a small network plain and with RGA-SC on the same batches, evaluates both on images that were not trained
on, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test images would flatter them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rga.attachment.costs import cost
from rga.datasets.spec import DataSpec
from rga.demos.demonstration import REPORT, Stopwatch, run
from rga.errors import InputError
from rga.loading import load
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, write_demo
from rga.reports.demo_segmentation_report import HEADS, Method, SegmentationDemo, columns
from rga.segmentation.datasets.catalog import CATALOG
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.recipes import demo
from rga.study.generated import GeneratedData
from rga.synthetic.streets.streets import GENERATOR, StreetOptions

TITLE = "Relation-aware attention on generated streets"


def demo_segmentation(
    output: Path = Path("demo-output/segmentation"), *, train_images: int = 160, test_images: int = 40, epochs: int = 0, seed: int = 0
) -> int:
    """Generates street scenes, trains a small network plain and with RGA-SC, and writes a report of the results; see ``demonstration.run``.

    Args:
        output: the folder for all of it.
        train_images: street scenes to train on.
        test_images: street scenes that no training sees.
        epochs: of each training; 0 for the recipe's.
        seed: of the street scenes and of the trainings.
    """
    batch = demo().batches.batch_size
    if train_images < batch or test_images < 1:
        raise InputError(f"the demo trains on a batch of {batch} images and tests on 1 at least, got {train_images} and {test_images}")
    streets = StreetOptions(train=train_images, val=test_images, seed=seed)

    def report(root: Path, recipes: Mapping[str, SegmentationRecipe], watch: Stopwatch, console: Console) -> None:
        data = CATALOG.load("streets", root)
        methods = []
        with watch.time("evaluation"):
            for name, recipe in recipes.items():
                model = load(output / RUNS[name] / "last", SegmentationModel)
                result = evaluate_model(model, data.labelled("val"), data.classes, num_workers=recipe.loader.num_workers)
                spent = cost(model, (1, 3, streets.height, streets.width))
                methods.append(Method(name, model, result, spent, watch.of_training[name]))
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        write_demo(output / REPORT, TITLE, SegmentationDemo(data, streets, recipes[ATTENDED], methods, output, seconds))
        table = Table(*HEADS, title="Street scenes that were not trained on")
        for method in methods:
            table.add_row(*columns(method))
        console.print(table)

    return run(
        output,
        title=TITLE,
        generated=GeneratedData("streets", "streets", "streets", GENERATOR, streets),
        epochs=epochs,
        recipes=lambda root: recipes_for(root, seed),
        report=report,
    )


def recipes_for(root: Path, seed: int) -> dict[str, SegmentationRecipe]:
    """The recipes of the two trainings, which differ in the attention only."""
    return {name: demo("none" if name == PLAIN else "rga-sc").override(data=DataSpec("streets", root), seed=seed) for name in RUNS}
