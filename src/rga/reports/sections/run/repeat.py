"""The commands that repeat each run, evaluate it and explain it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rga.reports.report import Command, Section
from rga.reports.reported_run import ReportedRun
from rga.training.run.record import RECIPE_FILE


def section(runs: Sequence[ReportedRun]) -> Section:
    """Commands for each run."""
    parts = []
    for run in runs:
        folder = shlex.quote(str(run.folder))
        data = f" --data {shlex.quote(run.read_as)}" if run.named else ""
        parts += [
            Command(f"Train {run.name} again, by all its choices:", f"rga train {shlex.quote(str(run.folder / RECIPE_FILE))} -o again"),
            Command(f"Measure {run.name} again:", f"rga evaluate {folder}{data}"),
            Command(f"See what {run.name} looked at:", f"rga explain {folder} IMAGES -o explained"),
        ]
    return Section("Commands", tuple(parts))
