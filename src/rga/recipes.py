"""Recipes by name and from files, without importing PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rga.errors import InputError, MissingFileError
from rga.first_edition import convert_recipe
from rga.storage.found import neighbours
from rga.tasks import get_recipe, recipe_type
from rga.training.recipe import Recipe


def read_recipe(source: str | Path) -> Recipe:
    """A recipe by its name, or from a file: the ``recipe.json`` of a run, or what ``rga train --show NAME`` prints.

    Raises:
        MissingFileError: the file is not there.
        InputError: there is no such recipe, or the file does not hold one.
    """
    path = Path(source)
    if path.suffix == ".json" or path.is_file():
        return recipe_from_file(path)
    return get_recipe(str(source))


def recipe_from_file(path: Path) -> Recipe:
    """The recipe in a file; those of the first edition are converted.

    Raises:
        MissingFileError: the file is not there.
        InputError: it does not hold a recipe.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no recipe at {path}{neighbours(path)}")
    try:
        contents: Any = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=no_doubles)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    try:
        if not isinstance(contents, dict):
            raise InputError("it must hold an object with task and fields")  # noqa: TRY301  the same in the end
        if "fields" not in contents and "trunk" in contents:
            return convert_recipe(contents)
        if not {"task", "fields"} <= contents.keys():
            raise InputError("it must hold task and fields")  # noqa: TRY301  the same in the end
        return recipe_type(contents["task"]).from_dict(contents["fields"])
    except InputError as error:
        raise InputError(f"{path} does not hold a recipe: {error}") from error


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON as a dictionary.

    Raises:
        InputError: a name is there twice, of which Python's reader takes the last without a word.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise InputError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice: leave one of them out")
    return found


def to_json(recipe: Recipe) -> str:
    """A recipe as a file holds it."""
    return json.dumps({"task": recipe.task, "fields": recipe.to_dict()}, indent=2)
