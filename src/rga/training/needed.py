"""Fields of a recipe that do nothing without another one: a person who gives them means something, and is told.

Recipes themselves may hold such values: a recipe that is switched to a cosine keeps its milestones. Only what a person changes is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rga.errors import InputError


@dataclass(frozen=True)
class Needs:
    """Some fields, and what they need of another one.

    Attributes:
        fields: that do nothing otherwise.
        other: the field that decides.
        fits: its value -> whether the fields do something.
        wanted: a value that fits, in words.
    """

    fields: tuple[str, ...]
    other: str
    fits: Callable[[Any], bool]
    wanted: str


def above_zero(value: float) -> bool:
    """Whether a weight or a threshold is in use."""
    return value > 0


OF_ALL = (
    Needs(("milestones", "lr_decay"), "schedule", lambda value: value == "steps", "steps"),
    Needs(("nesterov",), "optimizer", lambda value: value == "sgd", "sgd"),
    Needs(("warmup_start_lr",), "warmup_epochs", above_zero, "a number above 0"),
    Needs(("largest_grid",), "fit", lambda value: value == "pool", "pool"),
)
"""Of the recipes of all tasks."""


def check_needed(now: Mapping[str, Any], before: Mapping[str, Any], needs: Iterable[Needs]) -> None:
    """Refuses changes of fields that do nothing.

    Args:
        now: name -> value of all fields, with the changes.
        before: the same without them.
        needs: what fields need.

    Raises:
        InputError: a field was changed that needs another value of another field.
    """
    for need in needs:
        idle = [name for name in need.fields if now[name] != before[name]]
        if idle and not need.fits(now[need.other]):
            does, them = ("does", "it") if len(idle) == 1 else ("do", "them")
            raise InputError(
                f"{' and '.join(idle)} {does} nothing, since {need.other} is {now[need.other]}: choose {need.wanted} there, or leave "
                f"{them} out"
            )
