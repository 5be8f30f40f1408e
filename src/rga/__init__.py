"""Relation-Aware Global Attention (Zhang et al., arXiv 1904.02998), exact and fast, on any CNN.

Names are imported when they are first used, so that ``import rga`` is light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.attachment import attach, attached, detach, resample
    from rga.attachment.costs import cost
    from rga.attachment.stages import find_stages
    from rga.attention.catalog import create_attention, list_attentions
    from rga.attention.grid import GridMismatchError
    from rga.attention.recorder import record
    from rga.attention.reference import from_reference, to_reference
    from rga.attention.spectral.conversion import make_exact, make_spectral
    from rga.datasets.spec import DataSpec
    from rga.deploy.exporting import export
    from rga.deploy.optimising import optimise
    from rga.evaluations import calibrate, evaluate
    from rga.opening import load
    from rga.recipes import read_recipe
    from rga.run_reports import report
    from rga.runs import resume, train

__version__ = "0.1.0"

__all__ = [
    "DataSpec",
    "GridMismatchError",
    "attach",
    "attached",
    "calibrate",
    "cost",
    "create_attention",
    "detach",
    "evaluate",
    "export",
    "find_stages",
    "from_reference",
    "list_attentions",
    "load",
    "make_exact",
    "make_spectral",
    "optimise",
    "read_recipe",
    "record",
    "report",
    "resample",
    "resume",
    "to_reference",
    "train",
]

HOMES = {
    "DataSpec": "rga.datasets.spec",
    "GridMismatchError": "rga.attention.grid",
    "attach": "rga.attachment",
    "attached": "rga.attachment",
    "calibrate": "rga.evaluations",
    "cost": "rga.attachment.costs",
    "create_attention": "rga.attention.catalog",
    "detach": "rga.attachment",
    "evaluate": "rga.evaluations",
    "export": "rga.deploy.exporting",
    "find_stages": "rga.attachment.stages",
    "from_reference": "rga.attention.reference",
    "list_attentions": "rga.attention.catalog",
    "load": "rga.opening",
    "make_exact": "rga.attention.spectral.conversion",
    "make_spectral": "rga.attention.spectral.conversion",
    "optimise": "rga.deploy.optimising",
    "read_recipe": "rga.recipes",
    "record": "rga.attention.recorder",
    "report": "rga.run_reports",
    "resample": "rga.attachment",
    "resume": "rga.runs",
    "to_reference": "rga.attention.reference",
    "train": "rga.runs",
}
"""The module in which each public name lives."""

PACKAGES = frozenset({"classification", "explanation", "reid", "segmentation"})
"""The packages of the applications, reached as ``rga.reid``."""

__getattr__, __dir__ = lazily(__name__, HOMES, PACKAGES)
