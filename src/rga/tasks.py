"""The registry of tasks: which there are, and their recipes by name. A new task is one line here.

Recipes are found without importing PyTorch; a task itself is imported when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rga.checks import nearest
from rga.errors import InputError

if TYPE_CHECKING:
    from rga.training.recipe import Recipe
    from rga.training.task import Task

TASKS: dict[str, str] = {
    "reid": "rga.reid",
    "segmentation": "rga.segmentation",
    "classification": "rga.classification",
    "detection": "rga.detection",
}
"""Name of a task -> its package, which has a ``task`` module with ``TASK`` and a ``recipes`` module with ``RECIPES``."""

SHORT: dict[str, str] = {"reid": "reid", "segmentation": "seg", "classification": "cls", "detection": "detection"}
"""Name of a task -> what the names of its recipes begin with, as in seg/cityscapes."""


def get_task(name: str) -> Task[Any, Any, Any, Any]:
    """The task of a name.

    Raises:
        InputError: there is no such task.
    """
    if name not in TASKS:
        raise InputError(f"unknown task {name!r}{nearest(name, TASKS)}")
    task: Task[Any, Any, Any, Any] = importlib.import_module(f"{TASKS[name]}.task").TASK
    return task


def recipe_functions() -> dict[str, Callable[[], Recipe]]:
    """Name -> the function that makes the recipe, of all tasks: ``reid/market1501`` and so on."""
    return {
        f"{SHORT[task]}/{name}": function
        for task, package in TASKS.items()
        for name, function in importlib.import_module(f"{package}.recipes").RECIPES.items()
    }


def get_recipe(name: str) -> Recipe:
    """The recipe of a name, such as ``reid/market1501``.

    Raises:
        InputError: there is no such recipe.
    """
    known = recipe_functions()
    if name not in known:
        raise InputError(f"unknown recipe {name!r}{nearest(name, known)}")
    return known[name]()


def recipe_type(task: str) -> type[Recipe]:
    """The class of a task's recipes, without importing the task.

    Raises:
        InputError: there is no such task.
    """
    if not isinstance(task, str) or task not in TASKS:  # from a file it may be anything
        raise InputError(f"unknown task {task!r}{nearest(str(task), TASKS)}")
    return next(type(function()) for function in importlib.import_module(f"{TASKS[task]}.recipes").RECIPES.values())
