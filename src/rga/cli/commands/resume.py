"""``rga resume RUN``: continues a training that was stopped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rga.errors import InputError


def resume(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    start: Annotated[Literal["last", "previous"], tyro.conf.arg(name="from")] = "last",
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="KEY=VALUE"), tyro.conf.UseAppendAction] = (),
) -> int:
    """Continue a training that was stopped, with its own recipe.

    Args:
        run: Folder of the run.
        start: Checkpoint to continue from. Choose previous if the last one is damaged.
        changes: Change a field of the recipe from here on: --set epochs=80 --set lr=1e-4 --set milestones=40,70. If the data have moved,
            give the new folder: --set data=market1501:DIR. Changes are recorded in the run. A change that would make it a different
            training, such as another backbone, is refused.
    """
    from rga.runs import resume as go_on  # noqa: PLC0415  PyTorch, which help does not need

    pairs = [pair(text) for text in changes]
    doubled = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if doubled:
        raise InputError(f"--set {doubled[0]} is there twice: give one value")
    return go_on(run, previous=start == "previous", changes=dict(pairs)).exit_code


def pair(text: str) -> tuple[str, str]:
    """Name and value of KEY=VALUE; the type of the field tells how the value is read.

    Example:
        >>> pair("milestones=40,70")
        ('milestones', '40,70')
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--set takes KEY=VALUE, such as --set epochs=80, got {text!r}")
    return name, value
