"""``rga gates``: draws the gates of an untrained network on a generated image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.demos.gates import draw_demo


def gates(output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("gates.png"), *, overwrite: bool = False) -> None:
    """Draw the gates of the four stages of a network on a generated image, and the relations of one node.

    The weights are random. The drawing shows the mechanism and not a trained result.

    Args:
        output: File for the drawing: .png, .pdf, .svg or another format of matplotlib.
        overwrite: Replace the file if it is there already.
    """
    draw_demo(output, overwrite=overwrite)
