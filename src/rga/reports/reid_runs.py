"""What sections on re-ID runs ask of a run: its ranking from all sides, and rank lists, by the model's own feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rga.ranking.examination import Examination
from rga.reid.evaluation import ReidEvaluation
from rga.reports.findings import Findings
from rga.reports.rank_list import RankList, rank_lists_by
from rga.reports.reported_run import ReportedRun


def findings_of(runs: Sequence[ReportedRun], others: Mapping[str, Examination] | None = None) -> Findings:
    """The rankings of runs, of which the last one is shown, and other rankings of the same gallery.

    The runs come first: so their curves have the colours that they have in other figures.
    """
    examined = {**{run.name: examination_of(run) for run in runs}, **(others or {})}
    return Findings(examined, runs[-1].name, "run")


def examination_of(run: ReportedRun) -> Examination:
    """The ranking by the model's own feature; it is examined once."""
    result = evaluation_of(run)
    found: Examination = run.kept("examination", lambda: result.examined(result.shown))
    return found


def lists(run: ReportedRun, queries: Sequence[int], top: int = 10, *, junk: bool = False) -> list[RankList]:
    """The rank lists of some queries, by their indices."""
    result, data = evaluation_of(run), evaluation_of(run).data
    return rank_lists_by(result.distances[result.shown], data.query, data.gallery, queries, data.files, top, junk=junk)


def evaluation_of(run: ReportedRun) -> ReidEvaluation:
    """The result of a re-ID run."""
    assert isinstance(run.result, ReidEvaluation)
    return run.result
