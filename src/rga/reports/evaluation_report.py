"""What ``rga evaluate --report`` writes: a page to read and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rga.datasets.layout import relative
from rga.ranking.blocks import DistanceRows
from rga.ranking.examination import WORST, Examination
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.threshold import Threshold
from rga.reid.datasets.samples import ReidData
from rga.reid.model import Feature
from rga.reports.rank_list import rank_lists_by
from rga.reports.ranking_report import Findings, ranking_sections
from rga.reports.report import write_report
from rga.storage.files import holds, write_json

PAGE, FIGURES = "report.html", "report.json"


def check_report(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuses a folder for a report that holds another one.

    Args:
        folder: of the report.
        settings: what is evaluated and how: the report on the same may be written again.

    Raises:
        FileExistsError: the folder holds another report, or files of these names that are none.
    """
    there = [name for name in (PAGE, FIGURES) if (folder / name).exists()]
    if there and not ((folder / FIGURES).is_file() and holds(folder / FIGURES, json.loads(json.dumps(settings)))):
        raise FileExistsError(
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
        folder: where to.
        written: what stands in the results' file.
        tested: the data.
        examined: the ranking by each feature.
        opened: open-set identification by each feature; empty if it was not asked for.
        distances: by the feature that is shown.
        shown: the feature whose distances, cameras and queries are shown.
        threshold: of that feature, if one was chosen.
    """
    names = [relative(sample.path, tested.root) for sample in tested.query]
    details = examined[shown].details
    places = details.queries[details.worst(WORST)].tolist()
    findings = Findings(
        examined=dict(examined.items()),
        open_set=dict(opened.items()),
        shown=shown,
        threshold=None if threshold is None else threshold.distance,
        worst=rank_lists_by(distances, tested.query, tested.gallery, places),
        names=[names[place] for place in places],
    )
    best = max(examined.values(), key=lambda each: each.result.mAP).result
    trained = written["trained_on"].get("name", "data that it does not tell")
    lead = f"mAP {best.mAP:.1%}, R1 {best.cmc[0]:.1%} on {tested.name}, by a model trained on {trained}."
    footer = f"Data with fingerprint [[{tested.fingerprint}]]; features of mirror images averaged in: {'yes' if written['flip'] else 'no'}."
    write_report(folder / PAGE, f"How well people are found: {tested.name}", lead, ranking_sections(findings), footer)
    figures = {**written, "examined": {name: each.to_dict(names) for name, each in examined.items()}}
    write_json(folder / FIGURES, json.loads(json.dumps(figures)))
