"""Forest plots: the mean difference of each variant to another one with its interval, and the difference of each seed."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rga.errors import InputError
from rga.reports.plotting import INK, as_svg, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABOVE = "#2563a8"
BELOW = "#c2410c"
UNCLEAR = "#6b7280"
"""Colours of an interval above zero, below zero, and around zero; colour-blind readers also see filled and hollow points."""

ROW = 0.31
"""Height of a row in inches."""
LETTER = 0.068
"""Width of a letter of a row's name in inches."""
BELOW_LINE = 0.24
"""How far the dots of the seeds are below the interval, in rows."""
FAR = 8
"""A row that reaches this many times as far from zero as the median row is not in the plot."""


@dataclass(frozen=True)
class ForestRow:
    """A row of a forest plot, in percentage points.

    Attributes:
        name: of the variant.
        mean: mean difference over the seeds.
        low: lower end of its interval; None for none.
        high: upper end of its interval; None for none.
        points: the difference of each seed.
    """

    name: str
    mean: float
    low: float | None
    high: float | None
    points: tuple[float, ...]

    @property
    def figures(self) -> str:
        """The mean difference, its interval and the number of seeds.

        Example:
            >>> ForestRow("RGA-SC", 2.68, 0.5, 5.0, (2.0, 3.0)).figures
            '+2.7 [+0.5, +5.0]  n = 2'
        """
        interval = "" if self.low is None or self.high is None else f" [{self.low:+.1f}, {self.high:+.1f}]"
        return f"{self.mean:+.1f}{interval}  n = {len(self.points)}".replace("-", "\N{MINUS SIGN}")

    @property
    def clear(self) -> bool:
        """Whether zero is outside of the interval; False without one."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval; twice the mean without one."""
        return (self.mean, self.mean) if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Forest:
    """A forest plot.

    Attributes:
        rows: from top to bottom, at least one.
        x_label: what the differences are of.
    """

    rows: tuple[ForestRow, ...]
    x_label: str

    def __post_init__(self) -> None:
        if not self.rows:
            raise InputError("there is nothing to draw: pass at least one row")

    @property
    def drawn(self) -> dict[str, Any]:
        """What the figure is drawn from, as JSON takes it."""
        return asdict(self)

    @property
    def alternative(self) -> str:
        """The figure in words, for readers who do not see it."""
        return f"{self.x_label}: {'; '.join(f'{row.name} {row.figures}' for row in self.rows)}".replace("  ", ", ")

    def x_range(self) -> tuple[float, float]:
        """The ends of the x axis. It leaves rows out that lie so far off that nobody could read the others: an arrow points to them."""
        reach = [max(abs(each) for each in (*row.ends, row.mean)) for row in self.rows]
        shown = [row for row, far in zip(self.rows, reach, strict=True) if far <= FAR * statistics.median(reach)]
        values = [0.0, *(value for row in shown for value in (*row.ends, *row.points))]
        room = max(0.06 * (max(values) - min(values)), 0.2)
        return min(values) - room, max(values) + room

    def draw(self) -> str:
        """Draws mean differences and their intervals, a row for each variant, around a line at zero.

        An interval on one side of zero has a filled point, another one a hollow point. The faint dots below it are the seeds.

        Returns:
            An SVG.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        figure = new_figure(max(len(row.name) for row in self.rows) * LETTER + 5.6, ROW * len(self.rows) + 0.85)
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  an optional dependency, slow to import

        axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=1)
        left, right = self.x_range()
        for height, row in enumerate(self.rows):
            plot_row(axes, row, height, left, right)
        axes.set_xlim(left, right)
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows], fontsize=9.5)
        axes.set_ylim(len(self.rows) - 0.4, -0.6)
        axes.set_xlabel(self.x_label, fontsize=9.5, color=INK)
        axes.tick_params(labelsize=9, colors=INK, left=False)
        axes.tick_params(axis="y", pad=9)  # room for an arrow
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
        axes.grid(axis="x", color="#e3e5ea", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        beside = axes.secondary_yaxis("right")
        beside.set_yticks(range(len(self.rows)), [row.figures for row in self.rows], fontsize=9)
        beside.tick_params(right=False, colors=INK)
        beside.spines["right"].set_visible(False)
        return as_svg(figure, self.drawn)


def plot_row(axes: Axes, row: ForestRow, height: int, left: float, right: float) -> None:
    """Plots a row: the seeds, the interval and the mean, or an arrow at the edge if the mean lies outside of the plot."""
    colour = (ABOVE if row.mean > 0 else BELOW) if row.clear else UNCLEAR
    if not left <= row.mean <= right:
        edge, arrow = (left, "<") if row.mean < left else (right, ">")
        axes.plot([edge], [height], arrow, color=colour, markersize=9, clip_on=False)
        return
    axes.plot(row.points, [height + BELOW_LINE] * len(row.points), "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0)
    if row.low is not None and row.high is not None:
        axes.plot(row.ends, (height, height), color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(row.ends, (height, height), "|", color=colour, markersize=7, markeredgewidth=1.8)
    inside = colour if row.clear else "white"
    axes.plot([row.mean], [height], "D", color=colour, markersize=6, markerfacecolor=inside, markeredgewidth=1.5)
