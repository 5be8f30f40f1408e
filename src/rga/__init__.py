"""Relation-Aware Global Attention (Zhang et al., arXiv 1904.02998), exact and fast, on any CNN.

Names are imported when they are first used, so that ``import rga`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rga.attachment import attach, attached, detach, resample
    from rga.attachment.costs import cost
    from rga.attachment.stages import find_stages
    from rga.attention.catalog import create_attention, list_attentions
    from rga.attention.grid import GridMismatchError
    from rga.attention.recorder import record
    from rga.attention.reference import from_reference, to_reference
    from rga.loading import load

__version__ = "0.1.0"

__all__ = [
    "GridMismatchError",
    "attach",
    "attached",
    "cost",
    "create_attention",
    "detach",
    "find_stages",
    "from_reference",
    "list_attentions",
    "load",
    "record",
    "resample",
    "to_reference",
]

HOMES = {
    "GridMismatchError": "rga.attention.grid",
    "attach": "rga.attachment",
    "attached": "rga.attachment",
    "cost": "rga.attachment.costs",
    "create_attention": "rga.attention.catalog",
    "detach": "rga.attachment",
    "find_stages": "rga.attachment.stages",
    "from_reference": "rga.attention.reference",
    "list_attentions": "rga.attention.catalog",
    "load": "rga.loading",
    "record": "rga.attention.recorder",
    "resample": "rga.attachment",
    "to_reference": "rga.attention.reference",
}
"""The module in which each public name lives."""


TASKS = {"classification", "reid", "segmentation"}
"""The packages of the applications, reached as ``rga.reid``."""


def __getattr__(name: str) -> object:
    """Imports a public name from its home, or a task's package."""
    if name in TASKS:
        return importlib.import_module(f"rga.{name}")
    if name not in HOMES:
        raise AttributeError(f"module 'rga' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, *TASKS, "__version__"]
