"""Draws the spatial gates of a re-ID model and the relations of one node: where the attention looks, and what it compares.

One row an image: the image, the spatial gate of each stage, and the affinities of the marked node to all nodes and of all nodes to it at
the first stage (R(i,:) and R(:,i) of the paper).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rga.attention.recorder import Position, Recording, record
from rga.errors import InputError
from rga.images.images import read_image
from rga.reid.model import ReidModel
from rga.reid.transforms import test_transform
from rga.reports.plotting import INK, as_png, new_figure

WATCHED: Position = (0.4, 0.5)
"""Position of the node whose relations are drawn, as (down, across) from 0 to 1: about on the shirt."""

CELL = 0.86
"""Width of a panel in inches."""
BETWEEN = 0.28
"""Width of the gap between groups of panels, in widths of a panel."""


def draw_gates(model: ReidModel, images: Sequence[Path], watched: Position = WATCHED) -> bytes:
    """Draws the gates and relations of a model on images.

    The gates of a stage share one colour scale in all rows; the title of the stage gives its range. The relations of each row have a
    scale of their own, since affinities have no unit.

    Args:
        model: with RGA-S, alone or with RGA-C, on some of its stages.
        images: image files, one a row.
        watched: position of the node whose relations are drawn, as (down, across) from 0 to 1.

    Returns:
        A PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        InputError: there are no images, or the model has no spatial attention with relations.
    """
    if not images:
        raise InputError("there are no images to draw gates of: pass at least one")
    rows = [panels_of(model, image, watched) for image in images]
    for stage in range(1, len(rows[0]) - 2):
        share_scale([panels[stage] for panels in rows])
    stages = len(rows[0]) - 3
    size = model.preprocessing.size
    widths = [1, BETWEEN, *[1] * stages, BETWEEN, 1, 1]
    columns = [0, *range(2, 2 + stages), 3 + stages, 4 + stages]
    tall = CELL * size[0] / size[1]
    figure = new_figure(1.08 * CELL * sum(widths), 1.05 * tall * len(rows) + 0.75, layout="none")
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 1 - 0.6 / figure.get_figheight()}
    cells = figure.add_gridspec(len(rows), len(widths), width_ratios=widths, wspace=0.07, hspace=0.05, **margins)
    for number, panels in enumerate(rows):
        for column, panel in zip(columns, panels, strict=True):
            axes = figure.add_subplot(cells[number, column])
            axes.imshow(panel.values, extent=(0, 1, 1, 0), aspect="auto", interpolation="nearest", **panel.colours)
            axes.set_axis_off()
            if number == 0:
                axes.set_title(panel.title, fontsize=8.5, color=INK, pad=3)
            if column in (columns[0], *columns[-2:]):
                axes.plot(watched[1], watched[0], "o", color="white", markeredgecolor="black", markersize=5)
    for group, heading in (
        (columns[:1], "image"),
        (columns[1 : 1 + stages], "spatial gates"),
        (columns[-2:], "relations of the node"),
    ):
        ends = [cells[0, column].get_position(figure) for column in (group[0], group[-1])]
        middle = (ends[0].x0 + ends[1].x1) / 2
        figure.text(middle, 1 - 0.08 / figure.get_figheight(), heading, fontsize=9.5, fontweight="bold", color=INK, ha="center", va="top")
    return as_png(figure)


@dataclass
class Panel:
    """An image or a map, with its title and the keyword arguments of its colour scale."""

    title: str
    values: Any
    colours: dict[str, Any] = field(default_factory=dict)


def share_scale(panels: Sequence[Panel]) -> None:
    """Gives maps one colour scale, and adds its range to their titles."""
    low, high = min(float(panel.values.min()) for panel in panels), max(float(panel.values.max()) for panel in panels)
    for panel in panels:
        panel.title += f"\n{low:.2f} to {high:.2f}"
        panel.colours |= {"vmin": low, "vmax": max(high, low + 1e-3)}


def panels_of(model: ReidModel, path: Path, watched: Position) -> list[Panel]:
    """The panels of one image: the image, the gates of the stages, the relations to all nodes and from all nodes."""
    image = read_image(path)
    spatial = [each for each in watch(model, image, watched).values() if each.gate.shape[1] == 1 and each.gate.shape[2:].numel() > 1]
    if not spatial or spatial[0].rows is None or spatial[0].columns is None:
        raise InputError("the model has no spatial attention with relations to draw: train one with attention rga-s, rga-sc or rga-cs")
    first = spatial[0]
    assert first.rows is not None
    assert first.columns is not None
    grid = tuple(first.gate.shape[2:])
    height, width = model.preprocessing.size
    panels = [Panel(f"{height}\u00d7{width}", image.resize((width, height), Image.Resampling.BILINEAR))]
    for number, each in enumerate(spatial, start=1):
        down, across = each.gate.shape[2:]
        panels.append(Panel(f"stage {number}, {down}\u00d7{across}", each.gate[0, 0].float().cpu().numpy(), {"cmap": "viridis"}))
    relations = [as_map(vector, grid) for vector in (first.rows, first.columns)]
    largest = max(1e-6, *(float(values.max()) for values in relations))
    for title, values in zip(("to all, R(i,:)", "from all, R(:,i)"), relations, strict=True):
        panels.append(Panel(title, values, {"cmap": "magma", "vmin": 0, "vmax": largest}))
    return panels


def watch(model: ReidModel, image: Image.Image, watched: Position) -> Recording:
    """Records one forward pass in evaluation mode."""
    was_training = model.training
    model.eval()
    with torch.no_grad(), record(model, positions=[watched]) as recording:
        model(model.as_input(test_transform(model.preprocessing)(image)[None]))
    model.train(was_training)
    return recording


def as_map(vector: torch.Tensor, grid: tuple[int, ...]) -> NDArray[np.float32]:
    """The affinities of the first chosen node as a map: (1, nodes, M) -> grid."""
    values: NDArray[np.float32] = vector[0, 0].float().cpu().view(grid).numpy()
    return values
