"""What a run was started with, as ``recipe.json`` in its folder tells it, and what may change when it continues.

The file holds every field of the recipe, and a resumed run continues by it. Some fields change how fast or how long a training runs: those
may be changed, and the change is recorded. All others would make it another training, and are refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import rga
from rga.errors import ExistingFileError, InputError, MissingFileError
from rga.storage.files import write_json
from rga.storage.found import neighbours
from rga.training.recipe import Recipe
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.log import LOG_FILE

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)

RECIPE_FILE = "recipe.json"
FORMAT = 2
"""Of ``recipe.json``. The first edition had all fields in one row, under other names; see ``rga.first_edition``."""

MODELS = ("best", "last", "best-ema", "last-ema")
"""The folders of models in a run's."""

CHANGEABLE = frozenset(
    (
        *("epochs", "max_steps", "lr", "warmup_start_lr", "warmup_epochs", "schedule", "milestones", "lr_decay", "gradient_clip_norm"),
        *("evaluate_every", "checkpoint_minutes", "checkpoint_every", "log_every", "tensorboard", "eval_batch_size"),
        *(
            "device",
            "threads",
            "num_workers",
            "prefetch_factor",
            "channels_last",
            "activation_checkpointing",
            "compile",
            "tf32",
            "skip_damaged",
        ),
    )
)
"""Fields that may change when a run continues: its length, what is left of its learning rates, what is written and when, the machine."""

LOCATIONS = frozenset({"data", "also_train", "test_data"})
"""Fields that say where data lie: the data may lie elsewhere, and must be the same."""


@dataclass(frozen=True)
class RunRecord:
    """The contents of ``recipe.json``.

    Attributes:
        task: reid, segmentation, classification, detection.
        fields: of the recipe, in groups, as JSON has them.
        fingerprint: of the data that the run began with.
        samples: images that it trains on.
        recipe: name of the recipe; empty where none was named.
        version: of rga that started the run.
        changes: what was changed since, and at which step.
    """

    task: str
    fields: Mapping[str, Any]
    fingerprint: str
    samples: int
    recipe: str = ""
    version: str = rga.__version__
    changes: tuple[Mapping[str, Any], ...] = field(default=())

    def write(self, folder: Path) -> None:
        """Writes ``recipe.json`` to a run's folder."""
        contents = {
            "format": FORMAT,
            "version": self.version,
            "task": self.task,
            "recipe": self.recipe,
            "fields": self.fields,
            "data": {"fingerprint": self.fingerprint, "samples": self.samples},
            "changes": list(self.changes),
        }
        write_json(folder / RECIPE_FILE, contents)

    def changed(self, recipe: Recipe, changes: Mapping[str, str], step: int) -> RunRecord:
        """The record of a run that continues with other values.

        Args:
            recipe: with them.
            changes: name -> old and new value.
            step: after which.
        """
        entry = {"step": step, "version": rga.__version__, **changes}
        return dataclasses.replace(self, fields=recipe.to_dict(), changes=(*self.changes, entry))

    def missing(self, recipe: Recipe) -> dict[str, Any]:
        """The fields of a recipe that are not in the record, as in those of earlier versions, with the values that are taken."""
        there = {name for group in self.fields.values() if isinstance(group, Mapping) for name in group} | set(self.fields)
        return {name: value for name, value in recipe.fields().items() if name not in there}

    def read(self, kind: type[AnyRecipe], path: Path) -> AnyRecipe:
        """The recipe of a run.

        Args:
            kind: of the recipe.
            path: of the file, for errors.

        Raises:
            InputError: there are fields that this version does not know, or values that they do not take.
        """
        try:
            return kind.from_dict(self.fields)
        except InputError as error:
            raise InputError(f"{path} (written by rga {self.version}, this is {rga.__version__}): {error}") from error


def read_record(path: Path) -> RunRecord:
    """Reads ``recipe.json``.

    Args:
        path: of the file.

    Raises:
        MissingFileError: there is none.
        InputError: it is damaged, of the first edition, of a later version, or of another program.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no recipe at {path}")
    try:
        contents = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(contents, dict):
            raise InputError("it is not an object")
        version = contents.get("format", 1)
        if version != FORMAT:
            advice = "start a new run by it: rga train " + str(path) if version == 1 else "update rga to read it"
            raise InputError(f"it has format {version}, and this version reads format {FORMAT}: {advice}")
        data = contents["data"]
        return RunRecord(
            contents["task"],
            contents["fields"],
            data["fingerprint"],
            data["samples"],
            contents["recipe"],
            contents["version"],
            tuple(contents["changes"]),
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        reason = str(error) if isinstance(error, InputError) else repr(error)
        raise InputError(f"{path} is not the record of a run, or damaged: {reason}") from error


def read_run(folder: Path) -> RunRecord:
    """Reads the record of a run's folder.

    Raises:
        MissingFileError: there is no run.
        InputError: the record is damaged.
    """
    if not (folder / RECIPE_FILE).is_file():
        if (folder.parent / RECIPE_FILE).is_file() and folder.name in (*MODELS, LAST, PREVIOUS, LOG_FILE, RECIPE_FILE):
            raise MissingFileError(f"{folder} is a part of a run: name the run, {folder.parent}")
        if not folder.exists():
            raise MissingFileError(f"there is no run in {folder}{neighbours(folder)}; name the folder of a run, with {RECIPE_FILE} in it")
        left = ", only a checkpoint" if any((folder / name).exists() for name in (LAST, PREVIOUS)) else ""
        raise MissingFileError(f"there is no run in {folder}: it has no {RECIPE_FILE}{left}; name the folder of a run")
    return read_record(folder / RECIPE_FILE)


def check_new(folder: Path) -> bool:
    """Checks that a new run may begin in a folder.

    Returns:
        Whether one began there before that left nothing but its record and its log.

    Raises:
        ExistingFileError: the folder holds a run, or models of one, or something that would be overwritten and is of another program.
    """
    if any((folder / name).exists() for name in (LAST, PREVIOUS)):
        raise ExistingFileError(
            f"{folder} holds a run already: use it, continue it with rga resume {folder}, or choose another folder with --output"
        )
    there = [name for name in MODELS if (folder / name).exists()]
    if there:
        raise ExistingFileError(
            f"{folder} holds {' and '.join(there)} already, and no checkpoint: choose another folder with --output, or move them away"
        )
    if (folder / RECIPE_FILE).exists():
        read_run(folder)
        return True
    if (folder / LOG_FILE).exists():
        raise ExistingFileError(f"{folder / LOG_FILE} is there already, and not of a run: choose another folder with --output")
    return False


def differences(old: Recipe, new: Recipe) -> dict[str, tuple[Any, Any]]:
    """The fields of two recipes of one kind that differ: name -> (old, new)."""
    now = new.fields()
    return {name: (value, now[name]) for name, value in old.fields().items() if value != now[name]}


def check_changes(changes: Mapping[str, tuple[Any, Any]], folder: Path) -> None:
    """Refuses changes that would make another training of a run.

    Raises:
        InputError: there are such; each is named, with its old and its new value.
    """
    refused = {name: pair for name, pair in changes.items() if name not in CHANGEABLE | LOCATIONS}
    if refused:
        was = " and ".join(f"{name} {shown(old)}" for name, (old, _) in refused.items())
        wanted = " and ".join(f"{name} {shown(new)}" for name, (_, new) in refused.items())
        raise InputError(
            f"the run in {folder} has {was}, and {wanted} would make it another training: leave that out to continue, or start a new run "
            f"with rga train {folder / RECIPE_FILE}"
        )


def check_data(record: RunRecord, changes: Mapping[str, tuple[Any, Any]], fingerprint: str, samples: int, folder: Path) -> None:
    """Refuses data that are not those of a run.

    Files that were changed in place are not refused: a damaged image may have been fixed.

    Args:
        record: of the run.
        changes: of its recipe.
        fingerprint: of the data that are there now.
        samples: that are there now to train on.
        folder: of the run.

    Raises:
        InputError: other data were named, or there are more or fewer images to train on.
    """
    if fingerprint == record.fingerprint:
        return
    for name in sorted(LOCATIONS & changes.keys()):
        old, new = changes[name]
        raise InputError(
            f"the run in {folder} has {name} {shown(old)} with the fingerprint {record.fingerprint}, and {name} {shown(new)} holds "
            f"other data ({fingerprint}): name the same data, or start a new run with rga train {folder / RECIPE_FILE}"
        )
    if samples != record.samples:
        raise InputError(
            f"the run in {folder} has {record.samples:,} images to train on, and there are {samples:,} now: put the data back as they "
            "were, or start a new run; damaged images need not be taken out, --set skip_damaged=true passes over them"
        )


def shown(value: Any) -> str:
    """A field's value, as people type it."""
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value)) or "(empty)"
    return str(value) or "(empty)"
