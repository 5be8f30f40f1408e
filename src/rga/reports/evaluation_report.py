"""The report of ``rga evaluate --report``: ``report.html`` to read, and the same values as ``report.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rga.datasets.layout import relative
from rga.errors import ExistingFileError
from rga.ranking.blocks import DistanceRows
from rga.ranking.examination import WORST, Examination
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.threshold import Threshold
from rga.reid.datasets.samples import ReidData
from rga.reid.model import Feature
from rga.reports.findings import Findings
from rga.reports.rank_list import rank_lists_by
from rga.reports.report import Code, Section, write_report
from rga.reports.sections.ranking import cameras, metrics, open_set, pairs, ranks, worst_queries
from rga.storage.files import holds, write_json

PAGE, FIGURES = "report.html", "report.json"

SECTIONS: tuple[Callable[[Findings], Section | None], ...] = (
    metrics.section,
    ranks.section,
    pairs.section,
    open_set.section,
    cameras.section,
    worst_queries.section,
)
"""In the order of the page."""


def ranking_sections(findings: Findings) -> list[Section]:
    """The sections of the report that have something to show."""
    return [section for make in SECTIONS if (section := make(findings)) is not None]


def check_report(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuses a report folder that holds a report on something else.

    Args:
        folder: of the report.
        settings: the data, the model and the options. A report on the same settings may be replaced.

    Raises:
        ExistingFileError: the folder holds another report, or other files of these names.
    """
    there = [name for name in (PAGE, FIGURES) if (folder / name).exists()]
    if there and not ((folder / FIGURES).is_file() and holds(folder / FIGURES, json.loads(json.dumps(settings)))):
        raise ExistingFileError(
            f"{folder} holds {' and '.join(there)} on other data, by other options or of other weights: name another folder with --report"
        )


def write_findings(
    folder: Path,
    written: Mapping[str, Any],
    tested: ReidData,
    examined: Mapping[Feature, Examination],
    opened: Mapping[Feature, OpenSetResult],
    distances: DistanceRows,
    *,
    shown: Feature,
    threshold: Threshold | None,
) -> None:
    """Writes ``report.html`` and ``report.json``.

    Args:
        folder: of the report.
        written: content of the results file.
        tested: the dataset.
        examined: feature -> the ranking by this feature.
        opened: feature -> open-set identification by this feature; empty if it was not evaluated.
        distances: by the feature ``shown``.
        shown: the feature whose distances, cameras and worst queries are shown.
        threshold: of that feature; None for none.

    Raises:
        OSError: a file cannot be written, or an image cannot be read.
    """
    names = [relative(sample.path, tested.root) for sample in tested.query]
    details = examined[shown].details
    worst = details.queries[details.worst(WORST)].tolist()
    findings = Findings(
        examined=dict(examined.items()),
        open_set=dict(opened.items()),
        shown=shown,
        threshold=None if threshold is None else threshold.distance,
        worst=rank_lists_by(distances, tested.query, tested.gallery, worst, tested.files),
        names=[names[index] for index in worst],
    )
    best = max(examined.values(), key=lambda each: each.result.mAP).result
    trained = written["trained_on"].get("name", "an unknown dataset")
    lead = f"mAP {best.mAP:.1%} and R1 {best.cmc[0]:.1%} on {tested.name}. The model was trained on {trained}."
    flipped = "averaged with those of the mirrored images" if written["flip"] else "of the images as they are"
    notes = "".join(f" Note: {note}." for note in written.get("notes", ()))
    footer = ("Dataset fingerprint ", Code(tested.fingerprint), f". Features {flipped}.{notes}")
    write_report(folder / PAGE, f"Re-identification on {tested.name}", lead, ranking_sections(findings), footer)
    figures = {**written, "examined": {name: each.to_dict(names) for name, each in examined.items()}}
    write_json(folder / FIGURES, json.loads(json.dumps(figures)))
