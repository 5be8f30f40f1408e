"""How each run was trained: the fields of its recipe that differ, from the defaults or from run to run, and the versions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

import rga
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.training.run.record import shown


def section(runs: Sequence[ReportedRun]) -> Section:
    """One row a field."""
    fields = [run.recipe.fields() for run in runs]
    defaults = type(runs[0].recipe)().fields()
    different = [name for name in fields[0] if any(each[name] != defaults[name] for each in fields)]
    rows = [(name, *(shown(each[name]) for each in fields)) for name in different]
    facts = [
        ("recipe", *(run.record.recipe or "-" for run in runs)),
        ("trained with", *(f"rga {run.record.version}" for run in runs)),
        ("training images", *(f"{run.record.samples:,}" for run in runs)),
        ("fingerprint of the training data", *(run.record.fingerprint for run in runs)),
        ("fingerprint of the weights", *(run.weights for run in runs)),
        ("changed since the start", *("; ".join(map(said, run.record.changes)) or "-" for run in runs)),
    ]
    heads = ("", *(run.name for run in runs))
    caption = "The fields of the recipe that are not the task's defaults in one run at least."
    measured = f"Evaluated with rga {rga.__version__}, PyTorch {torch.__version__}, on {next(runs[0].model.parameters()).device.type}."
    return Section("Configuration", (Table(heads, tuple(rows), caption), Table(heads, tuple(facts), measured)))


def said(change: object) -> str:
    """A change of a run in words."""
    assert isinstance(change, dict)
    values = ", ".join(f"{name} {value}" for name, value in change.items() if name not in {"step", "version"})
    return f"from step {change.get('step', '?')} on: {values}"
