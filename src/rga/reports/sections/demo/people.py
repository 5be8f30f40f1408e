"""Some of the generated people, as each camera sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rga.datasets.contact_sheet import PAPER, contact_sheet
from rga.reid.datasets.samples import ReidData, by_identity
from rga.reports.examples import spread
from rga.reports.report import Figure, Section

SHOWN = 12
"""How many people are shown."""


def section(data: ReidData) -> Section:
    """One figure: a row for each person, a column for each camera."""
    return Section(
        "The people",
        (
            Figure.of(
                sheet_of_people(data),
                "generated people, one a row, with one column a camera",
                "Test identities, one a row, with one image from each camera that saw them. Light, white balance, sharpness, background "
                "and viewpoint change from camera to camera.",
            ),
        ),
    )


def sheet_of_people(data: ReidData) -> Image.Image:
    """One image of some query identities from each camera that saw them; a column is a camera."""
    groups = list(by_identity(data.query).items())
    cameras = sorted({sample.camera for sample in data.query if sample.camera is not None})
    rows, labels = [], []
    for index in spread(len(groups), SHOWN):
        identity, samples = groups[index]
        by_camera = {sample.camera: sample.path for sample in samples}
        rows.append([by_camera.get(camera) for camera in cameras])
        labels.append(f"id {identity}")
    return side_by_side(rows, labels, [f"camera {camera}" for camera in cameras])


def side_by_side(rows: Sequence[Sequence[Path | None]], labels: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Two contact sheets beside each other, each with half of the rows, so that the whole is as wide as a screen."""
    half = (len(rows) + 1) // 2
    parts = [slice(0, half), slice(half, None)] if half < len(rows) else [slice(0, half)]
    sheets = [contact_sheet(rows[part], row_labels=labels[part], column_labels=columns) for part in parts]
    whole = Image.new("RGB", (sum(sheet.width for sheet in sheets), max(sheet.height for sheet in sheets)), PAPER)
    left = 0
    for sheet in sheets:
        whole.paste(sheet, (left, 0))
        left += sheet.width
    return whole
