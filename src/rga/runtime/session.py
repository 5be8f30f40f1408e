"""A graph in a file, as a runtime has opened it, and which files hold one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

Runtime = Literal["onnxruntime", "openvino"]
"""What runs a graph."""

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

SUFFIXES: dict[str, Runtime] = {".onnx": "onnxruntime", ".xml": "openvino"}
"""The ending of a file -> the runtime that opens it by default. OpenVINO reads both."""


class Session(Protocol):
    """An opened graph. It may be run by several threads at once."""

    path: Path
    """Of the file."""

    @property
    def description(self) -> str | None:
        """What the file says about its model, as text; None if rga did not write it."""

    @property
    def inputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each input; sizes that are free are text."""

    @property
    def outputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each output."""

    def run(self, name: str, images: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """The named outputs for a batch.

        Args:
            name: of the input.
            images: the batch.
            outputs: names of outputs.

        Raises:
            InputError: the graph does not take such a batch.
        """


def is_model_file(named: object) -> bool:
    """Whether what was named is a graph in a file, by its ending; a folder is none, and nothing on the hub."""
    text = os.fspath(named) if isinstance(named, (str, os.PathLike)) else ""
    if not isinstance(text, str) or Path(text).suffix.lower() not in SUFFIXES or text.startswith("hf-hub:"):
        return False
    return not Path(text).expanduser().is_dir()
