"""Images of what a ranking is worth, as PNG: precision by recall, distances of pairs, detection and verification by error rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rga.ranking.details import QueryDetails
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.verification import PairDistances
from rga.reports.curves import STYLES, as_png, dress, new_figure, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 80
"""Bars of the histogram."""


def draw_precision_recall(details: Mapping[str, QueryDetails]) -> bytes:
    """Draws precision by recall, averaged over the queries.

    Args:
        details: what each ranking is called, and its details.

    Returns:
        A PNG.

    Raises:
        ValueError: there is nothing to draw, as from the other functions here.
    """
    require(details)
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    for (name, each), style in zip(details.items(), styles(len(details)), strict=True):
        axes.plot(np.linspace(0, 100, len(each.precision)), 100 * each.precision, label=name, **style)
    dress(axes, "precision when so many matches are found", "recall (%)", "precision (%)")
    axes.set_ylim(0, 101)
    axes.set_xlim(0, 100)
    return as_png(figure)


def draw_pair_distances(pairs: PairDistances, threshold: float | None = None) -> bytes:
    """Draws how far pairs of one person and pairs of two are apart, as shares of each kind.

    Args:
        pairs: their distances.
        threshold: a distance to mark; None for none.

    Returns:
        A PNG.
    """
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    edges, near, far = pairs.coarse(BINS)
    for share, name, (colour, _) in ((far, "different people", STYLES[0]), (near, "the same person", STYLES[2])):
        axes.stairs(100 * share, edges, fill=True, alpha=0.45, color=colour, label=name)
        axes.stairs(100 * share, edges, color=colour, linewidth=1.4)
    if threshold is not None:
        axes.axvline(threshold, color=STYLES[1][0], linestyle="--", label=f"threshold {threshold:.3f}")
    dress(axes, f"distances of pairs, d' {pairs.d_prime:.2f}", "distance", "pairs of each kind (%)", whole_numbers=False)
    axes.set_ylim(bottom=0)
    return as_png(figure)


def draw_open_set(results: Mapping[str, OpenSetResult]) -> bytes:
    """Draws the share of known people found (TPIR) by the share of unknown people accepted (FPIR)."""
    require(results)
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    for (name, each), style in zip(results.items(), styles(len(results)), strict=True):
        _, fpir, tpir = each.curve()
        axes.step(100 * fpir, 100 * tpir, where="post", label=name, **style)
    dress_rates(axes, "people found, where people unknown are refused", "unknown people accepted, FPIR (%)", "found, TPIR (%)")
    axes.set_xlim(100 / max(len(each.unknown) for each in results.values()), 100)
    return as_png(figure)


def draw_verification(pairs: Mapping[str, PairDistances]) -> bytes:
    """Draws the share of pairs of one person that are accepted by the share of pairs of two that are."""
    require(pairs)
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    for (name, each), style in zip(pairs.items(), styles(len(pairs)), strict=True):
        rates, accepted = each.roc()
        axes.plot(100 * rates, 100 * accepted, label=f"{name} (EER {each.equal_error_rate:.1%})", **style)
    dress_rates(axes, "verification of pairs", "pairs of two people accepted (%)", "pairs of one accepted (%)")
    return as_png(figure)


def dress_rates(axes: Axes, title: str, across: str, up: str) -> None:
    """Dresses axes whose abscissa is an error rate in percent, by logarithm."""
    axes.set_xscale("log")
    dress(axes, title, across, up, whole_numbers=False)
    axes.set_ylim(0, 101)


def require(named: Mapping[str, object]) -> None:
    """Refuses to draw nothing."""
    if not named:
        raise ValueError("there is nothing to draw: pass at least one result")
