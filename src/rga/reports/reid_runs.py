"""What sections on re-ID runs ask of a run: what each query reached, and rank lists by the model's own feature."""

from __future__ import annotations

from collections.abc import Sequence

from rga.ranking.details import QueryDetails
from rga.ranking.examination import query_details
from rga.reid.evaluation import ReidEvaluation
from rga.reports.rank_list import RankList, rank_lists_by
from rga.reports.reported_run import ReportedRun


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
