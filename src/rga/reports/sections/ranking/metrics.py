"""mAP, R1, R5, R10 and mINP of each ranking."""

from __future__ import annotations

from rga.reports.findings import Findings
from rga.reports.report import Section, Table


def section(findings: Findings) -> Section:
    """One row a ranking; the caption names the data and the rules."""
    rows = []
    for name, each in findings.examined.items():
        result = each.result
        ranks = [f"{result.cmc[rank - 1]:.2%}" if rank <= len(result.cmc) else "-" for rank in (1, 5, 10)]
        rows.append((name, f"{result.mAP:.2%}", *ranks, f"{result.mINP:.2%}", f"{result.mAP_trapezoid:.2%}"))
    first = next(iter(findings.examined.values())).result
    left_out = f" ({first.queries_without_match} more have no match and are left out)" if first.queries_without_match else ""
    caption = (
        f"{first.queries} queries{left_out}, {first.gallery} gallery images. Distance: {first.metric}. Camera rule: "
        f"{first.rule.removeprefix('camera rule ')}."
    )
    heads = (findings.compared, "mAP", "R1", "R5", "R10", "mINP", "mAP (trapezoidal)")
    return Section("Metrics", (Table(heads, tuple(rows), caption),))
