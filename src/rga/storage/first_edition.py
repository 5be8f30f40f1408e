"""Files of the first edition of rga under the names of this one: saved models, checkpoints and recipes.

The second edition renamed things and changed no number. Each function takes what a file holds and returns it under the new names; contents
that have the new names already are returned as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

BACKBONE = ("trunk.", "backbone.")
"""What the keys of a backbone's weights began with, and what they begin with."""

OPTIONS = {"trunk": "backbone", "trunk_options": "backbone_options", "middle": "crop_pct"}
"""Options of models: old name -> new name."""

FIELDS = {
    **OPTIONS,
    "trunk_rate_scale": "backbone_lr_scale",
    "rate": "lr",
    "start_rate": "warmup_start_lr",
    "warmup": "warmup_epochs",
    "factor": "lr_decay",
    "identities": "ids_per_batch",
    "images": "images_per_id",
    "batch": "batch_size",
    "test_batch": "eval_batch_size",
    "smoothing": "label_smoothing",
    "flip": "random_flip",
    "erase": "random_erasing",
    "averaging": "ema_decay",
    "recompute": "activation_checkpointing",
    "synchronise_norms": "sync_bn",
    "accumulate": "gradient_accumulation",
    "clip_gradients": "gradient_clip_norm",
    "precision": "amp_dtype",
    "workers": "num_workers",
    "prefetch": "prefetch_factor",
    "hard_keep": "ohem_min_kept",
    "hard_threshold": "ohem_threshold",
}
"""Fields of recipes: old name -> new name."""

DATASETS = {"mask-folder": "folder", "class-folders": "folder", "class-zips": "zips", "scenes": "streets"}
"""Names of datasets: old -> new."""


def is_first_edition(keys: Iterable[str]) -> bool:
    """Whether the keys of a model's weights are those of the first edition."""
    return any(key.startswith(BACKBONE[0]) for key in keys)


def converted_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """A model's state dict under the new keys.

    Example:
        >>> converted_weights({"trunk.conv1.weight": 1, "neck.weight": 2})
        {'backbone.conv1.weight': 1, 'neck.weight': 2}
    """
    old, new = BACKBONE
    return {new + key.removeprefix(old) if key.startswith(old) else key: value for key, value in state.items()}


def converted_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a model's ``config.json`` that have another name now, under their new names.

    Example:
        >>> converted_options({"trunk": "resnet50", "last_stride": 1})
        {'backbone': 'resnet50'}
    """
    return {OPTIONS[name]: value for name, value in config.items() if name in OPTIONS}


def converted_recipe(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe, as ``recipe.json`` holds them, under the new names.

    Example:
        >>> converted_recipe({"trunk": "resnet50", "rate": 0.1, "data": "class-zips", "crop": "resized", "smallest_crop": 0.2})
        {'backbone': 'resnet50', 'lr': 0.1, 'data': 'zips', 'crop': 'resized', 'scale': [0.2, 1.0]}
    """
    if "trunk" not in fields:
        return dict(fields)
    converted: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "smallest_crop":
            converted["scale"] = [value, 1.0]
        elif name == "smallest_scale":
            converted["scale"] = [value, fields["largest_scale"]]
        elif name == "data":
            converted["data"] = DATASETS.get(value, value)
        elif name == "crop" and not isinstance(value, str):  # of re-ID, a probability; that of classification names a way to crop
            converted["random_crop"] = value
        elif name != "largest_scale":
            converted[FIELDS.get(name, name)] = value
    return converted


def converted_checkpoint(contents: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of a checkpoint of format 4 under the names of format 5."""
    converted = {name: value for name, value in contents.items() if name != "averaged"}
    converted["model"] = converted_weights(contents["model"])
    converted["ema"] = converted_weights(contents["averaged"])
    for name in ("best", "metrics"):  # by the weights that they were measured on
        converted[name] = {"ema" if weights == "averaged" else weights: value for weights, value in contents[name].items()}
    return converted
