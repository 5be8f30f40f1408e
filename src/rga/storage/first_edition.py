"""Saved models of the first edition of rga under the names of this one; its recipes are in ``rga.first_edition``.

The second edition renamed things and left all values as they are. Each function takes what a file holds and returns it under the new
names; contents that have the new names already are returned as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

BACKBONE = ("trunk.", "backbone.")
"""What the keys of a backbone's weights began with, and what they begin with."""

OPTIONS = {"trunk": "backbone", "trunk_options": "backbone_options", "middle": "crop_pct"}
"""Options of models: old name -> new name."""


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
