"""Verification: how well distances separate pairs of one identity from pairs of two."""

from __future__ import annotations

from rga.ranking.open_set.verification import RATES
from rga.reports.findings import Findings
from rga.reports.ranking_curves import draw_pair_distances, draw_verification
from rga.reports.report import Figure, Section, Table


def section(findings: Findings) -> Section:
    """A table of rates of each ranking, a histogram of distances, and the ROC curve."""
    pairs = {name: each.pairs for name, each in findings.examined.items()}
    rates = [rate for rate in RATES if rate * min(int(each.others.sum()) for each in pairs.values()) >= 1]
    rows = tuple(
        (name, f"{each.d_prime:.2f}", f"{each.equal_error_rate:.2%}", *(f"{each.true_match_rate_at(rate):.2%}" for rate in rates))
        for name, each in pairs.items()
    )
    heads = (findings.compared, "d'", "equal error rate", *(f"TMR at FMR {rate:g}" for rate in rates))
    shown = pairs[findings.shown]
    return Section(
        "Pairs: same identity or not",
        (
            Table(
                heads,
                rows,
                "True match rate (TMR): the share of pairs of one identity that a threshold accepts. False match rate (FMR): the share of "
                "pairs of two identities that the same threshold accepts.",
            ),
            Figure(
                draw_pair_distances(shown, findings.threshold),
                "histograms of the distances of pairs of one identity and of pairs of two",
                f"{shown.matches.sum():,} pairs of one identity and {shown.others.sum():,} pairs of two, {findings.by_shown}.",
            ),
            Figure(
                draw_verification(pairs),
                "curve of the true match rate by the false match rate",
                "The true match rate at each false match rate (ROC). EER is the equal error rate.",
            ),
        ),
    )
