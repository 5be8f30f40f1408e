"""Draws the cosine basis of spectral attention, and a trained row of varphi's weights: at positions, as amplitudes, and by some of them.

    rga reproduce ablation --scale minutes --variants rga-sc --seeds 1
    python benchmarks/spectral_figure.py runs/reproduce/people/rga-sc/seed-0 -o docs/spectral.png

The row is that of the first RGA-S of a model, the one with most energy (the sum of its squares).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import rga
from rga.attention.modules import SpatialRelationAttention
from rga.attention.spectral.basis import CosineBasis, to_amplitudes, to_positions
from rga.errors import InputError
from rga.reports.plotting import as_png, new_figure
from rga.storage.files import write_atomically

BASIS = (2, 5)
"""Frequencies down and across that are drawn."""
KEPT = ((16, 8), (8, 4), (4, 2))


def main(arguments: Sequence[str]) -> str:
    """Reads the command line and draws; what was drawn, as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run or a saved model with exact RGA-S")
    parser.add_argument("--output", "-o", type=Path, default=Path("docs/spectral.png"))
    chosen = parser.parse_args(arguments)
    name, attention = first_spatial(chosen.model)
    assert attention.gate.varphi is not None
    weight = attention.gate.varphi.rows.weight.detach().double()
    row = weight[weight.square().sum(1).argmax()]
    shares = draw(row, attention.grid, chosen.output)
    said = ", ".join(f"{down}x{across}: {share:.0%}" for (down, across), share in shares.items())
    return f"{name}, grid {attention.grid[0]}x{attention.grid[1]}; energy kept by frequencies {said}: {chosen.output}"


def first_spatial(model: Path) -> tuple[str, SpatialRelationAttention]:
    """The first exact RGA-S of a saved model, with its name.

    Raises:
        InputError: it has none.
    """
    for name, module in rga.load(model).named_modules():
        if isinstance(module, SpatialRelationAttention) and module.fit == "exact" and module.gate.varphi is not None:
            return name, module
    raise InputError(f"{model} has no exact RGA-S: name a run with rga-sc")


def draw(row: Tensor, grid: tuple[int, int], output: Path) -> dict[tuple[int, int], float]:
    """Draws basis and row; the share of the row's energy that each number of frequencies keeps."""
    figure = new_figure(7.2, 7.4)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.7, 1))
    top, bottom = parts
    basis = CosineBasis(grid, BASIS).to(torch.float64)
    top.suptitle("The first basis functions, by their frequencies down and across", fontsize=10)
    for axes, (down, across) in zip(top.subplots(*BASIS).flat, [(d, a) for d in range(BASIS[0]) for a in range(BASIS[1])], strict=True):
        draw_map(axes, basis.down[down][:, None] * basis.across[across], f"{down}, {across}")
    bottom.suptitle("A trained row of varphi's weights, and what some frequencies keep of its energy", fontsize=10)
    panels = bottom.subplots(1, 2 + len(KEPT)).flat
    draw_map(next(panels), row.view(grid), "at positions")
    draw_map(next(panels), to_amplitudes(row, grid, grid).view(grid), "amplitudes")
    shares = {}
    for wanted in KEPT:
        kept = (min(wanted[0], grid[0]), min(wanted[1], grid[1]))
        some, amplitudes = CosineBasis(grid, kept).to(torch.float64), to_amplitudes(row, grid, kept)
        shares[kept] = (amplitudes.square().sum() / row.square().sum()).item()
        draw_map(next(panels), to_positions(amplitudes, some.down, some.across).view(grid), f"by {kept[0]}x{kept[1]}\n{shares[kept]:.0%}")
    drawn = as_png(figure)
    write_atomically(output, lambda temporary: temporary.write_bytes(drawn))
    return shares


def draw_map(axes: Any, values: Tensor, title: str) -> None:
    """Draws a map of numbers, red above and blue below zero."""
    largest = values.abs().flatten().quantile(0.99).item()  # one large number, such as the mean's amplitude, would hide all others
    axes.imshow(values.numpy(), cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_title(title, fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])


if __name__ == "__main__":
    print(main(sys.argv[1:]))
