"""A link to the map of images by their features, which is a file of its own."""

from __future__ import annotations

from rga.reports.report import Link, Paragraph, Section
from rga.reports.reported_run import ReportedRun


def section(run: ReportedRun, file: str) -> Section:
    """One sentence."""
    text = (Link("Open the embedding map", file), f" of {run.name}: each point is an image, each colour a person; point at one to see it.")
    return Section("Embedding map", (Paragraph(text),))
