"""R1 and mAP from each camera to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rga.reports.findings import Findings
from rga.reports.report import Section, Table


def section(findings: Findings) -> Section | None:
    """Three tables: R1, mAP and the number of queries; None where cameras are not known."""
    cameras = findings.examined[findings.shown].cameras
    if cameras is None:
        return None
    heads = ("query camera", *(f"to {camera}" for camera in cameras.gallery_cameras))

    def table(values: NDArray[np.float64], metric: str) -> Table:
        rows = tuple(
            (str(camera), *("-" if np.isnan(value) else f"{value:.1%}" for value in row))
            for camera, row in zip(cameras.query_cameras, values, strict=True)
        )
        caption = f"{metric} {findings.by_shown}, in a gallery with the images of one camera (column) only."
        return Table(heads, rows, caption)

    counts = tuple((str(camera), *map(str, row)) for camera, row in zip(cameras.query_cameras, cameras.queries.tolist(), strict=True))
    return Section(
        "From camera to camera",
        (table(cameras.rank1, "R1"), table(cameras.mAP, "mAP"), Table(heads, counts, "Queries with a match in the images of that camera.")),
    )
