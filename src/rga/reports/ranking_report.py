"""The report of ``rga evaluate --report``: what a ranking is worth from all sides, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rga.ranking.details import CameraPairs
from rga.ranking.examination import Examination
from rga.ranking.open_set.open_set import RATES, OpenSetResult
from rga.ranking.open_set.verification import RATES as MATCH_RATES
from rga.reports.curves import draw_cmc
from rga.reports.rank_list import RankList, draw_rank_lists
from rga.reports.ranking_curves import draw_open_set, draw_pair_distances, draw_precision_recall, draw_verification
from rga.reports.report import Figure, Part, Section, Table

LISTS_DRAWN = 8
"""How many of the worst queries are drawn with what was found for them."""


@dataclass(frozen=True)
class Findings:
    """What a report tells of.

    Attributes:
        examined: the ranking by each feature.
        open_set: open-set identification by each feature; empty if it was not asked for.
        shown: the feature whose distances, cameras and queries are shown.
        threshold: a distance to mark; None for none.
        worst: the rank lists of that feature's worst queries, worst first.
        names: of those queries.
    """

    examined: Mapping[str, Examination]
    open_set: Mapping[str, OpenSetResult]
    shown: str
    threshold: float | None
    worst: Sequence[RankList]
    names: Sequence[str]


def ranking_sections(findings: Findings) -> list[Section]:
    """The sections of the report."""
    each = findings.examined[findings.shown]
    sections = [Section("Figures", (figures_table(findings.examined),)), Section("Ranks", rank_parts(findings.examined))]
    sections.append(Section("Pairs: the same person or not", pair_parts(findings)))
    if findings.open_set:
        sections.append(Section("Is this person in the gallery at all?", open_set_parts(findings.open_set)))
    if each.cameras is not None:
        sections.append(Section("From camera to camera", camera_parts(each.cameras, findings.shown)))
    sections.append(Section("Worst queries", worst_parts(findings)))
    return sections


def figures_table(examined: Mapping[str, Examination]) -> Table:
    """The figures of the ranking by each feature."""
    rows = []
    for name, each in examined.items():
        result = each.result
        ranks = [f"{result.cmc[rank - 1]:.2%}" if rank <= len(result.cmc) else "-" for rank in (1, 5, 10)]
        rows.append((name, f"{result.mAP:.2%}", *ranks, f"{result.mINP:.2%}", f"{result.mAP_trapezoid:.2%}"))
    first = next(iter(examined.values())).result
    left_out = f", {first.queries_without_match} without a match left out" if first.queries_without_match else ""
    caption = f"{first.queries} queries{left_out}, {first.gallery} gallery images; distance {first.metric}; camera rule {first.camera_rule}"
    return Table(("feature", "mAP", "R1", "R5", "R10", "mINP", "mAP (trapezoidal)"), tuple(rows), caption)


def rank_parts(examined: Mapping[str, Examination]) -> tuple[Part, ...]:
    """The curves of ranks and of precision."""
    return (
        Figure(draw_cmc({name: each.result for name, each in examined.items()}), "the share of queries found among the first k by k"),
        Figure(
            draw_precision_recall({name: each.details for name, each in examined.items()}),
            "precision by recall",
            "At each recall the best precision that a query reaches there or later, averaged over the queries.",
        ),
    )


def pair_parts(findings: Findings) -> tuple[Part, ...]:
    """How well distances tell pairs apart."""
    pairs = {name: each.pairs for name, each in findings.examined.items()}
    rates = [rate for rate in MATCH_RATES if rate * min(int(each.others.sum()) for each in pairs.values()) >= 1]
    rows = tuple(
        (name, f"{each.d_prime:.2f}", f"{each.equal_error_rate:.2%}", *(f"{each.true_match_rate_at(rate):.2%}" for rate in rates))
        for name, each in pairs.items()
    )
    heads = ("feature", "d'", "equal error rate", *(f"found at {rate:g}" for rate in rates))
    shown = pairs[findings.shown]
    return (
        Table(heads, rows, "The share of pairs of one person that are accepted where this share of the pairs of two people is."),
        Figure(
            draw_pair_distances(shown, findings.threshold),
            "histograms of the distances of pairs",
            f"{shown.matches.sum():,} pairs of one person and {shown.others.sum():,} of two, by the feature {findings.shown}.",
        ),
        Figure(draw_verification(pairs), "the share of matches accepted by the share of others accepted"),
    )


def open_set_parts(results: Mapping[str, OpenSetResult]) -> tuple[Part, ...]:
    """How well people who are not there are refused."""
    first = next(iter(results.values()))
    rows = []
    for name, each in results.items():
        for rate in RATES:
            if rate * len(each.unknown) >= 1:
                threshold = each.threshold_at(rate)
                rows.append((name, f"{rate:.1%}", f"{threshold:.4f}", f"{each.fpir(threshold):.2%}", f"{each.tpir(threshold):.2%}"))
    told = (
        f"{len(first.known)} queries of {len(np.unique(first.known_ids))} people in the gallery, {len(first.unknown)} of "
        f"{len(np.unique(first.unknown_ids))} whose images were taken out of it; {first.gallery} gallery images. Found is who is accepted, "
        "and whose match is the nearest image."
    )
    heads = ("feature", "allowed", "threshold", "unknown people accepted", "known people found")
    return (
        told,
        Table(heads, tuple(rows)) if rows else "There are too few unknown queries to tell of a rate of a tenth.",
        Figure(draw_open_set(results), "the share of known people found by the share of unknown people accepted"),
    )


def camera_parts(cameras: CameraPairs, feature: str) -> tuple[Part, ...]:
    """Rank 1 and mAP from each camera to each other."""
    heads = ("query's camera", *(str(camera) for camera in cameras.gallery_cameras))

    def table(values: NDArray[np.float64], name: str) -> Table:
        rows = tuple(
            (str(camera), *("-" if np.isnan(value) else f"{value:.1%}" for value in row))
            for camera, row in zip(cameras.query_cameras, values, strict=True)
        )
        return Table(heads, rows, f"{name} by the feature {feature}; columns: the camera of the gallery's images, which are the only ones.")

    counts = tuple((str(camera), *map(str, row)) for camera, row in zip(cameras.query_cameras, cameras.queries.tolist(), strict=True))
    return table(cameras.rank1, "R1"), table(cameras.mAP, "mAP"), Table(heads, counts, "Queries that have a match there.")


def worst_parts(findings: Findings) -> tuple[Part, ...]:
    """The queries with the least average precision."""
    details = findings.examined[findings.shown].details
    rows = []
    for name, ranked, row in zip(findings.names, findings.worst, details.worst(len(findings.worst)), strict=True):
        camera = "-" if ranked.query.camera is None else str(ranked.query.camera)
        reached = f"{details.average_precision[row]:.2%}", str(details.first_rank[row]), str(details.matches[row])
        rows.append((name, str(ranked.query.identity), camera, *reached))
    legend = "Green frame and tick: the same person; red frame and cross: somebody else. Below: similarity (1 - distance) and camera."
    return (
        Table(
            ("query", "identity", "camera", "average precision", "first match at", "to find"),
            tuple(rows),
            f"By the feature {findings.shown}.",
        ),
        Figure.of(draw_rank_lists(findings.worst[:LISTS_DRAWN]), "rank lists of the worst queries", legend),
    )
