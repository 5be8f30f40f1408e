"""Curves of a ranking as PNG: CMC, precision by recall, distances of pairs, open-set identification and verification by error rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.ranking.details import QueryDetails
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.verification import PairDistances
from rga.ranking.result import RankingResult
from rga.reports.plotting import SINGLE, STYLES, as_png, label_axes, label_rate_axes, new_figure, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Result = TypeVar("Result")

BINS = 80
"""Bars of the histogram."""


def draw_cmc(results: Mapping[str, RankingResult], ranks: int = 20) -> bytes:
    """Draws the cumulative matching characteristic: the share of queries whose first match is among the first k.

    Args:
        results: the name of each result in the legend -> the result.
        ranks: number of ranks.

    Returns:
        A PNG.

    Raises:
        MissingPackageError: matplotlib is not installed.
        InputError: there is nothing to draw. All functions here that take a mapping raise this.
    """
    figure, axes = plot_each(
        results,
        lambda each: (np.arange(1, 1 + len(each.cmc[:ranks])), 100 * each.cmc[:ranks]),
        lambda each: f" (R1 {each.cmc[0]:.1%})",
    )
    label_axes(axes, "match among the first k", "k", "queries (%)")
    axes.set_ylim(0, 101)
    axes.set_xlim(1, ranks)
    return as_png(figure)


def draw_precision_recall(details: Mapping[str, QueryDetails]) -> bytes:
    """Draws precision by recall, averaged over the queries.

    Args:
        details: the name of each ranking in the legend -> its details.

    Returns:
        A PNG.
    """
    figure, axes = plot_each(details, lambda each: (np.linspace(0, 100, len(each.precision)), 100 * each.precision))
    label_axes(axes, "precision by recall", "recall (%)", "precision (%)")
    axes.set_ylim(0, 101)
    axes.set_xlim(0, 100)
    return as_png(figure)


def draw_pair_distances(pairs: PairDistances, threshold: float | None = None) -> bytes:
    """Draws two histograms of distances: of pairs of one identity and of pairs of two.

    Args:
        pairs: their distances.
        threshold: a distance to mark; None for none.

    Returns:
        A PNG.
    """
    figure = new_figure(*SINGLE)
    axes = figure.subplots()
    edges, same, different = pairs.coarse(BINS)
    for share, name, (colour, _) in ((different, "different identities", STYLES[0]), (same, "same identity", STYLES[2])):
        axes.stairs(100 * share, edges, fill=True, alpha=0.45, color=colour, label=name)
        axes.stairs(100 * share, edges, color=colour, linewidth=1.4)
    if threshold is not None:
        axes.axvline(threshold, color=STYLES[1][0], linestyle="--", label=f"threshold {threshold:.3f}")
    label_axes(axes, f"distances of pairs, d' {pairs.d_prime:.2f}", "distance", "pairs of each kind (%)", integers=False)
    axes.set_ylim(bottom=0)
    return as_png(figure)


def draw_open_set(results: Mapping[str, OpenSetResult]) -> bytes:
    """Draws the share of known queries that are identified (TPIR) by the share of unknown queries that are accepted (FPIR).

    Args:
        results: the name of each result in the legend -> the result.

    Returns:
        A PNG.
    """

    def points(each: OpenSetResult) -> tuple[Floats, Floats]:
        _, fpir, tpir = each.curve()
        return 100 * fpir, 100 * tpir

    figure, axes = plot_each(results, points, drawstyle="steps-post")
    label_rate_axes(axes, "open-set identification", "unknown queries accepted, FPIR (%)", "known queries identified, TPIR (%)")
    axes.set_xlim(100 / max(len(each.unknown) for each in results.values()), 100)
    return as_png(figure)


def draw_verification(pairs: Mapping[str, PairDistances]) -> bytes:
    """Draws the share of pairs of one identity that are accepted by the share of pairs of two identities that are accepted.

    Args:
        pairs: the name of each ranking in the legend -> the distances of its pairs.

    Returns:
        A PNG.
    """

    def points(each: PairDistances) -> tuple[Floats, Floats]:
        rates, accepted = each.roc()
        return 100 * rates, 100 * accepted

    figure, axes = plot_each(pairs, points, lambda each: f" (EER {each.equal_error_rate:.1%})")
    label_rate_axes(axes, "verification of pairs", "false match rate (%)", "true match rate (%)")
    return as_png(figure)


def plot_each(
    named: Mapping[str, Result],
    points: Callable[[Result], tuple[NDArray[Any], Floats]],
    remark: Callable[[Result], str] = lambda _: "",
    **style: Any,
) -> tuple[Figure, Axes]:
    """Plots one curve for each result in a figure of one plot.

    Args:
        named: the name of each result in the legend -> the result.
        points: result -> x and y, both (n,).
        remark: result -> what follows its name in the legend.
        style: more keyword arguments of matplotlib for all curves.

    Raises:
        InputError: there is nothing to draw.
    """
    if not named:
        raise InputError("there is nothing to draw: pass at least one result")
    figure = new_figure(*SINGLE)
    axes = figure.subplots()
    for (name, each), look in zip(named.items(), styles(len(named)), strict=True):
        axes.plot(*points(each), label=f"{name}{remark(each)}", **look, **style)
    return figure, axes
