"""A file of ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rga.deploy.agreement import Run
from rga.deploy.targets.onnx_graph import name_nodes, share_weights
from rga.deploy.targets.order import Order
from rga.deploy.targets.tracing import quietly, traced
from rga.errors import InputError
from rga.extras import require
from rga.runtime.description import INPUT, KEY
from rga.runtime.onnxruntime_session import OnnxruntimeSession

OPSET = 18
"""Of ONNX: the first whose resizing is antialiased; onnxruntime has known it since 1.14."""

LARGEST = 2**31
"""Bytes of a file of ONNX, whose format can be no longer."""


class Onnx:
    """A graph of ONNX, in one file."""

    def __init__(self, order: Order) -> None:
        check_packages()
        size = sum(each.numel() * each.element_size() for each in (*order.graph.parameters(), *order.graph.buffers()))
        if size >= LARGEST:
            raise InputError(f"a file of ONNX holds less than 2 GiB, and the model's weights have {size / 2**30:.1f} GiB")
        self.outputs = tuple(order.outputs)
        with quietly(), traced():
            program: Any = torch.onnx.export(
                order.graph,
                (order.example,),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(order.outputs),
                dynamic_shapes=(dict(order.free),),
                verbose=False,
            )
        self.program: Any = program.model
        share_weights(self.program.graph)
        name_nodes(self.program.graph)

    def save(self, path: Path, description: str) -> None:
        """Writes the file."""
        import onnx_ir  # noqa: PLC0415  an optional dependency

        self.program.metadata_props[KEY] = description
        onnx_ir.save(self.program, path)  # PyTorch would put more than 1.5 GiB of weights into another file

    def runner(self, path: Path) -> Run:
        """The file in onnxruntime."""
        session = OnnxruntimeSession(path)
        return lambda images: session.run(INPUT, images, self.outputs)


def check_packages() -> None:
    """Raises a MissingPackageError if a package that writes files of ONNX is not installed."""
    require("onnx", "onnxscript", "onnxruntime")
