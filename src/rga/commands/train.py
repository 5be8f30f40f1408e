"""``rga train RECIPE``: trains by a recipe, each field of which is an option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from rich.console import Console

from rga.engine.devices import choose_device
from rga.engine.files import write_json
from rga.engine.loop import LoopOptions, Outcome, fit
from rga.engine.run_log import RunLog
from rga.recipes.reid import RECIPES
from rga.reid.recipe import ReidRecipe
from rga.reid.samples import ReidData, join, validation_split
from rga.reid.sources.catalog import load_data
from rga.reid.task import ReidTask

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class TrainArguments:
    """What can be typed after ``rga train RECIPE``."""

    recipe: ReidRecipe
    """All choices of the training."""
    out: Path
    """The run's folder."""
    resume: bool = False
    """Go on with the run in the folder."""


INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def command(name: str) -> Callable[..., int]:
    """The command line of a recipe: its fields are the flags."""
    recipe = RECIPES[name]
    default = TrainArguments(recipe=recipe(), out=Path("runs") / name)

    def run(arguments: Annotated[TrainArguments, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes] = default) -> int:
        outcome = train(arguments.recipe, arguments.out, arguments.resume)
        return INTERRUPTED if outcome.interrupted else 0

    run.__doc__ = inspect.getdoc(recipe)
    return run


reid_market1501 = command("reid-market1501")
reid_cuhk03 = command("reid-cuhk03")
reid_msmt17 = command("reid-msmt17")
reid_folder = command("reid-folder")
reid_small = command("reid-small")
reid_generated = command("reid-generated")


def train(recipe: ReidRecipe, out: Path, resume: bool = False) -> Outcome:
    """Trains by a recipe.

    Writes to the run's folder: ``recipe.json`` (all choices), ``log.jsonl``, ``last.pt`` (to resume from), ``best/`` and ``last/`` (models
    for ``rga.load``).

    Args:
        recipe: all choices.
        out: the run's folder.
        resume: go on with the run in it.

    Raises:
        ValueError: the folder holds another run, or the recipe does not fit the data.
    """
    if not resume and (out / RECIPE_FILE).exists():
        raise ValueError(f"{out} holds a run already: go on with --resume, or choose another folder with --out")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    device = choose_device(recipe.device)
    data = read_data(recipe)
    console = Console()
    console.print(describe(data))
    task = ReidTask(recipe, data)
    task.model.to(device)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / RECIPE_FILE, {**recipe.to_dict(), "data_fingerprint": data.fingerprint})
    options = LoopOptions(recipe.epochs, recipe.evaluate_every, recipe.precision, recipe.clip_gradients, recipe.max_steps)
    with RunLog(out, recipe.tensorboard) as log:
        outcome = fit(task, task.optimizer(), task.schedule(), out, log, options, device=device, resume=resume)
    console.print(f"the run is in {out}")
    return outcome


def read_data(recipe: ReidRecipe) -> ReidData:
    """The recipe's data: one set or several joined, tested on their own or on another, or with training identities held out."""
    options: dict[str, Any] = {}
    if recipe.subset:
        options["allow_subset"] = True
    if recipe.camera_pattern:
        options["camera"] = recipe.camera_pattern
    data = load_data(recipe.data, recipe.root, **options)
    others = [named_data(spec) for spec in recipe.also_train]
    test = named_data(recipe.test) if recipe.test else None
    if others or test is not None:
        name = "+".join(each.name for each in (data, *others))
        data = join(name if test is None else f"{name} on {test.name}", data, *others, test=test or data)
    return validation_split(data, recipe.hold_out, recipe.seed) if recipe.hold_out else data


def named_data(spec: str) -> ReidData:
    """The data set of NAME=ROOT."""
    name, equals, root = spec.partition("=")
    if not equals:
        raise ValueError(f"a data set is named NAME=ROOT, got {spec!r}")
    return load_data(name, Path(root))


def describe(data: ReidData) -> str:
    """A line for each split."""
    lines = [f"{data.name}, fingerprint {data.fingerprint}"]
    lines += [f"  {name}: {count.images:,} images of {count.identities:,} identities" for name, count in data.counts.items()]
    return "\n".join(lines)
