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
    from rga.backbones.timm_networks import register_timm
    from rga.datasets.spec import DataSpec
    from rga.deploy.card import model_card
    from rga.deploy.exporting import export
    from rga.deploy.optimising import optimise
    from rga.deploy.programs.exporting import export_for
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
    "export_for",
    "find_stages",
    "from_reference",
    "list_attentions",
    "load",
    "make_exact",
    "make_spectral",
    "model_card",
    "optimise",
    "read_recipe",
    "record",
    "register_timm",
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
    "export_for": "rga.deploy.programs.exporting",
    "find_stages": "rga.attachment.stages",
    "from_reference": "rga.attention.reference",
    "list_attentions": "rga.attention.catalog",
    "load": "rga.opening",
    "make_exact": "rga.attention.spectral.conversion",
    "make_spectral": "rga.attention.spectral.conversion",
    "model_card": "rga.deploy.card",
    "optimise": "rga.deploy.optimising",
    "read_recipe": "rga.recipes",
    "record": "rga.attention.recorder",
    "register_timm": "rga.backbones.timm_networks",
    "report": "rga.run_reports",
    "resample": "rga.attachment",
    "resume": "rga.runs",
    "to_reference": "rga.attention.reference",
    "train": "rga.runs",
}
"""The module in which each public name lives."""

PACKAGES = frozenset({"classification", "detection", "explanation", "reid", "segmentation"})
"""The packages of the applications, reached as ``rga.reid``."""

__getattr__, __dir__ = lazily(__name__, HOMES, PACKAGES)
