"""Datasets by name, whatever the task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

Data = TypeVar("Data")


def read_named(readers: Mapping[str, Callable[..., Data]], name: str, root: Path, options: Mapping[str, object]) -> Data:
    """Reads a dataset.

    Args:
        readers: name -> reader(root, **options).
        name: of one of them.
        root: of the data.
        options: of the reader.

    Raises:
        ValueError: the name is unknown, or the reader has no such option; or what the reader raises.
    """
    if name not in readers:
        raise ValueError(f"unknown dataset {name!r}: choose one of {', '.join(readers)}")
    accepted = option_names(readers[name])
    for option in options:
        if option not in accepted:
            raise ValueError(f"dataset {name!r} has no option {option!r}: it takes {', '.join(accepted) or 'none'}")
    return readers[name](Path(root).expanduser(), **options)


def option_names(reader: Callable[..., Any]) -> list[str]:
    """The options of a reader: its keyword-only parameters that are not bound yet."""
    bound = reader.keywords if isinstance(reader, partial) else {}
    return [p.name for p in inspect.signature(reader).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in bound]
