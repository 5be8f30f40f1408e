"""What a run was started with, as its folder tells it, and what may change when it goes on.

``recipe.json`` holds every field of the recipe, and is what a run goes on by: options that are typed then are changes of it. Some change
how fast or how long a training runs, and are taken over and recorded; others would make another training of it, and are refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

import rga
from rga.storage.files import write_json
from rga.storage.first_edition import converted_recipe
from rga.training.recipe import TrainingRecipe
from rga.training.run.checkpoint import LAST, PREVIOUS
from rga.training.run.log import LOG_FILE

Recipe = TypeVar("Recipe", bound=TrainingRecipe)

RECIPE_FILE = "recipe.json"
MODELS = ("best", "last", "best-ema", "last-ema")
"""The folders of models in a run's."""

CHANGEABLE = frozenset(
    (
        *(
            "epochs",
            "max_steps",
            "lr",
            "warmup_start_lr",
            "warmup_epochs",
            "schedule",
            "milestones",
            "lr_decay",
            "gradient_clip_norm",
        ),  # of what is left
        *("evaluate_every", "checkpoint_minutes", "checkpoint_every", "log_every", "tensorboard", "eval_batch_size"),
        *("device", "threads", "num_workers", "prefetch_factor", "channels_last", "activation_checkpointing", "compile", "skip_damaged"),
    )
)
"""Fields that may change when a run goes on: its length, what is left of its learning rates, what is written and when, the machine."""

PATHS = frozenset({"root", "also_train", "test"})
"""Fields that say where data lie: they may lie elsewhere, and must be the same."""


@dataclass(frozen=True)
class RunRecord:
    """What ``recipe.json`` holds.

    Attributes:
        fields: of the recipe, as JSON has them.
        data_fingerprint: of the data that the run began with.
        name: of the recipe; empty where none was named.
        kind: of the recipe: reid, segmentation, classification.
        samples: that it trains on; 0 where that is not recorded.
        version: of rga that started the run.
        changes: what was changed since, and at which step.
    """

    fields: Mapping[str, Any]
    data_fingerprint: str
    name: str = ""
    kind: str = ""
    samples: int = 0
    version: str = rga.__version__
    changes: tuple[Mapping[str, Any], ...] = field(default=())

    def write(self, folder: Path) -> None:
        """Writes ``recipe.json`` to a run's folder."""
        about = {name: getattr(self, name) for name in ("name", "kind", "samples", "version", "changes")}
        write_json(folder / RECIPE_FILE, {**self.fields, "data_fingerprint": self.data_fingerprint, "run": about})

    def changed(self, recipe: TrainingRecipe, changes: Mapping[str, str], step: int) -> RunRecord:
        """The record of a run that goes on with other values.

        Args:
            recipe: with them.
            changes: name -> what it was and is.
            step: after which.
        """
        entry = {"step": step, "version": rga.__version__, **changes}
        return dataclasses.replace(self, fields=recipe.to_dict(), changes=(*self.changes, entry))

    def missing(self, kind: type[Recipe]) -> dict[str, Any]:
        """The fields of a kind of recipes that are not in the record, as in those of earlier versions, with the values that are taken."""
        return {each.name: getattr(kind(), each.name) for each in dataclasses.fields(kind) if each.name not in self.fields}

    def recipe(self, kind: type[Recipe], folder: Path) -> Recipe:
        """The recipe of a run.

        Args:
            kind: of the recipe.
            folder: of the run, for errors.

        Raises:
            ValueError: there are fields that this version does not know, or values that they do not take.
        """
        types = get_type_hints(kind)
        known = {each.name for each in dataclasses.fields(kind)}
        unknown = [name for name in self.fields if name not in known]
        if unknown:
            raise ValueError(
                f"{folder / RECIPE_FILE} has fields that this version of rga ({rga.__version__}) does not know: {', '.join(unknown)}; "
                f"it was written by rga {self.version or 'of an earlier version'}: go on with that, or start a new run with --out"
            )
        values = {}
        for name, value in self.fields.items():
            try:
                values[name] = TypeAdapter(types[name]).validate_python(value)
            except ValidationError as error:
                raise ValueError(f"{folder / RECIPE_FILE} is damaged: {name} is {value!r} ({error.errors()[0]['msg']})") from error
        return kind(**values)


def read_record(folder: Path) -> RunRecord:
    """Reads ``recipe.json`` of a run's folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another program.
    """
    path = folder / RECIPE_FILE
    if not path.is_file():
        left = ", though a checkpoint" if any((folder / name).exists() for name in (LAST, PREVIOUS)) else ""
        raise FileNotFoundError(
            f"there is no run in {folder} to go on with: no {RECIPE_FILE}{left}; start without --resume, or name the run's "
            "folder with --out"
        )
    try:
        contents = json.loads(path.read_text())
        fingerprint, about = contents.pop("data_fingerprint"), contents.pop("run", {"version": ""})
        if not contents:
            raise ValueError("it has no field of a recipe")  # noqa: TRY301  the same in the end
        return RunRecord(converted_recipe(contents), fingerprint, **{**about, "changes": tuple(about.get("changes", ()))})
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is not the record of a run, or damaged: {error!r}; put it back, or choose another folder") from error


def check_new(folder: Path) -> bool:
    """Looks whether a new run may begin in a folder.

    Returns:
        Whether one began there before that left nothing but its record and its log.

    Raises:
        ValueError: the folder holds a run, or models of one, or something that would be written over and is of another program.
    """
    if any((folder / name).exists() for name in (LAST, PREVIOUS)):
        raise ValueError(f"{folder} holds a run already: go on with --resume, or choose another folder with --out")
    there = [name for name in MODELS if (folder / name).exists()]
    if there:
        raise ValueError(
            f"{folder} holds {' and '.join(there)} already, and no checkpoint: choose another folder with --out, or move them away"
        )
    if (folder / RECIPE_FILE).exists():
        read_record(folder)
        return True
    if (folder / LOG_FILE).exists():
        raise ValueError(f"{folder / LOG_FILE} is there already, and not of a run: choose another folder with --out")
    return False


def differences(old: TrainingRecipe, new: TrainingRecipe) -> dict[str, tuple[Any, Any]]:
    """The fields of two recipes of one kind that differ: name -> (old, new)."""
    pairs = {each.name: (getattr(old, each.name), getattr(new, each.name)) for each in dataclasses.fields(new)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def check_changes(changes: Mapping[str, tuple[Any, Any]], folder: Path) -> None:
    """Refuses changes that would make another training of a run.

    Raises:
        ValueError: there are such; each is named, with its old and its new value.
    """
    refused = {name: pair for name, pair in changes.items() if name not in CHANGEABLE | PATHS}
    if refused:
        was = " and ".join(f"{name} {shown(old)}" for name, (old, _) in refused.items())
        wanted = " and ".join(f"{name} {shown(new)}" for name, (_, new) in refused.items())
        raise ValueError(
            f"the run in {folder} has {was}, and {wanted} would make another training of it: leave that out to go on, or start a new run "
            "with --out"
        )


def check_data(record: RunRecord, changes: Mapping[str, tuple[Any, Any]], fingerprint: str, samples: int, folder: Path) -> None:
    """Refuses data that are not those of a run.

    Files that were changed in their place are not refused: a damaged image may have been fixed.

    Args:
        record: of the run.
        changes: of its recipe.
        fingerprint: of the data that are there now.
        samples: that are there now to train on.
        folder: of the run.

    Raises:
        ValueError: other data were named, or there are more or less to train on.
    """
    if fingerprint == record.data_fingerprint:
        return
    for name in sorted(PATHS & changes.keys()):
        old, new = changes[name]
        raise ValueError(
            f"the run in {folder} has {name} {shown(old)} with the fingerprint {record.data_fingerprint}, and {name} {shown(new)} holds "
            f"other data ({fingerprint}): name the same data, or start a new run with --out"
        )
    if record.samples and samples != record.samples:
        raise ValueError(
            f"the run in {folder} has {record.samples:,} images to train on, and there are {samples:,} now: put the data back as they "
            "were, or start a new run with --out; damaged images need not be taken out, --skip-damaged passes over them"
        )


def shown(value: Any) -> str:
    """A field's value, as people type it."""
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value)) or "(empty)"
    return str(value) or "(empty)"
