"""A model of OpenVINO in 8-bit integers, by NNCF: where the test loses too much, it puts layers back into float."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.deploy.int8.calibration import Batches
from rga.deploy.int8.scope import stays_in_float
from rga.deploy.targets.openvino import save
from rga.errors import InputError, first_line
from rga.extras import require
from rga.runtime.description import INPUT
from rga.runtime.openvino_session import OpenvinoSession, import_openvino

Measure = Callable[[OpenvinoSession], float]
"""A graph -> its main metric on the test."""

RANKED = 50
"""Batches whose outputs tell which layers lose most."""

NOTHING_SENT = "NNCF_CI"
"""The variable of the environment with which NNCF sends no statistics of its use."""


class QuantisedOpenvino:
    """A graph of OpenVINO in 8-bit integers.

    Args:
        model: of OpenVINO.
    """

    weight_bits = 8

    def __init__(self, model: Any) -> None:
        self.model = model

    def save(self, path: Path, description: str) -> None:
        """Writes the file and the one with its weights."""
        save(self.model, path, description)


def quantise(source: Path, batches: Batches, attached: Collection[str], measure: Measure, max_drop: float) -> QuantisedOpenvino:
    """A file of OpenVINO in 8-bit integers.

    Args:
        source: the file in float32.
        batches: what the network sees of the images of the calibration.
        attached: the names of its attached attentions, see ``scope``.
        measure: how good a graph is; called once for each graph that is tried.
        max_drop: how much of the metric may be lost before layers are put back.

    Raises:
        MissingPackageError: NNCF is not installed.
        InputError: OpenVINO cannot run the network in 8-bit integers.
    """
    nncf, openvino = import_nncf(), import_openvino()
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # the file goes
    model = core.read_model(source)
    names = [name for each in model.get_ops() if stays_in_float(name := each.get_friendly_name(), attached)]

    shown = [*batches[:RANKED], *batches[:1]]  # one more than NNCF shows to see what is returned
    failed: list[Exception] = []

    def validate(opened: Any, items: Iterable[NDArray[np.float32]]) -> tuple[float, list[list[NDArray[np.float32]]]]:
        found = [[np.array(each) for each in opened({INPUT: item}).values()] for item in items]
        if len(found) == 1:
            return 0.0, found
        try:
            return measure(OpenvinoSession.of(model, opened, source)), found
        except Exception as error:
            failed.append(error)  # NNCF would take it for an error of its own
            raise

    try:
        with quietly():
            found = nncf.quantize_with_accuracy_control(
                model,
                nncf.Dataset(batches, lambda batch: {INPUT: batch}),
                nncf.Dataset(shown, lambda batch: {INPUT: batch}),  # their outputs rank the layers; the measure has data of its own
                validate,
                max_drop=max_drop,
                subset_size=len(batches),
                ignored_scope=nncf.IgnoredScope(names=names, validate=False),
            )
    except Exception as error:  # what OpenVINO and NNCF raise is of many kinds
        if failed:
            raise failed[0] from None
        if isinstance(error, MemoryError):
            raise
        raise InputError(
            f"OpenVINO cannot run the network in 8-bit integers ({first_line(error)}): export it without int8, or to onnx"
        ) from error
    return QuantisedOpenvino(found)


def import_nncf() -> Any:
    """The package, which sends no statistics of its use from here.

    Raises:
        MissingPackageError: it is not installed.
    """
    check_packages()
    before = os.environ.get(NOTHING_SENT)
    os.environ[NOTHING_SENT] = "1"
    try:
        import nncf  # noqa: PLC0415  an optional dependency, slow to import
    finally:
        if before is None:
            del os.environ[NOTHING_SENT]
        else:
            os.environ[NOTHING_SENT] = before
    return nncf


def check_packages() -> None:
    """Raises a MissingPackageError if NNCF is not installed."""
    require("nncf")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what NNCF says of its steps."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            yield
    finally:
        logger.setLevel(level)
