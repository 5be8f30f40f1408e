"""The CMC and the precision-recall curve of each ranking."""

from __future__ import annotations

from rga.reports.findings import Findings
from rga.reports.ranking_curves import draw_cmc, draw_precision_recall
from rga.reports.report import Figure, Section


def section(findings: Findings) -> Section:
    """Two figures with one curve a ranking."""
    examined = findings.examined
    return Section(
        "Ranks",
        (
            Figure(
                draw_cmc({name: each.result for name, each in examined.items()}),
                "curve of the share of queries with a match among the first k, by k",
                "The cumulative matching characteristic (CMC): the share of queries whose first match is among the first k images.",
            ),
            Figure(
                draw_precision_recall({name: each.details for name, each in examined.items()}),
                "curve of precision by recall",
                "At each recall, the best precision that a query reaches at this recall or a higher one, averaged over the queries.",
            ),
        ),
    )
