"""A graph of ONNX in 8-bit integers, by the static quantisation of onnxruntime: QDQ, S8S8, one scale a channel of weights."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rga.deploy.int8.calibration import Batches
from rga.deploy.int8.scope import stays_in_float
from rga.deploy.targets.onnx import check_packages
from rga.runtime.description import INPUT, KEY


class QuantisedOnnx:
    """A graph of ONNX in 8-bit integers.

    Args:
        model: of onnx.
        weight_bits: of its weights.
    """

    def __init__(self, model: Any, weight_bits: int) -> None:
        self.model = model
        self.weight_bits = weight_bits

    def save(self, path: Path, description: str) -> None:
        """Writes the file."""
        import onnx  # noqa: PLC0415  an optional dependency

        onnx.helper.set_model_props(self.model, {KEY: description})
        onnx.save(self.model, path)


def quantise(source: Path, batches: Batches, attached: Collection[str]) -> QuantisedOnnx:
    """A file of ONNX in 8-bit integers.

    Ranges of maps are the least and the largest number that was seen.

    Args:
        source: the file in float32.
        batches: what the network sees of the images of the calibration.
        attached: the names of its attached attentions, see ``scope``.

    Raises:
        MissingPackageError: a package of ONNX is not installed.
    """
    check_packages()
    import onnx  # noqa: PLC0415  an optional dependency
    from onnxruntime import quantization  # noqa: PLC0415  likewise
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415  likewise

    wide = has_vnni()
    with tempfile.TemporaryDirectory() as folder, quietly():
        prepared, target = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        nodes = [node.name for node in onnx.load(prepared).graph.node]
        quantization.quantize_static(
            str(prepared),
            str(target),
            Reader(batches),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=not wide,
            nodes_to_exclude=[name for name in nodes if stays_in_float(name, attached)],
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        return QuantisedOnnx(onnx.load(target), 8 if wide else 7)


def has_vnni() -> bool:
    """Whether the CPU adds products of 8-bit integers up without saturating; where it does not, numbers keep to 7 bits."""
    return bool(torch.cpu._is_vnni_supported())  # noqa: SLF001  there is no public name


class Reader:
    """The batches as onnxruntime reads them.

    Args:
        batches: (1, 3, H, W) each.
    """

    def __init__(self, batches: Sequence[NDArray[np.float32]]) -> None:
        self.batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next one; None at the end."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what onnxruntime says of its steps."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
