"""``rga cost``: counts what attention adds to a network, without running it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import torch
import tyro
from rich.table import Table

from rga.attachment import BLOCKS, attach, find_blocks, find_stages
from rga.attachment.costs import cost as cost_of
from rga.attention.catalog import list_attentions
from rga.backbones.catalog import create_backbone
from rga.backbones.options import OptionValue
from rga.cli.progress import progress
from rga.terminal import PlainConsole


def cost(
    backbone: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BACKBONE")] = "resnet50",
    *,
    attentions: tuple[str, ...] = (),
    image_size: tuple[int, int] = (256, 128),
    backbone_options: Annotated[dict[str, OptionValue] | None, tyro.conf.arg(metavar="[NAME VALUE ...]")] = None,
    inside_blocks: bool = False,
    fit: Literal["exact", "spectral"] = "exact",
) -> None:
    """Print parameters and multiply-accumulates of a network without a classifier, plain and with attention, and where attention goes.

    Args:
        backbone: A network of timm, or one of our own (osnet_x1_0, cifar-resnet20, ...).
        attentions: Attentions to compare; by default all of them.
        image_size: Height and width of the images.
        backbone_options: Options of the network, names and values in turn, as rga train takes them: ibn a.
        inside_blocks: Put attention inside every block instead of after stages.
        fit: How RGA's weights meet positions: exact as in the paper, or spectral. Other attentions are not affected.
    """
    build = partial(create_backbone, backbone, image_size=image_size, **(backbone_options or {}))
    with torch.device("meta"):
        stages = (find_blocks if inside_blocks else find_stages)(build(), image_size)
    title = f"{backbone}, one image of {image_size[0]}x{image_size[1]}"
    table = Table("attention", "parameters (M)", "multiply-accumulates (G)", title=title)
    names = ("none", *(attentions or list_attentions()))
    with progress("measuring") as bar:
        for done, name in enumerate(names):
            bar(done, len(names))
            with torch.device("meta"):
                options: dict[str, Any] = {"fit": fit} if name.startswith("rga") else {}
                after = BLOCKS if inside_blocks else None
                model = attach(build(), name, image_size=image_size, after=after, **options)
            spent = cost_of(model, (1, 3, *image_size))
            table.add_row(name, f"{spent.parameters / 1e6:.2f}", f"{spent.macs / 1e9:.2f}")
    console = PlainConsole()
    console.print(table)
    console.print(
        f"attention after {', '.join(f'{stage.name} ({stage.grid[0]}x{stage.grid[1]})' for stage in stages)}", markup=False, soft_wrap=True
    )
