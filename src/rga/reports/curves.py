"""Curves of trainings and of rankings, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rga.ranking.result import RankingResult
from rga.training.run.log import read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = (("#6b7280", ":"), ("#2563a8", "--"), ("#c2410c", "-"), ("#15803d", "-."))
"""Colour and dashes of the curves, in their order; curves beyond the last begin again."""
INK = "#26282e"
DOTS_PER_INCH = 110


def draw_training(runs: Mapping[str, Path], feature: str = "neck", skip_styles: int = 0) -> bytes:
    """Draws the loss and the test mAP of runs by epoch.

    Args:
        runs: what each run is called, and its folder with ``log.jsonl``.
        feature: whose mAP.
        skip_styles: leave out so many styles, so that a run looks the same as in another image.

    Returns:
        A PNG.

    Raises:
        ValueError: there are no runs, or one has no training in its log.
    """
    return draw_runs(
        runs,
        ("identity", "triplet"),
        f"mAP_{feature}",
        loss_label="cross-entropy + triplets",
        title="mAP on people not seen in training",
        metric_label="mAP (%)",
        skip_styles=skip_styles,
    )


def draw_runs(
    runs: Mapping[str, Path],
    parts: Sequence[str],
    metric: str,
    *,
    loss_label: str,
    title: str,
    metric_label: str,
    skip_styles: int = 0,
) -> bytes:
    """Draws the loss and a metric of runs by epoch.

    Args:
        runs: what each run is called, and its folder with ``log.jsonl``.
        parts: of the loss, which are added.
        metric: of the evaluations, a fraction.
        loss_label: what the loss is.
        title: what the metric is measured on.
        metric_label: what it is called, in percent.
        skip_styles: leave out so many styles, so that a run looks the same as in another image.

    Returns:
        A PNG.

    Raises:
        ValueError: there are no runs, or one has no training in its log.
    """
    if not runs:
        raise ValueError("there are no runs to draw: pass at least one")
    figure = new_figure(9.4, 3.5)
    losses, quality = figure.subplots(1, 2)
    for (name, folder), style in zip(runs.items(), styles(len(runs), skip_styles), strict=True):
        trained = read_log(folder, "train")
        if not trained:
            raise ValueError(f"the log of {folder} has no training in it")
        losses.plot([event["epoch"] for event in trained], [loss_of(event, parts) for event in trained], label=name, **style)
        tested = [event for event in read_log(folder, "evaluate") if metric in event]
        marker = {"marker": "o", "markersize": 4}
        quality.plot([event["epoch"] for event in tested], [100 * event[metric] for event in tested], label=name, **style, **marker)
    dress(losses, "loss in training", "epoch", loss_label)
    losses.set_ylim(bottom=0)
    dress(quality, title, "epoch", metric_label, legend="lower right")
    quality.set_ylim(0, 100)
    quality.set_xlim(losses.get_xlim())
    return as_png(figure)


def draw_cmc(results: Mapping[str, RankingResult], ranks: int = 20) -> bytes:
    """Draws the cumulative matching characteristic: the share of queries whose first match is among the first k.

    Args:
        results: what each result is called, and the result.
        ranks: how many ranks.

    Returns:
        A PNG.

    Raises:
        ValueError: there are no results.
    """
    if not results:
        raise ValueError("there are no results to draw: pass at least one")
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    for (name, result), style in zip(results.items(), styles(len(results)), strict=True):
        shown = result.cmc[:ranks]
        axes.plot(range(1, len(shown) + 1), 100 * shown, label=f"{name} (R1 {result.cmc[0]:.1%})", **style)
    dress(axes, "found among the first k", "k", "queries (%)")
    axes.set_ylim(0, 101)
    axes.set_xlim(1, ranks)
    return as_png(figure)


def loss_of(event: Mapping[str, Any], parts: Sequence[str]) -> float:
    """The sum of the parts of the loss in an event of training."""
    return sum(float(event[part]) for part in parts if part in event)


def styles(count: int, skip: int = 0) -> Sequence[dict[str, Any]]:
    """Styles of so many curves."""
    chosen = [STYLES[index % len(STYLES)] for index in range(skip, skip + count)]
    return [{"color": colour, "linestyle": dashes, "linewidth": 2} for colour, dashes in chosen]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415  an optional dependency, slow to import

    figure = Figure(figsize=(width, height), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return figure


def dress(
    axes: Axes, title: str, across: str, up: str, legend: Literal["best", "lower right"] = "best", whole_numbers: bool = True
) -> None:
    """Gives axes their title, labels, grid and legend; what is across is counted in whole numbers, or not."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  an optional dependency, slow to import

    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(across, fontsize=9.5, color=INK)
    axes.set_ylabel(up, fontsize=9.5, color=INK)
    axes.tick_params(labelsize=9, colors=INK)
    axes.grid(color="#e3e5ea", linewidth=0.8)
    axes.set_axisbelow(True)
    if whole_numbers:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(fontsize=9, frameon=False, loc=legend)


def as_png(figure: Figure) -> bytes:
    """A figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
    return file.getvalue()
