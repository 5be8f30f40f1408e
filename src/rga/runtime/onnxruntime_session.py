"""A graph of ONNX that onnxruntime runs on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError, first_line
from rga.extras import require
from rga.runtime.description import KEY


class OnnxruntimeSession:
    """An opened graph.

    Args:
        path: of the file.
        threads: of onnxruntime; 0 for one a core.

    Raises:
        MissingPackageError: onnxruntime is not installed.
        InputError: the file is damaged, or a graph that cannot be run.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        require("onnxruntime")
        import onnxruntime  # noqa: PLC0415  an optional dependency, slow to import

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.opened: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common base
            raise InputError(
                f"{path} is no file of ONNX that onnxruntime {onnxruntime.__version__} can run ({first_line(error)}): it is damaged, cut "
                "short, or of a later version; export the model again"
            ) from error
        self.path = path

    @property
    def description(self) -> str | None:
        """What the file says about its model, as text; None if rga did not write it."""
        found: dict[str, str] = self.opened.get_modelmeta().custom_metadata_map
        return found.get(KEY)

    @property
    def inputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each input; sizes that are free have names."""
        return {each.name: list(each.shape) for each in self.opened.get_inputs()}

    @property
    def outputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each output."""
        return {each.name: list(each.shape) for each in self.opened.get_outputs()}

    def run(self, name: str, images: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """The named outputs for a batch; see ``Session``.

        Raises:
            InputError: the graph does not take such a batch.
        """
        try:
            found: list[NDArray[np.float32]] = self.opened.run(list(outputs), {name: images})
        except Exception as error:
            raise InputError(f"{self.path} cannot be run on images of the shape {images.shape}: {first_line(error)}") from error
        return found
