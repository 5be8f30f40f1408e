"""``rga demo segmentation``: from nothing to segmented streets and a report, on two cores and without a download.

Generates street scenes, trains a small network plain and with RGA-SC on the same batches, evaluates both on scenes that no training saw,
and writes ``report.html``. The last models are reported, not the best ones: choosing by the test scenes would flatter them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table as ConsoleTable

from rga.attachment.costs import cost
from rga.cli.demonstration import REPORT, Generated, Stopwatch, begun, for_epochs, train_each
from rga.loading import load
from rga.reports.demo_runs import ATTENDED, PLAIN, RUNS, write_demo
from rga.reports.demo_segmentation_report import HEADS, Method, SegmentationDemo, columns
from rga.segmentation.datasets.catalog import load_data
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.recipes import seg_demo
from rga.synthetic.streets.scenes import ORIGIN, VERSION, SceneOptions, make_scenes

SCENES = "scenes"
TITLE = "Relation-aware attention on generated streets"
GENERATED = Generated(SCENES, make_scenes, VERSION, ORIGIN)


def demo_segmentation(
    output: Path = Path("demo-output/segmentation"),
    *,
    train_scenes: int = 160,
    test_scenes: int = 40,
    epochs: int = 0,
    seed: int = 0,
) -> int:
    """Generates street scenes, trains a small network plain and with RGA-SC, and writes a report with what came out.

    The folder may be an earlier demo's: its scenes are taken again if they are the same, its runs and its report are replaced. What no demo
    made is never removed.

    Args:
        output: the folder for all of it.
        train_scenes: scenes to train on.
        test_scenes: scenes that no training sees.
        epochs: of each training; 0 for the recipe's.
        seed: of the scenes and of the trainings.

    Returns:
        Exit code: 0, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        FileExistsError: something in the folder is not a demo's.
        ValueError: there are too few scenes, or the epochs are negative.
    """
    console = Console()
    watch = Stopwatch()
    scenes = SceneOptions(train=train_scenes, val=test_scenes, seed=seed)
    recipes = {name: demo_recipe(name, output / SCENES, epochs, seed) for name in RUNS}
    batch = recipes[ATTENDED].batch
    if train_scenes < batch or test_scenes < 1:
        raise ValueError(f"the demo trains on a batch of {batch} scenes and tests on 1 at least, got {train_scenes} and {test_scenes}")
    GENERATED.check(output / SCENES, scenes)
    with begun(output, epochs, TITLE):
        console.rule("1 of 4: streets")
        with watch.time("scenes"):
            data = load_data("scenes", GENERATED.provide(output / SCENES, scenes, console))

        outcome = train_each(recipes, output, watch, console, kept=SCENES)
        if outcome.interrupted:
            return outcome.exit_code

        console.rule("4 of 4: evaluation and report")
        methods = []
        with watch.time("evaluation"):
            for name, recipe in recipes.items():
                model = load(output / RUNS[name] / "last", SegmentationModel)
                result = evaluate_model(model, data.labelled("val"), data.classes, workers=recipe.workers)
                spent = cost(model, (1, 3, scenes.height, scenes.width))
                methods.append(Method(name, model, result, spent, watch.seconds[name]))
        seconds = {**watch.seconds, "in all, before this report": watch.total}
        write_demo(output / REPORT, TITLE, SegmentationDemo(data, scenes, recipes[ATTENDED], methods, output, seconds))
        table = ConsoleTable(*HEADS, title="Scenes that no training saw")
        for method in methods:
            table.add_row(*columns(method))
        console.print(table)
        console.print(f"done in {watch.total / 60:.1f} minutes; look at [bold]{output / REPORT}[/bold]")
        return 0


def demo_recipe(name: str, root: Path, epochs: int, seed: int) -> SegmentationRecipe:
    """The recipe of one of the two trainings: they differ in the attention alone."""
    return for_epochs(replace(seg_demo("none" if name == PLAIN else "rga-sc"), root=root, seed=seed), epochs)
