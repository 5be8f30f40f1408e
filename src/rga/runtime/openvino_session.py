"""A graph that OpenVINO runs on the CPU: of OpenVINO, in a file .xml with its weights in a file .bin beside it, or of ONNX.

Numbers are float32: by default OpenVINO computes in bfloat16 on CPUs that have it, and its outputs would differ from machine to machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError, MissingFileError, first_line
from rga.extras import require
from rga.runtime.description import KEY
from rga.storage.checksum import sha256

WEIGHTS_KEY = "rga_weights_sha256"
"""The entry of a file .xml with the SHA-256 of its file .bin."""

PRECISION = "f32"


class OpenvinoSession:
    """An opened graph.

    Args:
        path: of the file.
        threads: of OpenVINO; 0 for one a core.

    Raises:
        MissingPackageError: OpenVINO is not installed.
        MissingFileError: the weights of the file are not beside it.
        InputError: the file is damaged, its weights are those of another export, or it is a graph that cannot be run.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        openvino = import_openvino()
        weights = weights_file(path)
        if weights is not None and not weights.is_file():
            raise MissingFileError(
                f"there is no file {weights}: a model of OpenVINO is two files, {path.name} and {weights.name}; copy both"
            )
        try:
            self.model: Any = openvino.Core().read_model(path)
        except Exception as error:  # its errors have no common base
            raise unreadable(path, error) from error
        if weights is not None and self.entry(WEIGHTS_KEY) not in (None, sha256(weights)):
            raise InputError(f"{weights} does not hold the weights of {path}: it is damaged, or of another export; export the model again")
        try:
            self.opened: Any = compiled(self.model, threads)
        except Exception as error:
            raise unreadable(path, error) from error
        self.path = path

    @classmethod
    def of(cls, model: Any, opened: Any, path: Path) -> OpenvinoSession:
        """A graph that is in no file yet.

        Args:
            model: of OpenVINO, with the entries and outputs of the graph.
            opened: ready to run.
            path: of the file that errors name.
        """
        session = cls.__new__(cls)
        session.model, session.opened, session.path = model, opened, path
        return session

    def entry(self, name: str) -> str | None:
        """What the file says under a name; None if nothing. Entries of files of ONNX are a level deeper."""
        for keys in ([name], ["framework", name]):
            if self.model.has_rt_info(keys):
                found = self.model.get_rt_info(keys)
                return str(getattr(found, "value", found))
        return None

    @property
    def description(self) -> str | None:
        """What the file says about its model, as text; None if rga did not write it."""
        return self.entry(KEY)

    @property
    def inputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each input; sizes that are free are ``"?"``."""
        return {each.get_any_name(): shape_of(each) for each in self.model.inputs}

    @property
    def outputs(self) -> dict[str, list[int | str]]:
        """Name -> shape of each output."""
        return {each.get_any_name(): shape_of(each) for each in self.model.outputs}

    def run(self, name: str, images: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """The named outputs for a batch; see ``Session``.

        Raises:
            InputError: the graph does not take such a batch.
        """
        request = self.opened.create_infer_request()  # one a call, since a request serves one thread at a time
        try:
            found = request.infer({name: np.ascontiguousarray(images)})
        except Exception as error:
            raise InputError(f"{self.path} cannot be run on images of the shape {images.shape}: {first_line(error)}") from error
        return [np.array(found[each], np.float32) for each in outputs]


def import_openvino() -> Any:
    """The package.

    Raises:
        MissingPackageError: it is not installed.
    """
    require("openvino")
    import openvino  # noqa: PLC0415  an optional dependency, slow to import

    return openvino


def compiled(model: Any, threads: int = 0) -> Any:
    """A model of OpenVINO, ready to run on the CPU in float32.

    Args:
        model: of OpenVINO.
        threads: 0 for one a core.
    """
    options = {"INFERENCE_PRECISION_HINT": PRECISION, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    return import_openvino().Core().compile_model(model, "CPU", options)


def weights_file(path: Path) -> Path | None:
    """The file with the weights of a file of OpenVINO; None for a file of ONNX, which holds its own."""
    return path.with_suffix(".bin") if path.suffix.lower() == ".xml" else None


def shape_of(port: Any) -> list[int | str]:
    """The shape of an input or an output; sizes that are free are ``"?"``."""
    return ["?" if size.is_dynamic else size.get_length() for size in port.get_partial_shape()]


def unreadable(path: Path, error: Exception) -> InputError:
    """The error for a file that OpenVINO cannot run."""
    return InputError(
        f"{path} is no model that OpenVINO {import_openvino().__version__.split('-')[0]} can run ({first_line(error)}): it is damaged, cut "
        "short, or of a later version; export the model again"
    )
