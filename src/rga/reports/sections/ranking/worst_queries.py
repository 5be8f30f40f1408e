"""The queries with the lowest average precision, and what was ranked first for them."""

from __future__ import annotations

from rga.reports.findings import Findings
from rga.reports.rank_list import LEGEND, draw_rank_lists
from rga.reports.report import Figure, Section, Table

DRAWN = 8
"""How many of the worst queries are drawn with their rank lists."""


def section(findings: Findings) -> Section:
    """A table of the worst queries, and the rank lists of the first ``DRAWN`` of them."""
    details = findings.examined[findings.shown].details
    rows = []
    for name, ranked, row in zip(findings.names, findings.worst, details.worst(len(findings.worst)), strict=True):
        camera = "-" if ranked.query.camera is None else str(ranked.query.camera)
        reached = f"{details.average_precision[row]:.2%}", str(details.first_rank[row]), str(details.matches[row])
        rows.append((name, str(ranked.query.identity), camera, *reached))
    heads = ("query", "identity", "camera", "average precision", "rank of first match", "matches in gallery")
    return Section(
        "Worst queries",
        (
            Table(heads, tuple(rows), f"The worst queries {findings.by_shown}."),
            Figure.of(
                draw_rank_lists(findings.worst[:DRAWN]),
                "rank lists of the worst queries",
                f"{LEGEND} The similarity is 1 - distance.",
            ),
        ),
    )
