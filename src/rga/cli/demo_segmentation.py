"""``rga demo segmentation``: from nothing to segmented streets and a report, on two cores and without a download.

Generates street scenes, trains a small network plain and with RGA-SC on the same batches, evaluates both on images that no training saw,
and writes ``report.html``. The last models are reported, not the best ones: choosing by the test images would flatter them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table as ConsoleTable

from rga.attachment.costs import cost
from rga.cli.demonstration import REPORT, Generated, Stopwatch, begun, for_epochs, train_each
from rga.loading import load
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS
from rga.reports.demo_segmentation_report import HEADS, Method, compose, figures, footer, summary
from rga.reports.report import write_report
from rga.segmentation.datasets.catalog import load_data
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.recipes import seg_demo
from rga.synthetic.streets.streets import ORIGIN, VERSION, StreetOptions, make_streets

STREETS = "streets"
TITLE = "Relation-aware attention on generated streets"
GENERATED = Generated(STREETS, make_streets, VERSION, ORIGIN)


def demo_segmentation(
    output: Path = Path("demo-output/segmentation"),
    *,
    train_images: int = 160,
    test_images: int = 40,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generates street scenes, trains a small network plain and with RGA-SC, and writes a report of the results.

    The folder may be an earlier demo's: its street scenes are taken again if they are the same, its runs and its report are replaced. What
    no demo made is never removed.

    Args:
        output: the folder for all of it.
        train_images: street scenes to train on.
        test_images: street scenes that no training sees.
        epochs: of each training; 0 for the recipe's.
        seed: of the street scenes and of the trainings.

    Returns:
        Exit code: 0, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        FileExistsError: something in the folder is not a demo's.
        ValueError: there are too few images, or the epochs are negative.
    """
    console = Console()
    watch = Stopwatch()
    streets = StreetOptions(train=train_images, val=test_images, seed=seed)
    recipes = {name: demo_recipe(name, output / STREETS, epochs, seed) for name in RUNS}
    batch = recipes[ATTENDED].batch_size
    if train_images < batch or test_images < 1:
        raise ValueError(f"the demo trains on a batch of {batch} images and tests on 1 at least, got {train_images} and {test_images}")
    GENERATED.check(output / STREETS, streets)
    with begun(output, epochs, TITLE):
        console.rule("1 of 4: streets")
        with watch.time("streets"):
            data = load_data("streets", GENERATED.provide(output / STREETS, streets, console))

        outcome = train_each(recipes, output, watch, console, kept=STREETS)
        if outcome.interrupted:
            return outcome.exit_code

        console.rule("4 of 4: evaluation and report")
        methods = []
        with watch.time("evaluation"):
            for name, recipe in recipes.items():
                model = load(output / RUNS[name] / "last", SegmentationModel)
                result = evaluate_model(model, data.labelled("val"), data.classes, num_workers=recipe.num_workers)
                spent = cost(model, (1, 3, streets.height, streets.width))
                methods.append(Method(name, model, result, spent, watch.seconds[name]))
        sections = compose(data, streets, recipes[ATTENDED], methods, output, seconds={**watch.seconds, "in all": watch.total})
        write_report(output / REPORT, TITLE, summary(methods, data), sections, footer())
        table = ConsoleTable(*HEADS, title="Street scenes that no training saw")
        for method in methods:
            table.add_row(*figures(method))
        console.print(table)
        console.print(f"done in {watch.total / 60:.1f} minutes; look at [bold]{output / REPORT}[/bold]")
        return 0


def demo_recipe(name: str, root: Path, epochs: int, seed: int) -> SegmentationRecipe:
    """The recipe of one of the two trainings: they differ in the attention alone."""
    return for_epochs(replace(seg_demo("none" if name == PLAIN else "rga-sc"), root=root, seed=seed), epochs)
