"""Recipes of the first edition, whose fields stood in one row under other names.

Its models load as they are (``storage.first_edition``). Its checkpoints do not: start a new run by the converted recipe, from the weights
of its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.tasks import recipe_type
from rga.training.recipe import Recipe, read_fields

NAMES = {
    "trunk": "backbone",
    "trunk_options": "backbone_options",
    "trunk_rate_scale": "backbone_lr_scale",
    "rate": "lr",
    "start_rate": "warmup_start_lr",
    "warmup": "warmup_epochs",
    "factor": "lr_decay",
    "clip_gradients": "gradient_clip_norm",
    "accumulate": "gradient_accumulation",
    "averaging": "ema_decay",
    "recompute": "activation_checkpointing",
    "synchronise_norms": "sync_bn",
    "precision": "amp_dtype",
    "workers": "num_workers",
    "prefetch": "prefetch_factor",
    "identities": "ids_per_batch",
    "images": "images_per_id",
    "passes": "passes_per_epoch",
    "batch": "batch_size",
    "test_batch": "eval_batch_size",
    "smoothing": "label_smoothing",
    "erase": "random_erasing",
    "flip": "random_flip",
    "middle": "crop_pct",
    "hard_threshold": "ohem_threshold",
    "hard_keep": "ohem_min_kept",
    "attention_grid": "largest_grid",
    "evaluate_on": "eval_split",
    "test_windows": "eval_windows",
}
"""Field of the first edition -> field."""

DATASETS = {"mask-folder": "folder", "class-folders": "folder", "class-zips": "zips", "scenes": "streets"}
"""Dataset of the first edition -> dataset."""

OPTIONS = {"subset": "allow_subset", "camera_pattern": "camera", "test_folder": "test_folder"}
"""Field of the first edition -> option of the dataset's reader."""


def convert_recipe(old: Mapping[str, Any]) -> Recipe:
    """The recipe of a ``recipe.json`` of the first edition.

    Raises:
        InputError: it has fields that neither edition knows, or lacks one that all of them have.
    """
    kind = recipe_type(task_of(old))
    try:
        fields = renamed(old, kind.task)
    except KeyError as error:
        raise InputError(f"it is of the first edition and lacks the field {error}") from error
    return read_fields(kind, fields)


def renamed(old: Mapping[str, Any], task: str) -> dict[str, Any]:
    """The fields of a recipe of the first edition under their new names."""
    values = {name: value for name, value in old.items() if name not in ("data_fingerprint", "run")}
    name = values.pop("data")
    options = {option: values.pop(field) for field, option in OPTIONS.items() if field in values}
    root = Path(values.pop("root", "data"))
    spec = DataSpec(DATASETS.get(name, name), None if name == "digits" else root, {k: v for k, v in options.items() if v})
    new: dict[str, Any] = {"data": spec}
    for first, second, field in (("height", "width", "image_size"), ("smallest_scale", "largest_scale", "scale")):
        if first in values:
            new[field] = (values.pop(first), values.pop(second))
    if task == "segmentation":
        new["crop_size"] = new.pop("image_size")
    if task == "classification":
        new["image_size"] = values.pop("size")
        new["scale"] = (values.pop("smallest_crop", 0.08), 1.0)
    if task == "reid":
        new["random_crop"] = values.pop("crop", 0.5)
        new["also_train"] = tuple(map(dataset, values.pop("also_train", ())))
        test = values.pop("test", "")
        new["test_data"] = dataset(test) if test else None
    return new | {NAMES.get(field, field): value for field, value in values.items()}


def dataset(text: str) -> DataSpec:
    """A dataset as the first edition wrote it, NAME=FOLDER."""
    name, _, root = text.partition("=")
    return DataSpec(name, Path(root))


def task_of(old: Mapping[str, Any]) -> str:
    """The task of a recipe: named by its run, or told by its fields."""
    named = old.get("run", {}).get("kind", "")
    if named:
        return str(named)
    if "identities" in old:
        return "reid"
    return "segmentation" if "output_stride" in old else "classification"
