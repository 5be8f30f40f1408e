"""A program of ``torch.export``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rga.deploy.agreement import Run
from rga.deploy.targets.order import Order
from rga.deploy.targets.tracing import quietly, traced
from rga.runtime.description import KEY


class ExportedProgram:
    """A program of ``torch.export``, for PyTorch without this package, and for AOTInductor."""

    def __init__(self, order: Order) -> None:
        with torch.no_grad(), quietly(), traced():
            self.program = torch.export.export(order.graph, (order.example,), dynamic_shapes=(dict(order.free),))

    def save(self, path: Path, description: str) -> None:
        """Writes the file; the description is the extra file ``rga``."""
        with path.open("wb") as file:
            torch.export.save(self.program, file, extra_files={KEY: description})

    def runner(self, path: Path) -> Run:
        """The file in PyTorch."""
        module = torch.export.load(io.BytesIO(path.read_bytes())).module()

        def run(images: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
            with torch.inference_mode():
                return [each.numpy() for each in module(torch.from_numpy(images))]

        return run
