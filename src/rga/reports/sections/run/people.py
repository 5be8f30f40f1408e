"""Rank lists of a re-ID run: of all queries some, the worst ones, what speaks for the nearest images, where two runs differ most."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from PIL import Image

from rga.explanation import Similarity, grad_cam, shown_image
from rga.ranking.details import QueryDetails
from rga.ranking.examination import query_details
from rga.reid.datasets.samples import Sample
from rga.reid.evaluation import ReidEvaluation
from rga.reports.demo_runs import spread
from rga.reports.panels import over
from rga.reports.rank_list import JUNK_LEGEND, LEGEND, RankList, draw_rank_lists, rank_lists_by
from rga.reports.report import Figure, Link, Paragraph, Section
from rga.reports.reported_run import ReportedRun

SPREAD, WORST, DIFFERENT, EXPLAINED = 6, 4, 4, 2
"""How many queries are shown of each kind."""
NEAREST = 6
"""How many images of a list are explained."""


def rank_lists(runs: Sequence[ReportedRun]) -> list[Section]:
    """Rank lists of the last run: of queries that are spread evenly over all, and of those with the least average precision."""
    run = runs[-1]
    details = details_of(run)
    chosen = details.queries[spread(len(details.queries), SPREAD)].tolist()
    worst = details.worst(WORST)
    precision = ", ".join(f"{each:.1%}" for each in details.average_precision[worst])
    return [
        Section(
            f"Rank lists of {run.name}",
            (
                Figure.of(draw_rank_lists(lists(run, chosen)), f"rank lists of {run.name}", LEGEND),
                Figure.of(
                    draw_rank_lists(lists(run, details.queries[worst].tolist(), junk=True)),
                    f"worst rank lists of {run.name}",
                    f"The queries with the least average precision: {precision}. {JUNK_LEGEND}",
                ),
            ),
        ),
        *reasons(run, [*details.queries[details.best(EXPLAINED)], *details.queries[worst[:EXPLAINED]]]),
    ]


def reasons(run: ReportedRun, queries: Sequence[int]) -> list[Section]:
    """Rank lists whose images say what speaks for their similarity with the query; nothing where captum is not installed."""
    if find_spec("captum") is None:
        return []
    model, drawn = run.model, lists(run, [int(query) for query in queries], top=NEAREST)

    def image_of(ranked: RankList, sample: Sample) -> Image.Image:
        other = ranked.found[0].sample if sample is ranked.query else ranked.query
        return over(shown_image(model, sample.path), grad_cam(model, sample.path, Similarity(other.path)))

    caption = (
        "The best queries and the worst ones. Red parts of an image are more like the query than the image as a whole is, blue parts less "
        "(Grad-CAM of the similarity); those of the query are compared with the first image of its list."
    )
    figure = Figure.of(draw_rank_lists(drawn, image_of=image_of), f"what speaks for the nearest images by {run.name}", caption)
    return [Section("What speaks for the nearest images", (figure,))]


def compared(runs: Sequence[ReportedRun]) -> list[Section]:
    """The queries in which the last run differs most from the first: for each the list of the one, then of the other."""
    if len(runs) < 2:
        return []
    first, last = runs[0], runs[-1]
    before, after = details_of(first), details_of(last)
    gain = after.average_precision - before.average_precision  # both have the same queries, those with a match
    figures = []
    for heading, order in (("gains most", np.argsort(-gain, kind="stable")), ("loses most", np.argsort(gain, kind="stable"))):
        rows = [row for row in order[:DIFFERENT] if (gain[row] > 0 if heading == "gains most" else gain[row] < 0)]
        if not rows:
            continue
        queries = before.queries[rows].tolist()
        pairs = zip(lists(first, queries), lists(last, queries), strict=True)
        names = [first.name, last.name] * len(rows)
        said = "; ".join(f"{before.average_precision[row]:.0%} to {after.average_precision[row]:.0%}" for row in rows)
        figures.append(
            Figure.of(
                draw_rank_lists([each for pair in pairs for each in pair], names=names),
                f"rank lists of {first.name} and of {last.name} where {last.name} {heading}",
                f"Where {last.name} {heading}: of each query the list of {first.name}, and below it that of {last.name}. Average "
                f"precision: {said}.",
            )
        )
    return [Section(f"{first.name} and {last.name}, query by query", tuple(figures))] if figures else []


def map_of(run: ReportedRun, file: str) -> Section:
    """A link to a map of images by their features."""
    text = (Link("Open the embedding map", file), f" of {run.name}: each point is an image, each colour a person; point at one to see it.")
    return Section("Embedding map", (Paragraph(text),))


def details_of(run: ReportedRun) -> QueryDetails:
    """What each query reached by the model's own feature."""
    result = evaluation_of(run)
    return query_details(result.distances[result.shown], *result.labels, files=result.data.files)


def lists(run: ReportedRun, queries: Sequence[int], top: int = 10, *, junk: bool = False) -> list[RankList]:
    """The rank lists of some queries, by their indices."""
    result, data = evaluation_of(run), evaluation_of(run).data
    return rank_lists_by(result.distances[result.shown], data.query, data.gallery, queries, data.files, top, junk=junk)


def evaluation_of(run: ReportedRun) -> ReidEvaluation:
    """The result of a re-ID run."""
    assert isinstance(run.result, ReidEvaluation)
    return run.result
