"""Which figures a comparison has: a forest plot of its first metric, and learning curves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from rga.reports.forest import Forest, ForestRow
from rga.reports.seed_curves import LOOKS, Plot, SeedCurve, SeedCurves
from rga.study.evidence import RecordedRun
from rga.study.results.comparison import Comparison, Row
from rga.study.results.statistics import Difference
from rga.study.variants import ATTENDED, PLAIN

BRIEF = 1
"""A metric that was evaluated no more often than this during the training has no curve."""


def forest_of(comparison: Comparison) -> Forest | None:
    """The paired differences of the first metric to the plain network; None if fewer than two variants have one."""
    found = [(row.variant.label, row.metrics[0].difference) for row in comparison.rows]
    return forest(found, f"{comparison.setting.metrics[0].label} minus that of the plain network")


def forest(differences: Iterable[tuple[str, Difference | None]], x_label: str) -> Forest | None:
    """A forest plot of named differences, without those that are None; None if fewer than two are left."""
    rows = tuple(
        ForestRow(
            name,
            100 * found.mean,
            None if found.low is None else 100 * found.low,
            None if found.high is None else 100 * found.high,
            tuple(100 * difference for _, difference in found.by_seed),
        )
        for name, found in differences
        if found is not None
    )
    return Forest(rows, f"{x_label} (percentage points)") if len(rows) > 1 else None


def curves_of(comparison: Comparison) -> SeedCurves | None:
    """The loss and the first metric during the training; None if no run has a curve, or none of those that this comparison is about.

    There are at most as many curves as can be told apart: those of the plain network and of RGA-SC, and others in their order. Many
    comparisons have these two: as long as none of its others has finished, a comparison would show the same figure as the next.
    """
    rows = drawn_rows(comparison)
    own = [row for row in comparison.rows if row.variant.name not in (PLAIN, ATTENDED)]
    if not any(row.runs and row.runs[0].curve for row in rows) or (own and not any(row.runs for row in own)):
        return None
    metric = comparison.setting.metrics[0]
    loss = Plot("training loss", "loss", tuple(curve_of(row, lambda point: point.get("loss")) for row in rows))
    tested = tuple(curve_of(row, lambda point: percent(point.get(metric.name))) for row in rows)
    plots = (loss,) if max(len(curve.steps) for curve in tested) <= BRIEF else (loss, Plot(metric.label, f"{metric.label} (%)", tested))
    return SeedCurves(plots)


def drawn_rows(comparison: Comparison) -> tuple[Row, ...]:
    """The rows with runs whose curves are drawn."""
    there = [row for row in comparison.rows if row.runs]
    first = [row for name in (PLAIN, ATTENDED) for row in there if row.variant.name == name]
    return tuple([*first, *(row for row in there if row not in first)][: len(LOOKS)])


def curve_of(row: Row, value: Callable[[Mapping[str, float]], float | None]) -> SeedCurve:
    """The curve of a row: its values at each step that has some."""
    steps: dict[int, list[float]] = defaultdict(list)
    for point in points(row.runs):
        found = value(point)
        if found is not None:
            steps[int(point["step"])].append(found)
    ordered = sorted(steps)
    return SeedCurve(row.variant.label, tuple(ordered), tuple(tuple(steps[step]) for step in ordered))


def points(runs: Iterable[RecordedRun]) -> Iterable[Mapping[str, float]]:
    """The points of the curves of all runs."""
    return (point for run in runs for point in run.curve)


def percent(value: float | None) -> float | None:
    """A fraction in percent."""
    return None if value is None else 100 * value
