"""What a model is evaluated on: a dataset that is named, read as in the training, or the data of the training themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError, RgaError
from rga.recipes import recipe_from_file
from rga.reid.datasets.check import cautions
from rga.reid.datasets.samples import ReidData
from rga.tasks import recipe_type
from rga.training.recipe import Recipe, read_fields
from rga.training.run.record import MODELS, RECIPE_FILE
from rga.training.task import Task

AnyTask = Task[Any, Any, Any, Any]


@dataclass(frozen=True)
class ChosenData:
    """Data that a model is evaluated on.

    Attributes:
        data: of the model's task.
        read_as: the datasets with all options, in the order in which they are named; the first is tested on.
        notes: what a reader of the figures should know, as sentences.
    """

    data: Any
    read_as: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose_data(task: AnyTask, trained_on: Mapping[str, Any], source: Path | None, data: DataSpec | str | None) -> ChosenData:
    """Reads what a model is evaluated on.

    Args:
        task: of the model.
        trained_on: what the model remembers of its data.
        source: the folder that it is from; None for one that is in no folder.
        data: the dataset that is named; None for that of the training. Options that it lacks are those of the training, where that was read
            by the same reader.

    Raises:
        InputError: no dataset is named and the model remembers none, or a dataset or an option is unknown.
        MissingFileError: the data are not where they were.
        DataError: the data are not what their format says.
    """
    if data is None:
        return own_data(task, trained_on, source)
    spec = data if isinstance(data, DataSpec) else DataSpec.parse(data)
    try:
        recipe = recipe_of_model(task.name, source, trained_on)
    except RgaError as error:
        recipe, notes = None, [f"the options of the training are not known, and not applied to {spec}: {error}"]
    else:
        notes = []
    read_as = spec if recipe is None else spec.like(*recipe.datasets())
    if read_as != spec:
        taken = ", ".join(f"{name}={value}" for name, value in read_as.options.items() if name not in spec.options)
        notes.append(f"{spec} is read as in the training of the model: {taken} (to read it without an option, add ?OPTION=none)")
    found = task.datasets.read(read_as)
    if isinstance(found, ReidData):
        notes += cautions(found)
        notes += trained_images(task, recipe, found)
    return ChosenData(found, (str(read_as),), tuple(notes))


def own_data(task: AnyTask, trained_on: Mapping[str, Any], source: Path | None) -> ChosenData:
    """The data of a model's training: by the recipe of its run, or as the model remembers them where the run is not there.

    Raises:
        InputError: neither does.
        MissingFileError: the data are not where they were.
    """
    recipe = recipe_of_model(task.name, source, trained_on)
    if recipe is None:
        raise InputError("the model does not say what data it was trained with: name a dataset with --data NAME:FOLDER")
    try:
        data = task.read(recipe)
    except MissingFileError as error:
        raise MissingFileError(
            f"{str(error).rstrip('.')}. The model was trained with {recipe.data}: if the data were moved, name them with --data"
        ) from error
    notes = []
    before = trained_on.get("fingerprint", data.fingerprint)
    if before != data.fingerprint:
        notes.append(f"the data have changed since the training: their fingerprint was {before}, and is {data.fingerprint}")
    if isinstance(data, ReidData):
        notes += cautions(data)
    return ChosenData(data, tuple(map(str, recipe.datasets())), tuple(notes))


def trained_images(task: AnyTask, recipe: Recipe | None, tested: ReidData) -> list[str]:
    """A sentence about the images of a test that the model was trained on; none where there are none, or its data are gone."""
    if recipe is None:
        return []
    try:
        trained: ReidData = task.read(recipe)
    except (RgaError, OSError):  # elsewhere, or changed: nothing can be compared
        return []
    seen = {os.path.realpath(sample.path) for sample in trained.train}
    images = {sample.path for sample in (*tested.query, *tested.gallery)}
    again = sum(os.path.realpath(path) in seen for path in images)
    return [f"the model was trained on {again:,} of the {len(images):,} images of this test: the figures are too high"] if again else []


def recipe_of_model(task: str, source: Path | None, trained_on: Mapping[str, Any]) -> Recipe | None:
    """The recipe of the training of a model, which says how its data are read.

    Args:
        task: of the model.
        source: the folder of its run, or of one of the run's models; None for a model that is in no folder.
        trained_on: what the model itself remembers of its data. Where there is no run, all other fields have their defaults.

    Returns:
        The recipe; None if nothing is known of the data.

    Raises:
        InputError: the record of the run, or what the model remembers, is damaged.
    """
    if source is not None:
        folder = source.resolve()
        file = (folder.parent if folder.name in MODELS else folder) / RECIPE_FILE
        recipe = recipe_from_file(file) if file.is_file() else None
        if recipe is not None and recipe.task == task:
            return recipe
    kind = recipe_type(task)
    chosen = {name: trained_on[name] for name in kind.DATA_FIELDS if name in trained_on}
    return read_fields(kind, chosen) if "data" in chosen else None
