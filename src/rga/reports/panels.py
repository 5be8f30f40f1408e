"""Images and maps side by side: rows of panels, in groups under a heading, each group with a scale of colours that is told in words.

All panels of a figure are as large as the image that they belong to, so that positions correspond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rga.attention.recorder import Position
from rga.errors import InputError
from rga.extras import require
from rga.reports.plotting import INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

CELL = 1.0
"""Width of a panel that is twice as high as wide, in inches; others have the same area."""
BETWEEN = 0.28
"""Width of the gap between groups of panels, in widths of a panel."""
LINE, LEGEND = 0.16, 0.5
"""Inches of a line above a row of panels, and below all of them."""
COVER = 0.62
"""How much of an image its map covers."""


@dataclass
class Panel:
    """An image, a map, or a map over an image.

    Attributes:
        title: above it.
        values: the map (h, w); None for the image alone.
        image: below the map, in shades of grey; None for the map alone.
        colours: keyword arguments of matplotlib's colour scale.
        mark: a position that is marked, (down, across) from 0 to 1.
    """

    title: str
    values: NDArray[np.floating] | None = None
    image: Image.Image | None = None
    colours: dict[str, Any] = field(default_factory=dict)
    mark: Position | None = None


@dataclass(frozen=True)
class Group:
    """Panels under a heading.

    Attributes:
        heading: above them.
        panels: from left to right.
        low: what the darkest colour says, in words; empty for no scale.
        high: what the brightest colour says.
        cmap: matplotlib's name of the colours.
    """

    heading: str
    panels: Sequence[Panel]
    low: str = ""
    high: str = ""
    cmap: str = "viridis"


def draw_panels(rows: Sequence[Sequence[Group]]) -> Figure:
    """Draws rows of groups; the groups of all rows have the same numbers of panels, and the headings of the first row count.

    Raises:
        MissingPackageError: matplotlib is not installed.
        InputError: there is nothing to draw.
    """
    if not rows or not rows[0] or not any(group.panels for group in rows[0]):
        raise InputError("there are no images to draw: pass at least one")
    shown = next((panel.image for row in rows for group in row for panel in group.panels if panel.image is not None), None)
    aspect = 2.0 if shown is None else shown.height / shown.width
    width = CELL * (2 / aspect) ** 0.5
    counts = [len(group.panels) for group in rows[0]]
    widths = [part for count in counts for part in (*[1.0] * count, BETWEEN)][:-1]
    lines = max(panel.title.count("\n") + 1 for row in rows for group in row for panel in group.panels)
    titles = 0.1 + lines * LINE
    across, tall = 1.06 * width * sum(widths), width * aspect
    figure = new_figure(across, (tall + titles) * len(rows) + LEGEND + 0.26, layout="none")
    top, bottom = 1 - (0.26 + titles) / figure.get_figheight(), LEGEND / figure.get_figheight()
    cells = figure.add_gridspec(
        len(rows), len(widths), width_ratios=widths, wspace=0.06, hspace=titles / tall, left=0.01, right=0.99, bottom=bottom, top=top
    )
    for number, row in enumerate(rows):
        column = 0
        for group in row:
            spots = [cells[number, column + index] for index in range(len(group.panels))]
            for spot, panel in zip(spots, group.panels, strict=True):
                draw_panel(figure.add_subplot(spot), panel, group.cmap)
            if number == 0:
                head(figure, spots, group.heading)
            if number == len(rows) - 1 and group.low:
                legend(figure, spots, group)
            column += len(group.panels) + 1
    return figure


def draw_panel(axes: Axes, panel: Panel, cmap: str) -> None:
    """Draws one panel."""
    extent = (0.0, 1.0, 1.0, 0.0)
    if panel.image is not None:
        below = panel.image if panel.values is None else panel.image.convert("L").convert("RGB")
        axes.imshow(np.asarray(below), extent=extent, aspect="auto", interpolation="nearest")
    if panel.values is not None:
        alpha = 1.0 if panel.image is None else COVER
        axes.imshow(panel.values, extent=extent, aspect="auto", interpolation="nearest", alpha=alpha, cmap=cmap, **panel.colours)
    axes.set_axis_off()
    axes.set_title(panel.title, fontsize=8, color=INK, pad=3)
    if panel.mark is not None:
        axes.plot(panel.mark[1], panel.mark[0], "o", color="white", markeredgecolor="black", markersize=5)
        axes.set(xlim=(0, 1), ylim=(1, 0))


def head(figure: Figure, spots: Sequence[SubplotSpec], heading: str) -> None:
    """Writes the heading of a group."""
    left, right = (spot.get_position(figure) for spot in (spots[0], spots[-1]))
    height = 1 - 0.06 / figure.get_figheight()
    figure.text((left.x0 + right.x1) / 2, height, heading, fontsize=9.5, fontweight="bold", color=INK, ha="center", va="top")


def legend(figure: Figure, spots: Sequence[SubplotSpec], group: Group) -> None:
    """Draws the scale of a group's colours, from what the darkest says to what the brightest says."""
    left, right = (spot.get_position(figure) for spot in (spots[0], spots[-1]))
    tall, width = figure.get_figheight(), right.x1 - left.x0
    bar = min(width, 1.6 / figure.get_figwidth())
    axes = figure.add_axes(((left.x0 + right.x1 - bar) / 2, 0.3 / tall, bar, 0.09 / tall))
    axes.imshow(np.linspace(0, 1, 128)[None], aspect="auto", cmap=group.cmap)
    axes.set_axis_off()
    middle = (left.x0 + right.x1) / 2
    figure.text(middle, 0.22 / tall, f"{group.low}  \u2192  {group.high}", fontsize=7.5, color=INK, ha="center", va="top")


def over(image: Image.Image, values: NDArray[np.floating], cmap: str = "RdBu_r") -> Image.Image:
    """A signed map (h, w) over an image of any size, with 0 in the middle of the colours."""
    require("matplotlib")
    from matplotlib import colormaps  # noqa: PLC0415  an optional dependency, slow to import

    largest = max(float(np.abs(values).max()), 1e-12)
    colours = (255 * colormaps[cmap](values / (2 * largest) + 0.5)[..., :3]).astype(np.uint8)
    cover = Image.fromarray(colours).resize(image.size, Image.Resampling.BILINEAR)
    return Image.blend(image.convert("L").convert("RGB"), cover, COVER)


def share_scale(panels: Sequence[Panel], low: float | None = None) -> None:
    """Gives maps one colour scale, and adds its range to their titles.

    Args:
        panels: with maps.
        low: where the scale begins; at their smallest value by default.
    """
    found = [panel.values for panel in panels if panel.values is not None]
    first = min(float(values.min()) for values in found) if low is None else low
    last = max(float(values.max()) for values in found)
    for panel in panels:
        panel.title += f"\n{first:.2f} to {last:.2f}"
        panel.colours |= {"vmin": first, "vmax": max(last, first + 1e-3)}
