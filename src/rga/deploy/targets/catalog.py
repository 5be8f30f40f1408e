"""The targets by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rga.deploy.targets.exported_program import ExportedProgram
from rga.deploy.targets.onnx import Onnx
from rga.deploy.targets.openvino import Openvino
from rga.deploy.targets.order import Order, Written

Target = Literal["onnx", "openvino", "exported-program"]

TARGETS: dict[Target, Callable[[Order], Written]] = {"onnx": Onnx, "openvino": Openvino, "exported-program": ExportedProgram}
SUFFIXES: dict[Target, str] = {"onnx": ".onnx", "openvino": ".xml", "exported-program": ".pt2"}
"""Target -> the ending of its files."""
