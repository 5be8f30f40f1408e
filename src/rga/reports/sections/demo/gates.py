"""Where the attention looks: its spatial gates and the relations of one node, on some images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rga.reid.model import ReidModel
from rga.reports.gates import LEGEND, draw_gates
from rga.reports.plotting import as_png
from rga.reports.report import Figure, Section


def section(model: ReidModel, images: Sequence[Path]) -> Section:
    """One figure with a row for each image."""
    return Section(
        "Where the attention looks",
        (
            Figure(
                as_png(draw_gates(model, images)),
                "spatial gates of each stage and relations of one node, for some test images",
                f"{LEGEND} Before training, all gates are close to the setting initial_gate.",
            ),
        ),
    )
