"""The demo of segmentation.

Generates street scenes, trains a small network plain and with RGA-SC on the same batches, evaluates both on images that were not trained
on, and writes ``report.html``. The last models are reported, not the best ones: choosing by the test images would flatter them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from rga.datasets.spec import DataSpec
from rga.demos.demonstration import REPORT, Stopwatch, as_rich, reported_runs, run
from rga.errors import InputError
from rga.reports.demo_runs import PLAIN, RUNS, write_demo
from rga.reports.demo_segmentation_report import SegmentationDemo
from rga.segmentation.datasets.catalog import CATALOG
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
        with watch.time("evaluation"):
            runs = reported_runs(output, recipes, CATALOG.load("streets", root))
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        done = SegmentationDemo(streets, runs, output, seconds)
        write_demo(output / REPORT, TITLE, done)
        console.print(as_rich(done.figures(), "Street scenes that were not trained on"))

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
