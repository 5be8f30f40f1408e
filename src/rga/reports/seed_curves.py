"""Learning curves of variants: the mean over their seeds, with a band of one standard deviation to each side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rga.errors import InputError
from rga.reports.plotting import as_svg, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = (
    ("#6b7280", ":", "o"),
    ("#c2410c", "-", "D"),
    ("#2563a8", "--", "s"),
    ("#15803d", "-.", "^"),
    ("#9d4b8a", (0, (5, 1)), "v"),
    ("#0e7490", (0, (3, 1, 1, 1)), "P"),
    ("#a16207", (0, (1, 1)), "X"),
    ("#26282e", (0, (8, 2)), "*"),
)
"""Colour, dashes and marker of the curves, in their order. Dashes and markers tell them apart without the colours."""


@dataclass(frozen=True)
class SeedCurve:
    """One curve: steps, and at each of them the values of the seeds that have one.

    Attributes:
        name: in the legend.
        steps: increasing.
        values: for each step, the values of the seeds.
    """

    name: str
    steps: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Plot:
    """One plot of a figure of learning curves.

    Attributes:
        title: above the plot.
        y_label: left of the plot.
        curves: at most ``len(LOOKS)``, in the order of their looks; a curve without steps keeps its look and is not drawn.
    """

    title: str
    y_label: str
    curves: tuple[SeedCurve, ...]


@dataclass(frozen=True)
class SeedCurves:
    """A figure of learning curves.

    Attributes:
        plots: from left to right; one legend serves all of them.
    """

    plots: tuple[Plot, ...]

    def __post_init__(self) -> None:
        if not any(curve.steps for plot in self.plots for curve in plot.curves):
            raise InputError("there is nothing to draw: pass at least one curve")
        for plot in self.plots:
            if len(plot.curves) > len(LOOKS):
                raise InputError(f"{plot.title} has {len(plot.curves)} curves: choose at most {len(LOOKS)}, more could not be told apart")

    @property
    def drawn(self) -> dict[str, Any]:
        """What the figure is drawn from, as JSON takes it."""
        return asdict(self)

    @property
    def alternative(self) -> str:
        """The figure in words, for readers who do not see it: what it shows, and where its curves end."""
        said = []
        for plot in self.plots:
            ends = ", ".join(f"{curve.name} {np.mean(curve.values[-1]):.1f}" for curve in plot.curves if curve.steps)
            said.append(f"{plot.title} by step, at the end {ends}")
        return "; ".join(said)

    def draw(self) -> str:
        """Draws the plots beside one another.

        Returns:
            An SVG.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        figure = new_figure(4.7 * len(self.plots) + 1.6, 3.6)
        all_axes = figure.subplots(1, len(self.plots), squeeze=False)[0]
        for axes, plot in zip(all_axes, self.plots, strict=True):
            for number, (curve, look) in enumerate(zip(plot.curves, LOOKS, strict=False)):
                if curve.steps:
                    plot_curve(axes, curve, *look, above=len(plot.curves) - number)
            label_axes(axes, plot.title, "step", plot.y_label)
            axes.get_legend().remove()
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
        named = {name: handle for axes in all_axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(named.values(), named.keys(), fontsize=9, frameon=False, loc="outside right upper", handlelength=3.2)
        return as_svg(figure, self.drawn)


def plot_curve(axes: Axes, curve: SeedCurve, colour: str, dashes: Any, marker: str, above: int) -> None:
    """Plots the mean of a curve, and a band of one standard deviation where there are several seeds; the first curves above the others."""
    means = np.array([np.mean(values) for values in curve.values])
    deviations = np.array([np.std(values, ddof=1) if len(values) > 1 else 0.0 for values in curve.values])
    shown: dict[str, Any] = {"marker": marker, "markersize": 4.5} if len(curve.steps) <= 12 else {}  # more markers would be a chain
    axes.plot(curve.steps, means, color=colour, linestyle=dashes, linewidth=1.8, label=curve.name, zorder=2 + above / 10, **shown)
    if deviations.any():
        axes.fill_between(curve.steps, means - deviations, means + deviations, color=colour, alpha=0.14, linewidth=0)
