"""``rga resume RUN``: continues a training that was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rga.errors import InputError


def resume(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    start: Annotated[Literal["last", "previous"], tyro.conf.arg(name="from")] = "last",
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="KEY=VALUE"), tyro.conf.UseAppendAction] = (),
) -> int:
    """Continue a training that was stopped, by its own recipe.

    Args:
        run: Folder of the run.
        start: Checkpoint to continue from: previous where the last one is damaged.
        changes: Change a field of the recipe from here on, such as --set epochs=80 --set lr=1e-4, or --set data=market1501:DIR if the data
            were moved. Changes are checked and recorded; those that would make it another training are refused.
    """
    from rga.runs import resume as go_on  # noqa: PLC0415  PyTorch, which help does not need

    return go_on(run, previous=start == "previous", changes=dict(map(pair, changes))).exit_code


def pair(text: str) -> tuple[str, Any]:
    """Name and value of KEY=VALUE: numbers, true, false, none, lists with commas, JSON, or text.

    Example:
        >>> pair("milestones=40,70"), pair("lr=1e-4"), pair("margin=none")
        (('milestones', [40, 70]), ('lr', 0.0001), ('margin', None))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--set takes KEY=VALUE, such as epochs=80, got {text!r}")
    return name, read(value) if "," not in value or value.startswith(("[", "{")) else [read(each) for each in value.split(",") if each]


def read(text: str) -> Any:
    """A value as it was typed."""
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text
