"""``rga train RECIPE``: trains by a recipe, each field of which is an option."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

import torch
import tyro
from rich.console import Console
from torch import nn
from torch.optim import Optimizer

from rga.backbones.model import BackboneModel
from rga.classification import recipes as classification
from rga.classification.recipe import ClassificationRecipe
from rga.classification.task import classification_task
from rga.cli.outputs import check_folder
from rga.cli.run_record import RECIPE_FILE, RunRecord, check_changes, check_data, check_new, differences, read_record, shown
from rga.reid import recipes as reid
from rga.reid.recipe import ReidRecipe
from rga.reid.task import reid_task
from rga.segmentation import recipes as segmentation
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.task import segmentation_task
from rga.storage.files import remove_leftovers
from rga.training.devices import choose_device
from rga.training.distributed import processes
from rga.training.distributed.norms import synchronise_norms
from rga.training.input.loader import SampleLoader
from rga.training.loop import fit
from rga.training.memory import keep_freed_memory
from rga.training.outcome import Outcome
from rga.training.recipe import TrainingRecipe
from rga.training.run.checkpoint import LAST, PREVIOUS, Checkpoint, go_back, load_checkpoint
from rga.training.run.lock import locked
from rga.training.run.log import LOG_FILE, RunLog, read_log
from rga.training.schedules import Schedule
from rga.training.state import check_fits, check_position
from rga.training.task import Task
from rga.training.task_training import ImageRecipe


class RecipeTask(Task, Protocol):
    """A task that knows its data and its optimisation, as a recipe gives them."""

    @property
    def loader(self) -> SampleLoader[Any]:
        """What draws its batches."""
        ...

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


KINDS: dict[str, type[TrainingRecipe]] = {"reid": ReidRecipe, "segmentation": SegmentationRecipe, "classification": ClassificationRecipe}
"""What a run's record calls the kinds of recipes."""


@dataclass(frozen=True)
class RunOptions:
    """Which run.

    Attributes:
        out: the run's folder.
        resume: go on with the run in the folder, by its own recipe; options that are typed as well change it from there on.
        resume_previous: go on with it from the checkpoint before the last, where the last is damaged.
    """

    out: Path
    resume: bool = False
    resume_previous: bool = False


def command(name: str, base: TrainingRecipe | None = None) -> Callable[..., int]:
    """The command line of a recipe: its fields are the flags.

    Args:
        name: of the recipe.
        base: what counts where nothing is typed; the recipe itself by default.
    """
    recipe = RECIPES[name]
    default = base or recipe()
    here = RunOptions(Path("runs") / name)

    def run(recipe: TrainingRecipe = default, *, options: RunOptions = here) -> int:
        return train(recipe, options.out, options.resume, options.resume_previous, name=name).exit_code

    run.__annotations__["recipe"] = Annotated[type(default), tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
    run.__annotations__["options"] = Annotated[RunOptions, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
    run.__doc__ = f"""{inspect.getdoc(recipe)}

    Args:
        recipe: all choices of the training.
        options: which run.
    """
    run.given = partial(resumed, name, here)  # type: ignore[attr-defined]
    return run


def resumed(name: str, options: RunOptions, arguments: Sequence[str]) -> Callable[..., int]:
    """The command line of a recipe for what was typed: with ``--resume``, what is not typed comes from the run's own recipe.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: the run is of another recipe.
    """
    if {"-h", "--help"} & set(arguments):
        return command(name)
    typed, _ = tyro.cli(RunOptions, args=arguments, default=options, return_unknown_args=True, add_help=False)
    if not (typed.resume or typed.resume_previous):
        return command(name)
    record, kind = read_record(typed.out), type(RECIPES[name]())
    check_kind(record, kind, name, typed.out)
    return command(name, record.recipe(kind, typed.out))


def check_kind(record: RunRecord, kind: type[TrainingRecipe], name: str, out: Path) -> None:
    """Raises a ValueError if a run is of another recipe than it shall go on by.

    Args:
        record: of the run.
        kind: of the recipe.
        name: of the recipe; empty where none is named.
        out: the run's folder.
    """
    if KINDS.get(record.kind, kind) is not kind or (record.name and name and record.name != name):
        own = f"rga train {record.name}" if record.name else f"a recipe for {record.kind}"
        raise ValueError(
            f"the run in {out} was started by {own}, not by {name or f'a {kind.__name__}'}: go on with it as it was started, or start a "
            "new run with another --out"
        )


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


def train(recipe: TrainingRecipe, out: Path, resume: bool = False, resume_previous: bool = False, *, name: str = "") -> Outcome:
    """Trains by a recipe.

    Writes to the run's folder: ``recipe.json`` (all choices), ``log.jsonl``, ``last.pt`` and ``previous.pt`` (to resume from), and models
    for ``rga.load``, ``best/`` and ``last/``.

    Args:
        recipe: all choices. To go on, those of the run's ``recipe.json``, but for what may change in a run (``run_record.CHANGEABLE``).
        out: the run's folder.
        resume: go on with the run in it.
        resume_previous: go on with it from the checkpoint before the last.
        name: of the recipe, for the run's record.

    Raises:
        ValueError: the folder holds another run or is being trained in, the recipe does not fit the data, or it would make another
            training of the run that it shall go on with.
        FileNotFoundError: there is no run to go on with.
        OSError: nothing can be written to the folder.
    """
    resume = resume or resume_previous
    check_folder(out)
    again = False if resume else check_new(out)
    record, changes = (None, {}) if not resume else compared(recipe, out, name)
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
        if record is not None:
            if missing := record.missing(type(recipe)):
                taken = ", ".join(f"{name} {shown(value)}" for name, value in missing.items())
                console.print(f"{out / RECIPE_FILE} lacks fields; taken are, where nothing is typed: {taken}", markup=False)
            check_data(record, changes, task.fingerprint, task.loader.samples, out)
        prepare(task.model.to(device), recipe, device)
        if processes.first():
            held.enter_context(locked(out))
            remove_leftovers(out)
            if not resume:
                check_new(out)  # again: another training may have begun and ended there in the meantime
        start = load_checkpoint(checkpoint, device) if resume else None
        if start is not None:  # before anything of the run is changed
            check_position(start, task.steps_per_epoch, recipe.loop_options().steps(task.steps_per_epoch))
            check_fits(task.model, start)
        if resume_previous and processes.first():
            go_back(out)
        if again:
            console.print(f"{out} holds a run that left no checkpoint: it is begun anew")
        log = None
        if processes.first():
            if record is None or start is None:
                log = held.enter_context(begin(recipe, task, out, name))
            else:
                log = held.enter_context(go_on(record, recipe, changes, task, out, start=start, console=console))
        outcome = fit(task, task.optimizer(), task.schedule(), out, log, recipe.loop_options(), device=device, start=start)
    skipped = f"; {outcome.skipped} images were skipped" if outcome.skipped else ""
    console.print(f"the run is in {out}{skipped}")
    return outcome


def build_again(recipe: TrainingRecipe, out: Path) -> RecipeTask:
    """A task whose run goes on: its weights are in the checkpoint, so that those that it started from are named and not looked for.

    Args:
        recipe: all choices.
        out: the run's folder.
    """
    if not isinstance(recipe, ImageRecipe):
        return BUILDERS[type(recipe)](recipe)
    task = BUILDERS[type(recipe)](replace(recipe, weights="none"))
    assert isinstance(task.model, BackboneModel)
    noted = read_log(out, "start") if (out / LOG_FILE).is_file() else []
    task.model.set_weights_source(noted[0]["weights"] if noted else f"not noted by the run, whose recipe has weights {recipe.weights}")
    return task


def compared(recipe: TrainingRecipe, out: Path, name: str) -> tuple[RunRecord, dict[str, tuple[Any, Any]]]:
    """The record of a run, and what a recipe changes of it.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: it is of another recipe, or what is changed would make another training of it.
    """
    record = read_record(out)
    check_kind(record, type(recipe), name, out)
    changes = differences(record.recipe(type(recipe), out), recipe)
    check_changes(changes, out)
    return record, changes


def prepare(model: nn.Module, recipe: TrainingRecipe, device: torch.device) -> None:
    """What a recipe wants of a model on its device, whatever the task; in place."""
    if recipe.sync_bn and processes.together():
        synchronise_norms(model, device)
    if recipe.compile:
        model.compile()


def begin(recipe: TrainingRecipe, task: RecipeTask, out: Path, name: str) -> RunLog:
    """Writes the record of a new run, and begins its log."""
    kind = next((kind for kind, of_kind in KINDS.items() if type(recipe) is of_kind), "")
    RunRecord(recipe.to_dict(), task.fingerprint, name=name, kind=kind, samples=task.loader.samples).write(out)
    log = RunLog(out, recipe.tensorboard, length=0)
    log.write("start", 0, task.describe_start())
    return log


def go_on(
    record: RunRecord,
    recipe: TrainingRecipe,
    changes: Mapping[str, tuple[Any, Any]],
    task: RecipeTask,
    out: Path,
    *,
    start: Checkpoint,
    console: Console,
) -> RunLog:
    """Opens the log of a run where a checkpoint was taken, and says, logs and records what is changed.

    What was changed after that checkpoint stands in the record alone, and is logged again.
    """
    log = RunLog(out, recipe.tensorboard, length=start.log, step=start.step)
    said = {name: f"{shown(old)} -> {shown(new)}" for name, (old, new) in changes.items()}
    if start.processes != processes.count():
        said["processes"] = f"{start.processes} -> {processes.count()}"
    if task.fingerprint != record.data_fingerprint:
        console.print(
            f"the data are not those that the run began with (fingerprint {record.data_fingerprint}): it goes on with what is there now"
        )
        said["data_fingerprint"] = f"{record.data_fingerprint} -> {task.fingerprint}"
    if said:
        console.print(f"changed from step {start.step} on: {', '.join(f'{name} {change}' for name, change in said.items())}", markup=False)
        record = record.changed(recipe, said, start.step)
        record.write(out)
    for entry in record.changes:
        if entry["step"] >= start.step:
            log.write("changed", start.step, {name: value for name, value in entry.items() if name != "step"})
    return log
