"""``rga gates``: the attention at work on a generated image.

Builds a ResNet-18 with RGA-SC, prints what it costs beside the plain one, and draws the gates of its stages and the relations of one node.
The weights are random: the image shows the mechanism, not what training finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import timm
import torch
from PIL import Image, ImageDraw
from rich.table import Table
from torch import Tensor, nn

from rga.attachment import attach
from rga.attachment.costs import cost
from rga.attention.recorder import Position, Recording, record
from rga.backbones.normalisation import backbone_normalisation
from rga.errors import InputError
from rga.extras import require
from rga.images.preprocessing import Preprocessing
from rga.images.tensors import normalise
from rga.storage.files import write_atomically
from rga.storage.outputs import check_drawing, check_output
from rga.terminal import PlainConsole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec
    from matplotlib.image import AxesImage

BACKBONE = "resnet18"
SIZE = (256, 128)
WATCHED: Position = (0.42, 0.5)
"""The node whose relations are drawn: on the figure's shirt."""

GAP = 0.22
"""Between groups of panels, in widths of a panel."""


def draw_demo(output: Path, *, overwrite: bool = False) -> None:
    """Shows the attention at work on a generated image.

    Args:
        output: the file for the drawing: .png, .pdf, .svg or another format of matplotlib.
        overwrite: replace the file if it is there already.

    Raises:
        ExistingFileError: the file is there already.
        MissingPackageError: matplotlib is not installed.
        InputError: matplotlib does not know the format.
    """
    check_drawing()
    check_format(output)
    check_output(output, overwrite=overwrite)
    console = PlainConsole()
    torch.manual_seed(0)
    plain = timm.create_model(BACKBONE, num_classes=0)
    model = attach(timm.create_model(BACKBONE, num_classes=0), "rga-sc", image_size=SIZE)
    table = Table("network", "parameters", "multiply-accumulates", title=f"One image of {SIZE[0]}x{SIZE[1]}")
    for name, network in (("ResNet-18", plain), ("ResNet-18 with RGA-SC", model)):
        spent = cost(network, (1, 3, *SIZE))
        table.add_row(name, f"{spent.parameters / 1e6:.2f} M", f"{spent.macs / 1e9:.2f} G")
    console.print(table)

    image = draw_image()
    recording = watch(model, to_tensor(image))
    draw_gates(image, recording, output)
    console.print(f"The gates of its four stages, and the relations of one node: {output}")


def check_format(path: Path) -> None:
    """Raises an InputError if matplotlib does not know the format that a file's name asks for."""
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an optional dependency, slow to import

    known = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise InputError(f"{path} has no ending of a drawing: choose one of {', '.join('.' + name for name in sorted(known))}")


def watch(model: nn.Module, x: Tensor) -> Recording:
    """Records one forward pass, after one in training mode that settles the running statistics of the random weights."""
    with torch.no_grad():
        model.train()
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.momentum = None  # the average over all that was seen
        model(torch.cat([x, x.flip(3), x.roll(32, 2), x.roll(-16, 3)]))
        model.eval()
        with record(model, positions=[WATCHED]) as recording:
            model(x)
    return recording


def draw_image() -> Image.Image:
    """A figure in front of a wall, drawn at twice its size and reduced."""
    height, width = 2 * SIZE[0], 2 * SIZE[1]
    rows = np.linspace(0, 1, height)[:, None, None]
    wall = np.array([188, 196, 205]) * (1 - rows) + np.array([120, 128, 120]) * rows
    noise = np.random.default_rng(0).normal(0, 7, (height, width, 1))
    image = Image.fromarray(np.clip(wall + noise, 0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 40, 70, 260), fill=(150, 90, 70))
    draw.rectangle((200, 100, 246, 380), fill=(90, 130, 90))
    draw.polygon(((88, 300), (124, 300), (116, 470), (84, 470)), fill=(40, 50, 90))
    draw.polygon(((132, 300), (168, 300), (178, 466), (146, 470)), fill=(40, 50, 90))
    draw.polygon(((82, 140), (174, 140), (170, 310), (86, 310)), fill=(200, 60, 50))
    draw.polygon(((78, 142), (94, 142), (84, 290), (66, 286)), fill=(190, 55, 46))
    draw.polygon(((162, 142), (178, 142), (192, 284), (174, 290)), fill=(190, 55, 46))
    for top in range(170, 300, 36):
        draw.rectangle((86, top, 170, top + 12), fill=(240, 236, 220))
    draw.ellipse((98, 60, 158, 138), fill=(224, 178, 150))
    draw.pieslice((94, 50, 162, 126), 180, 360, fill=(60, 40, 30))
    draw.ellipse((76, 462, 118, 484), fill=(30, 30, 30))
    draw.ellipse((144, 460, 188, 482), fill=(30, 30, 30))
    return image.resize((SIZE[1], SIZE[0]), Image.Resampling.LANCZOS)


def to_tensor(image: Image.Image) -> Tensor:
    """An image as a batch of one, (1, 3, H, W), normalised as the backbone expects it."""
    return normalise(Preprocessing(*SIZE, *backbone_normalisation(BACKBONE)), torch.from_numpy(np.array(image))[None])


def draw_gates(image: Image.Image, recording: Recording, path: Path) -> None:
    """Draws the image, the spatial gates of each stage, and the relations of the watched node at the first.

    Maps of one kind share one scale of colours, and every panel is as large as the image, so that positions correspond.
    """
    require("matplotlib")
    from matplotlib.figure import Figure  # noqa: PLC0415  an optional dependency, slow to import

    spatial = [each for each in recording.values() if each.name.endswith("spatial")]
    first = spatial[0]
    assert first.rows is not None
    assert first.columns is not None
    gates = {f"stage {n}, {each.gate.shape[2]}x{each.gate.shape[3]}": each.gate[0, 0] for n, each in enumerate(spatial, start=1)}
    relations = {
        title: vector[0, 0].view(first.gate.shape[2:])
        for title, vector in (("to all, R(i,:)", first.rows), ("from all, R(:,i)", first.columns))
    }

    figure = Figure(figsize=(12, 4.3))
    widths = [1, GAP, *(1 for _ in gates), GAP, *(1 for _ in relations)]
    margins = {"left": 0.008, "right": 0.992, "bottom": 0.085, "top": 0.86}
    cells = figure.add_gridspec(2, len(widths), width_ratios=widths, height_ratios=(1, 0.035), wspace=0.06, hspace=0.08, **margins)
    after_gates = 2 + len(gates)
    draw_panels(figure, [cells[0, 0]], "image", {f"{SIZE[0]}x{SIZE[1]}": image})
    shown = draw_panels(
        figure, [cells[0, 2 + n] for n in range(len(gates))], "spatial gates", gates, marked=False, cmap="viridis", vmin=0, vmax=1
    )
    figure.colorbar(shown, cax=figure.add_subplot(cells[1, 3 : after_gates - 1]), orientation="horizontal")
    largest = max(float(each.max()) for each in relations.values())
    shown = draw_panels(
        figure,
        [cells[0, after_gates + 1 + n] for n in range(2)],
        "relations of the marked node",
        relations,
        cmap="magma",
        vmin=0,
        vmax=largest,
    )
    figure.colorbar(shown, cax=figure.add_subplot(cells[1, after_gates + 1 :]), orientation="horizontal")
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=130, format=path.suffix[1:].lower()))


def draw_panels(
    figure: Figure,
    cells: Sequence[SubplotSpec],
    heading: str,
    images: Mapping[str, Image.Image | Tensor],
    marked: bool = True,
    **colours: Any,
) -> AxesImage:
    """Draws images side by side under one heading, each with its title and, if marked, the watched position; returns the last one drawn."""
    axes = [figure.add_subplot(cell) for cell in cells]
    for axis, (title, image) in zip(axes, images.items(), strict=True):
        shown = axis.imshow(np.asarray(image), extent=(0, SIZE[1], SIZE[0], 0), aspect="auto", **colours)
        if marked:
            axis.plot(WATCHED[1] * SIZE[1], WATCHED[0] * SIZE[0], "o", color="white", markeredgecolor="black", markersize=7)
        axis.set_title(title, fontsize=11, pad=5)
        axis.set_axis_off()
    middle = (axes[0].get_position().x0 + axes[-1].get_position().x1) / 2
    figure.text(middle, 0.985, heading, fontsize=13, fontweight="bold", ha="center", va="top")
    return shown
