"""``rga cost``: what attention adds to a network, without running it."""

from __future__ import annotations

import timm
import torch
from rich.console import Console
from rich.table import Table

from rga.attachment import attach
from rga.attention.catalog import list_attentions
from rga.costs import cost


def costs(trunk: str = "resnet50", attentions: tuple[str, ...] = (), image_size: tuple[int, int] = (256, 128)) -> None:
    """Prints parameters and multiply-accumulates of a timm network, plain and with attention after its stages.

    Args:
        trunk: name of a network in timm.
        attentions: names of attentions; all that can be attached by default.
        image_size: height and width of the pictures.
    """
    table = Table(
        "attention", "parameters (M)", "multiply-accumulates (G)", title=f"{trunk}, one picture of {image_size[0]}x{image_size[1]}"
    )
    for name in ("none", *(attentions or list_attentions())):
        with torch.device("meta"):
            model = attach(timm.create_model(trunk, num_classes=0), name, image_size=image_size)
        spent = cost(model, (1, 3, *image_size))
        table.add_row(name, f"{spent.parameters / 1e6:.2f}", f"{spent.macs / 1e9:.2f}")
    Console().print(table)
