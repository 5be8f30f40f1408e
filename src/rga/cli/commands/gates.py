"""``rga gates``: the attention at work on a generated image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.demos.gates import draw_demo


def gates(output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("gates.png"), *, overwrite: bool = False) -> None:
    """Draw the attention at work on a generated image: the gates of four stages, and the relations of one node.

    The weights are random: the drawing shows the mechanism, not what training finds.

    Args:
        output: File for the drawing: .png, .pdf, .svg or another format of matplotlib.
        overwrite: Replace the file if it is there already.
    """
    draw_demo(output, overwrite=overwrite)
