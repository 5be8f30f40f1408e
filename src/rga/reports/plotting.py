"""The one style of all plots: colours, axes, PNG and SVG as output. Matplotlib is optional, and only this file says when it is missing."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rga.extras import require
from rga.storage.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = (("#6b7280", ":"), ("#2563a8", "--"), ("#c2410c", "-"), ("#15803d", "-."))
"""Colour and dashes of the curves, in their order; a fifth curve looks like the first again."""
INK = "#26282e"
DOTS_PER_INCH = 110
SINGLE = (5.6, 3.5)
"""Width and height in inches of a figure with one plot."""


def new_figure(width: float, height: float, layout: Literal["constrained", "none"] = "constrained") -> Figure:
    """Makes an empty figure.

    Args:
        width: in inches.
        height: in inches.
        layout: "constrained" leaves room for labels by itself, "none" leaves the placing to the caller.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    require("matplotlib")
    from matplotlib.figure import Figure  # noqa: PLC0415  an optional dependency, slow to import

    figure = Figure(figsize=(width, height), facecolor="white")
    if layout == "constrained":
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return figure


def styles(count: int, skip: int = 0) -> Sequence[dict[str, Any]]:
    """The looks of ``count`` curves, as keyword arguments of matplotlib; the first ``skip`` looks are left out."""
    chosen = [STYLES[index % len(STYLES)] for index in range(skip, skip + count)]
    return [{"color": colour, "linestyle": dashes, "linewidth": 2} for colour, dashes in chosen]


def label_axes(
    axes: Axes, title: str, x_label: str, y_label: str, legend: Literal["best", "lower right"] = "best", integers: bool = True
) -> None:
    """Gives axes their title, labels, grid and legend.

    Args:
        axes: to label.
        title: above the plot.
        x_label: below the plot.
        y_label: left of the plot.
        legend: corner of the legend.
        integers: tick only integers on the x axis.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  an optional dependency, slow to import

    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(x_label, fontsize=9.5, color=INK)
    axes.set_ylabel(y_label, fontsize=9.5, color=INK)
    axes.tick_params(labelsize=9, colors=INK)
    axes.grid(color="#e3e5ea", linewidth=0.8)
    axes.set_axisbelow(True)
    if integers:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(fontsize=9, frameon=False, loc=legend)


def label_rate_axes(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Labels axes whose x is an error rate in percent on a logarithmic scale, and whose y is a percentage."""
    axes.set_xscale("log")
    label_axes(axes, title, x_label, y_label, integers=False)
    axes.xaxis.set_major_formatter("{x:g}")  # 0.1, 1, 10 rather than powers of ten
    axes.set_ylim(0, 101)


def as_png(figure: Figure) -> bytes:
    """Encodes a figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
    return file.getvalue()


def as_svg(figure: Figure, drawn: object) -> str:
    """Encodes a figure as SVG whose text stays text. The same figure gives the same SVG, wherever and whenever it is drawn.

    Args:
        figure: to encode.
        drawn: what the figure was drawn from, as JSON takes it. Its digest stands in the SVG (``digest_of``), so that figures which two
            versions of matplotlib encode differently can still be compared.

    Returns:
        The file's text, which ends with a line break.
    """
    from matplotlib import rc_context  # noqa: PLC0415  an optional dependency, slow to import

    file = io.StringIO()
    with rc_context({"svg.hashsalt": "rga", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Description": f"drawn from {digest_of(drawn)}"})
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{3,}", hundredths, tag[0]), file.getvalue())  # of a point; labels stay
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure atomically, in the format that the file's name ends with; the text of an SVG stays text.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib import rc_context  # noqa: PLC0415  an optional dependency, slow to import

    kind = path.suffix[1:].lower()
    with rc_context({"svg.hashsalt": "rga", "svg.fonttype": "none"}):
        write_atomically(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=DOTS_PER_INCH))


def hundredths(found: re.Match[str]) -> str:
    """A number in its text, rounded to hundredths."""
    return f"{float(found[0]):.2f}"


def digest_of(drawn: object) -> str:
    """The digest of what a figure is drawn from: floats count to six significant digits, so that it is the same on all machines.

    Example:
        >>> digest_of({"mAP": [0.1 + 0.2]}) == digest_of({"mAP": [0.3]}) != digest_of({"mAP": [0.31]})
        True
    """

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return f"{value:.6g}"
        if isinstance(value, dict):
            return {str(name): rounded(each) for name, each in value.items()}
        return [rounded(each) for each in value] if isinstance(value, list | tuple) else value

    return hashlib.sha256(json.dumps(rounded(drawn)).encode()).hexdigest()[:16]
