"""The report of ``rga report RUN [RUN ...]``: one run of any task, or several of one task side by side.

This file holds the order of the sections. What a task alone shows is listed by task; all else is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rga.errors import InputError
from rga.reports.findings import Findings
from rga.reports.reid_runs import findings_of
from rga.reports.report import Code, Section, Text, write_figures, write_report
from rga.reports.reported_run import ReportedRun
from rga.reports.sections.ranking import cameras, pairs, ranks
from rga.reports.sections.run import (
    class_accuracy,
    class_iou,
    class_precision,
    conditions,
    configuration,
    confusions,
    curves,
    embedding_map,
    found_objects,
    gates,
    predictions,
    query_by_query,
    rank_lists,
    reasons,
    repeat,
    results,
)

OnRuns = Callable[[Sequence[ReportedRun]], Section | None]


def of_rankings(make: Callable[[Findings], Section | None]) -> OnRuns:
    """A section on rankings as one on runs."""
    return lambda runs: make(findings_of(runs))


OF_TASKS: dict[str, tuple[OnRuns, ...]] = {
    "reid": (
        of_rankings(ranks.section),
        rank_lists.section,
        reasons.section,
        query_by_query.section,
        of_rankings(pairs.section),
        of_rankings(cameras.section),
        conditions.section,
    ),
    "segmentation": (class_iou.section, predictions.section),
    "detection": (class_precision.section, found_objects.section),
    "classification": (class_accuracy.section, confusions.section),
}
"""Task -> what it alone has to show."""


def check_together(runs: Sequence[ReportedRun]) -> None:
    """Raises an InputError if runs cannot be compared: they are of other tasks, or were evaluated on other data."""
    first = runs[0]
    for run in runs[1:]:
        if run.record.task != first.record.task:
            raise InputError(f"{run.folder} is for {run.record.task}, and {first.folder} for {first.record.task}: report on them apart")
        if run.data.fingerprint != first.data.fingerprint:
            raise InputError(
                f"{run.folder} was evaluated on {run.read_as} ({run.data.fingerprint}), and {first.folder} on {first.read_as} "
                f"({first.data.fingerprint}): name one dataset for all with --data"
            )


def sections_of(runs: Sequence[ReportedRun], map_file: str | None = None) -> list[Section]:
    """The sections of the report in their order; arguments as for ``write_run_report``."""
    own = [make(runs) for make in OF_TASKS[runs[0].record.task]]
    shown = [results.section(runs), curves.section(runs), *own, gates.section(runs)]
    if map_file is not None:
        shown.append(embedding_map.section(runs[-1], map_file))
    return [section for section in (*shown, configuration.section(runs), repeat.section(runs)) if section is not None]


def write_run_report(path: Path, runs: Sequence[ReportedRun], map_file: str | None = None, figures: Path | None = None) -> None:
    """Writes the report.

    Args:
        path: of the file.
        runs: one, or several of one task that were evaluated on the same data; the last one stands out.
        map_file: a file beside it with a map of the last run's features; None for none.
        figures: a folder for the figures as files, too; None for none.

    Raises:
        InputError: there are no runs, or they cannot be compared.
        MissingPackageError: matplotlib is not installed.
        OSError: the file cannot be written, or an image cannot be read.
    """
    if not runs:
        raise InputError("there are no runs to report on: name at least one")
    check_together(runs)
    first = runs[0]
    notes = dict.fromkeys(note for run in runs for note in run.notes)
    footer: Text = ("Dataset fingerprint ", Code(first.data.fingerprint), ".", *(f" Note: {note}." for note in notes))
    sections = sections_of(runs, map_file)
    if figures is not None:
        write_figures(figures, sections)
    write_report(path, title_of(runs), results.lead(runs), sections, footer)


def title_of(runs: Sequence[ReportedRun]) -> str:
    """The title of the page."""
    what = {"reid": "Re-identification", "segmentation": "Segmentation", "classification": "Classification", "detection": "Detection"}[
        runs[0].record.task
    ]
    return f"{what} on {runs[0].data.name}: {', '.join(run.name for run in runs)}"
