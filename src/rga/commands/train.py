"""``rga train RECIPE``: trains by a recipe, each field of which is an option."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Protocol

import torch
import tyro
from rich.console import Console
from torch import nn
from torch.optim import Optimizer

from rga.classification.recipe import ClassificationRecipe
from rga.classification.task import classification_task
from rga.engine import processes
from rga.engine.checkpoint import LAST, PREVIOUS, Checkpoint, go_back, load_checkpoint
from rga.engine.devices import choose_device
from rga.engine.files import remove_leftovers, write_json
from rga.engine.loop import fit
from rga.engine.memory import keep_freed_memory
from rga.engine.norms import synchronise_norms
from rga.engine.outcome import Outcome
from rga.engine.recipe import TrainingRecipe
from rga.engine.run_lock import locked
from rga.engine.run_log import LOG_FILE, RunLog, read_log
from rga.engine.schedules import Schedule
from rga.engine.state import check_fits
from rga.engine.task import Task
from rga.recipes import classification, reid, segmentation
from rga.reid.recipe import ReidRecipe
from rga.reid.task import reid_task
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.task import segmentation_task
from rga.trunks.model import TrunkModel
from rga.trunks.training import PictureRecipe

RECIPE_FILE = "recipe.json"


class RecipeTask(Task, Protocol):
    """A task that knows its data and its optimisation, as a recipe gives them."""

    @property
    def fingerprint(self) -> str:
        """Of the data."""
        ...

    def describe_data(self) -> str:
        """The data in a few lines."""
        ...

    def describe_start(self) -> dict[str, str]:
        """What the training starts from: weights, mean and deviation of the pixels."""
        ...

    def optimizer(self) -> Optimizer:
        """Over all weights that learn."""
        ...

    def schedule(self) -> Schedule:
        """The learning rate by epoch."""
        ...


BUILDERS: dict[type[TrainingRecipe], Callable[[Any], RecipeTask]] = {
    ReidRecipe: reid_task,
    SegmentationRecipe: segmentation_task,
    ClassificationRecipe: classification_task,
}
"""Kind of recipe -> what reads its data and builds its task."""

RECIPES: dict[str, Callable[[], TrainingRecipe]] = {**reid.RECIPES, **segmentation.RECIPES, **classification.RECIPES}
"""Name -> recipe, of all tasks."""


def command(name: str) -> Callable[..., int]:
    """The command line of a recipe: its fields are the flags."""
    recipe = RECIPES[name]
    default = recipe()

    def run(
        recipe: TrainingRecipe = default, *, out: Path = Path("runs") / name, resume: bool = False, resume_previous: bool = False
    ) -> int:
        return train(recipe, out, resume, resume_previous).exit_code

    run.__annotations__["recipe"] = Annotated[type(default), tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
    run.__doc__ = f"""{inspect.getdoc(recipe)}

    Args:
        recipe: all choices of the training.
        out: the run's folder.
        resume: go on with the run in the folder.
        resume_previous: go on with it from the checkpoint before the last, where the last is damaged.
    """
    return run


reid_market1501 = command("reid-market1501")
reid_cuhk03 = command("reid-cuhk03")
reid_msmt17 = command("reid-msmt17")
reid_folder = command("reid-folder")
reid_small = command("reid-small")
reid_generated = command("reid-generated")
seg_cityscapes = command("seg-cityscapes")
seg_camvid = command("seg-camvid")
seg_folder = command("seg-folder")
seg_generated = command("seg-generated")
cls_digits = command("cls-digits")
cls_cifar10 = command("cls-cifar10")
cls_cifar100 = command("cls-cifar100")
cls_imagenet = command("cls-imagenet")
cls_folder = command("cls-folder")


def train(recipe: TrainingRecipe, out: Path, resume: bool = False, resume_previous: bool = False) -> Outcome:
    """Trains by a recipe.

    Writes to the run's folder: ``recipe.json`` (all choices), ``log.jsonl``, ``last.pt`` and ``previous.pt`` (to resume from), and models
    for ``rga.load``, ``best/`` and ``last/``.

    Args:
        recipe: all choices.
        out: the run's folder.
        resume: go on with the run in it.
        resume_previous: go on with it from the checkpoint before the last.

    Raises:
        ValueError: the folder holds another run or is being trained in, or the recipe does not fit the data.
    """
    resume = resume or resume_previous
    if not resume and any((out / name).exists() for name in (LAST, PREVIOUS)):
        raise ValueError(f"{out} holds a run already: go on with --resume, or choose another folder with --out")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    device = choose_device(recipe.device)
    if device.type == "cpu":
        keep_freed_memory()
    checkpoint = out / (PREVIOUS if resume_previous else LAST)
    with processes.joined(device), ExitStack() as held:
        task = build_again(recipe, out) if resume else BUILDERS[type(recipe)](recipe)
        console = Console(quiet=not processes.first())
        console.print("\n".join(f"{name}: {value}" for name, value in task.describe_start().items()), markup=False)
        console.print(task.describe_data())
        prepare(task.model.to(device), recipe, device)
        if processes.first():
            held.enter_context(locked(out))
            remove_leftovers(out)
        start = load_checkpoint(checkpoint, device) if resume else None
        if start is not None:
            check_fits(task.model, start)  # before anything of the run is changed
        if resume_previous and processes.first():
            go_back(out)
        log = held.enter_context(begin_log(recipe, task, out, start, console)) if processes.first() else None
        outcome = fit(task, task.optimizer(), task.schedule(), out, log, recipe.loop_options(), device=device, start=start)
    skipped = f"; {outcome.skipped} pictures were skipped" if outcome.skipped else ""
    console.print(f"the run is in {out}{skipped}")
    return outcome


def build_again(recipe: TrainingRecipe, out: Path) -> RecipeTask:
    """A task whose run goes on: its weights are in the checkpoint, so that those that it started from are named and not looked for.

    Args:
        recipe: all choices.
        out: the run's folder.
    """
    if not isinstance(recipe, PictureRecipe):
        return BUILDERS[type(recipe)](recipe)
    task = BUILDERS[type(recipe)](replace(recipe, weights="none"))
    assert isinstance(task.model, TrunkModel)
    noted = read_log(out, "start") if (out / LOG_FILE).is_file() else []
    task.model.set_weights_source(noted[0]["weights"] if noted else f"not noted by the run, whose recipe has weights {recipe.weights}")
    return task


def prepare(model: nn.Module, recipe: TrainingRecipe, device: torch.device) -> None:
    """What a recipe wants of a model on its device, whatever the task; in place."""
    if recipe.synchronise_norms and processes.together():
        synchronise_norms(model, device)
    if recipe.compile:
        model.compile()


def begin_log(recipe: TrainingRecipe, task: RecipeTask, out: Path, start: Checkpoint | None, console: Console) -> RunLog:
    """Writes the recipe to the run's folder, with the data that the run began with, and opens its log where the training begins."""
    fingerprint = json.loads((out / RECIPE_FILE).read_text())["data_fingerprint"] if start else task.fingerprint
    if fingerprint != task.fingerprint:
        console.print(f"the data are not those that the run began with (fingerprint {fingerprint}): it goes on with what is there now")
    write_json(out / RECIPE_FILE, {**recipe.to_dict(), "data_fingerprint": fingerprint})
    log = RunLog(out, recipe.tensorboard, length=start.log if start else 0, step=start.step if start else None)
    if start is None:
        log.write("start", 0, task.describe_start())
    return log
