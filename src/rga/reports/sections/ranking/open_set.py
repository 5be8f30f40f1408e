"""Open-set identification: how well queries are refused whose identity is not in the gallery."""

from __future__ import annotations

import numpy as np

from rga.ranking.open_set.open_set import RATES
from rga.reports.findings import Findings
from rga.reports.ranking_curves import draw_open_set
from rga.reports.report import Figure, Paragraph, Part, Section, Table


def section(findings: Findings) -> Section | None:
    """A table of thresholds and a curve; None if open-set identification was not evaluated."""
    results = findings.open_set
    if not results:
        return None
    first = next(iter(results.values()))
    rows = []
    for name, each in results.items():
        for rate in RATES:
            if rate * len(each.unknown) >= 1:
                threshold = each.threshold_at(rate)
                rows.append((name, f"{rate:.1%}", f"{threshold:.4f}", f"{each.fpir(threshold):.2%}", f"{each.tpir(threshold):.2%}"))
    heads = (findings.compared, "allowed FPIR", "threshold", "FPIR", "TPIR")
    caption = (
        "FPIR: the share of unknown queries that are accepted. TPIR: the share of known queries that are accepted and whose nearest image "
        "is a match."
    )
    table: Part = (
        Table(heads, tuple(rows), caption)
        if rows
        else Paragraph(f"{len(first.unknown)} unknown queries are too few to measure a rate of 10 %.")
    )
    return Section(
        "Open set: is this identity in the gallery?",
        (
            Paragraph(
                f"{len(first.known)} queries show {len(np.unique(first.known_ids))} known identities, which are in the gallery. "
                f"{len(first.unknown)} queries show {len(np.unique(first.unknown_ids))} unknown identities, whose images were removed from "
                f"the gallery. {first.gallery} gallery images remain."
            ),
            table,
            Figure(
                draw_open_set(results),
                "curve of the share of known queries identified by the share of unknown queries accepted",
                "The identification rate (TPIR) at each false alarm rate (FPIR).",
            ),
        ),
    )
