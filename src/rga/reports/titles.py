"""Short names of models that stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rga.backbones.model import BackboneModel
from rga.errors import InputError


def titles_of(models: Sequence[tuple[str | Path, BackboneModel]]) -> list[str]:
    """A name for each model, by its attention; where two have the same one, by its folder, too.

    Args:
        models: where each is from, and the model.

    Raises:
        InputError: a model is named twice.
    """
    places = [str(Path(source).resolve()) for source, _ in models]
    twice = next((str(source) for (source, _), place in zip(models, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice: name each model once")
    names = [model.attention_title for _, model in models]
    folders = [Path(source).name for source, _ in models]
    if len(set(zip(names, folders, strict=True))) < len(models):
        folders = [str(source) for source, _ in models]
    return [f"{name} ({folder})" if names.count(name) > 1 else name for name, folder in zip(names, folders, strict=True)]
