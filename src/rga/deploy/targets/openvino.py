"""A model of OpenVINO: a file .xml, and its weights in a file .bin."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rga.deploy.agreement import Run
from rga.deploy.targets.onnx import Onnx
from rga.deploy.targets.order import Order
from rga.runtime.description import INPUT, KEY
from rga.runtime.openvino_session import WEIGHTS_KEY, OpenvinoSession, import_openvino, weights_file
from rga.storage.checksum import sha256


class Openvino:
    """A graph of OpenVINO, read from one of ONNX, so that both runtimes compute the same graph."""

    def __init__(self, order: Order) -> None:
        openvino = import_openvino()
        self.outputs = tuple(order.outputs)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            Onnx(order).save(path, "")
            core = openvino.Core()
            core.set_property({"ENABLE_MMAP": False})  # the file goes
            self.model: Any = core.read_model(path)

    def save(self, path: Path, description: str) -> None:
        """Writes the file and the one with its weights, whose digest it holds."""
        save(self.model, path, description)

    def runner(self, path: Path) -> Run:
        """The file in OpenVINO."""
        session = OpenvinoSession(path)
        return lambda images: session.run(INPUT, images, self.outputs)


def companions(path: Path) -> tuple[Path, ...]:
    """The files that belong to an exported file: the weights of one of OpenVINO."""
    weights = weights_file(path)
    return () if weights is None else (weights,)


def save(model: Any, path: Path, description: str) -> None:
    """Writes a model of OpenVINO, with what it says about itself and the digest of its weights.

    Args:
        model: of OpenVINO.
        path: of the file ``.xml``; its weights are written beside it.
        description: as JSON.
    """
    openvino, weights = import_openvino(), weights_file(path)
    assert weights is not None
    model.set_rt_info(description, [KEY])
    openvino.save_model(model, path, compress_to_fp16=False)
    model.set_rt_info(sha256(weights), [WEIGHTS_KEY])
    openvino.save_model(model, path, compress_to_fp16=False)
