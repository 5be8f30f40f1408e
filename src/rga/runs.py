"""``rga.train`` and ``rga.resume``: a training by a recipe, from its beginning or from where it stopped."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rga.datasets.spec import DataSpec
from rga.recipes import read_recipe
from rga.storage.files import remove_leftovers
from rga.storage.outputs import check_folder
from rga.tasks import get_task, recipe_functions, recipe_type
from rga.terminal import PlainConsole
from rga.training.devices import choose_device, products_in_tf32
from rga.training.distributed import processes
from rga.training.distributed.norms import synchronise_norms
from rga.training.image_training import ImageTraining
from rga.training.loop import fit
from rga.training.memory import keep_freed_memory
from rga.training.outcome import Outcome
from rga.training.recipe import Recipe, typed
from rga.training.run.checkpoint import LAST, PREVIOUS, Checkpoint, go_back, load_checkpoint
from rga.training.run.lock import locked
from rga.training.run.log import LOG_FILE, RunLog, read_log
from rga.training.run.record import (
    RECIPE_FILE,
    RunRecord,
    check_changes,
    check_data,
    check_new,
    differences,
    read_run,
    shown,
)
from rga.training.state import check_fits, check_position

AnyTraining = ImageTraining[Any, Any, Any, Any]


def train(
    recipe: Recipe | str | Path, data: DataSpec | str | None = None, *, output: Path | str, name: str = "", **overrides: Any
) -> Outcome:
    """Trains by a recipe.

    Writes to the run's folder: ``recipe.json`` (all choices), ``log.jsonl``, ``last.pt`` and ``previous.pt`` (to resume from), and models
    for ``rga.load``, ``best/`` and ``last/``. Ctrl-C and SIGTERM stop it after the step; ``resume`` continues it.

    Args:
        recipe: all choices; the name of a recipe such as ``"reid/market1501"``; or a ``recipe.json``.
        data: the dataset, as text NAME:FOLDER?option=value; by default the recipe's.
        output: the run's folder, a new one.
        name: of the recipe, for the run's record; by default the one that is named.
        **overrides: other values of fields of the recipe, such as ``lr=1e-3``; text is read as ``rga resume --set`` reads it.

    Raises:
        ExistingFileError: the folder holds another run.
        InputError: the recipe does not fit the data, a value would do nothing, or the folder is being trained in.
        OSError: nothing can be written to the folder.

    Example::

        outcome = rga.train("reid/small", "folder:photos", output="runs/photos", epochs=20)
        model = rga.load("runs/photos")
    """
    if not isinstance(recipe, Recipe):
        name = name or (str(recipe) if str(recipe) in recipe_functions() else "")
        recipe = read_recipe(recipe)
    if data is not None:
        overrides["data"] = data
    chosen = typed(recipe, overrides)
    chosen.check_idle(recipe)
    return Run(chosen, Path(output), name).train()


def resume(run: Path | str, *, previous: bool = False, changes: Mapping[str, Any] | None = None) -> Outcome:
    """Continues a training that was stopped, by its own recipe.

    Args:
        run: the run's folder.
        previous: continue from the checkpoint before the last, where the last is damaged.
        changes: other values of fields that may change in a run (``record.CHANGEABLE``), and where the data lie. Values may be text, as a
            person types them: ``"1e-4"``, ``"40,70"``, ``"none"``.

    Raises:
        MissingFileError: there is no run, or no checkpoint.
        InputError: the run would become another training, its data are not those that it began with, or it is being trained in.
    """
    run = Path(run)
    record = read_run(run)
    own = record.read(recipe_type(record.task), run / RECIPE_FILE)
    recipe = typed(own, changes or {})
    recipe.check_idle(own)
    recipe = recipe.override(data=recipe.data.like(own.data))  # moved data are read as before
    different = differences(own, recipe)
    check_changes(different, run)
    return Run(recipe, run, record.recipe).resume(record, different, previous=previous)


class Run:
    """One run: a recipe and a folder."""

    def __init__(self, recipe: Recipe, folder: Path, name: str) -> None:
        check_folder(folder)
        self.recipe = recipe
        self.folder = folder
        self.name = name
        self.task = get_task(recipe.task)
        if recipe.machine.threads:
            torch.set_num_threads(recipe.machine.threads)
        self.device = choose_device(recipe.machine.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.console = PlainConsole(quiet=True)

    def train(self) -> Outcome:
        """Begins the run."""
        again = check_new(self.folder)
        with processes.joined(self.device), products_in_tf32(self.recipe.machine.tf32), ExitStack() as held:
            data = self.task.read(self.recipe)
            fitted = self.fitted(data)
            training = self.prepared(self.build(data))
            if fitted:
                self.console.print(f"batches are fitted to the data: {said(fitted)}", markup=False, soft_wrap=True)
            if processes.first():
                held.enter_context(locked(self.folder))
                remove_leftovers(self.folder)
                check_new(self.folder)  # again: another training may have begun and ended there in the meantime
            if again:
                self.console.print(f"{self.folder} holds a run that left no checkpoint: it begins anew", soft_wrap=True)
            log = held.enter_context(self.begin(training, fitted)) if processes.first() else None
            return self.fit(training, log)

    def fitted(self, data: Any) -> dict[str, str]:
        """Lowers the recipe's batch where the data cannot fill it; returns what changed: name -> old and new value."""
        shares = processes.count() * self.recipe.optimization.gradient_accumulation
        asked, self.recipe = self.recipe, self.task.fit(self.recipe, data, shares)
        return {name: f"{shown(old)} -> {shown(new)}" for name, (old, new) in differences(asked, self.recipe).items()}

    def resume(self, record: RunRecord, changes: Mapping[str, tuple[Any, Any]], *, previous: bool) -> Outcome:
        """Continues the run."""
        with processes.joined(self.device), products_in_tf32(self.recipe.machine.tf32), ExitStack() as held:
            training = self.build_again()
            if missing := record.missing(self.recipe):
                taken = ", ".join(f"{name} {shown(value)}" for name, value in missing.items())
                self.console.print(
                    f"{self.folder / RECIPE_FILE} lacks fields, whose defaults are taken: {taken}", markup=False, soft_wrap=True
                )
            check_data(record, changes, training.fingerprint, training.loader.samples, self.folder)
            self.prepared(training)
            if processes.first():
                held.enter_context(locked(self.folder))
                remove_leftovers(self.folder)
            start = load_checkpoint(self.folder / (PREVIOUS if previous else LAST), self.device)
            # before anything of the run is changed
            steps = self.recipe.steps(training.steps_per_epoch)
            check_position(start, training.steps_per_epoch, steps)
            if start.step == steps:
                self.console.print(f"{self.folder} was finished at step {steps:,}: nothing is left to train", soft_wrap=True)
            check_fits(training.model, start)
            if previous and processes.first():
                go_back(self.folder)
            log = held.enter_context(self.go_on(record, changes, training, start)) if processes.first() else None
            return self.fit(training, log, start)

    def build(self, data: Any, *, load_weights: bool = True) -> AnyTraining:
        """Builds the training, in all processes."""
        training = self.task.build(self.recipe, data, load_weights=load_weights)
        self.console = PlainConsole(quiet=not processes.first())
        return training

    def build_again(self) -> AnyTraining:
        """Builds the training of a run that continues: its weights are in the checkpoint, so its initial weights are named, not loaded."""
        training = self.build(self.task.read(self.recipe), load_weights=False)
        noted = read_log(self.folder, "start") if (self.folder / LOG_FILE).is_file() else []
        weights = self.recipe.fields()["weights"]
        training.model.set_weights_source(noted[0]["weights"] if noted else f"not noted by the run, whose recipe has weights {weights}")
        return training

    def prepared(self, training: AnyTraining) -> AnyTraining:
        """Says what is trained on, and moves the model to its device as the recipe wants it; in place."""
        self.console.print("\n".join(f"{name}: {value}" for name, value in training.describe_start().items()), markup=False, soft_wrap=True)
        self.console.print(training.describe_data(), markup=False, soft_wrap=True)
        if self.device.type == "cuda":
            machine = self.recipe.machine
            self.console.print(
                f"on {torch.cuda.get_device_name(self.device)}: {machine.amp_dtype}, in TF32: {machine.tf32}", soft_wrap=True
            )
        model: nn.Module = training.model.to(self.device)
        if self.recipe.machine.sync_bn and processes.together():
            synchronise_norms(model, self.device)
        if self.recipe.machine.compile:
            model.compile()
        return training

    def begin(self, training: AnyTraining, fitted: Mapping[str, str] | None = None) -> RunLog:
        """Writes the record of a new run, with what was fitted to the data, and begins its log."""
        fields = self.recipe.to_dict()
        record = RunRecord(self.recipe.task, fields, training.fingerprint, training.loader.samples, self.name)
        if fitted:
            record = record.changed(self.recipe, {**fitted, "because": "the batch was larger than the data"}, 0)
        record.write(self.folder)
        log = RunLog(self.folder, self.recipe.loop.tensorboard, length=0)
        unfinished = self.recipe.optimization.unfinished
        notes = {"fitted": said(fitted) if fitted else "", "unfinished": unfinished}
        log.write("start", 0, {**training.describe_start(), **{name: note for name, note in notes.items() if note}})
        return log

    def go_on(self, record: RunRecord, changes: Mapping[str, tuple[Any, Any]], training: AnyTraining, start: Checkpoint) -> RunLog:
        """Opens the log of a run where a checkpoint was taken; prints, logs and records what is changed.

        What was changed after that checkpoint stands in the record only, and is logged again.
        """
        log = RunLog(self.folder, self.recipe.loop.tensorboard, length=start.log, step=start.step)
        changed = {name: f"{shown(old)} -> {shown(new)}" for name, (old, new) in changes.items()}
        if start.processes != processes.count():
            changed["processes"] = f"{start.processes} -> {processes.count()}"
        if training.fingerprint != record.fingerprint:
            self.console.print(
                f"the data are not those that the run began with (fingerprint {record.fingerprint}): it continues with what is there now",
                soft_wrap=True,
            )
            changed["data_fingerprint"] = f"{record.fingerprint} -> {training.fingerprint}"
        if changed:
            self.console.print(f"changed from step {start.step} on: {said(changed)}", markup=False, soft_wrap=True)
            record = record.changed(self.recipe, changed, start.step)
            record.write(self.folder)
        for entry in record.changes:
            if entry["step"] >= start.step:
                log.write("changed", start.step, {name: value for name, value in entry.items() if name != "step"})
        return log

    def fit(self, training: AnyTraining, log: RunLog | None, start: Checkpoint | None = None) -> Outcome:
        """Trains until the end, or until a signal stops it."""
        if self.recipe.optimization.unfinished:
            PlainConsole(stderr=True, quiet=not processes.first()).sentence(f"note: {self.recipe.optimization.unfinished}")
        outcome = fit(training, training.optimizer(), training.schedule(), self.folder, log, self.recipe, device=self.device, start=start)
        skipped = f"; {outcome.skipped} images were skipped" if outcome.skipped else ""
        self.console.print(f"the run is in {self.folder}{skipped}", markup=False, soft_wrap=True)
        if not outcome.interrupted:
            self.console.print("\n".join(next_steps(self.task.next_steps, self.folder)), markup=False, soft_wrap=True)
        return outcome


def said(changes: Mapping[str, str]) -> str:
    """Fields with their old and new values, in one line."""
    return ", ".join(f"{name} {change}" for name, change in changes.items())


def next_steps(commands: Mapping[str, str], run: Path) -> list[str]:
    r"""Lines that say what to type after a training.

    Args:
        commands: with RUN for the folder -> what they do.
        run: the folder.

    Example:
        >>> print("\n".join(next_steps({"rga classify RUN IMAGES": "the class of each image"}, Path("runs/my fruit"))))
        what you can type next:
          rga classify 'runs/my fruit' IMAGES    the class of each image
    """
    typed = {command.replace("RUN", shlex.quote(str(run))): what for command, what in commands.items()}
    width = max(map(len, typed)) + 4
    return ["what you can type next:", *(f"  {command:{width}}{what}" for command, what in typed.items())]
