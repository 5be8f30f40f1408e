"""The data that a recipe chooses: one set or several joined, tested on its own test split, another set, or identities held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rga.reid.datasets.catalog import load_data
from rga.reid.datasets.samples import ReidData, join, validation_split
from rga.reid.recipe import ReidRecipe


def chosen_data(recipe: ReidRecipe) -> ReidData:
    """Reads the data of a recipe.

    Raises:
        ValueError: a set is not named NAME=ROOT, or what is chosen cannot be held out or joined.
    """
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
    """The dataset of NAME=ROOT."""
    name, equals, root = spec.partition("=")
    if not equals:
        raise ValueError(f"a dataset is named NAME=ROOT, got {spec!r}")
    return load_data(name, Path(root))
