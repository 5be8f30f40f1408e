"""The forms in which a graph is written: a file of ONNX, or an exported program of PyTorch. Each is run again from its file."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rga.deploy.agreement import Run
from rga.deploy.onnx_graph import share_weights
from rga.errors import InputError, MissingPackageError
from rga.runtime.description import INPUT, KEY
from rga.runtime.session import Session

Target = Literal["onnx", "exported-program"]

OPSET = 18
"""Of ONNX: the first whose resizing is antialiased; onnxruntime has known it since 1.14."""

LARGEST = 2**31
"""Bytes of a file of ONNX, whose format can be no longer."""


@dataclass(frozen=True)
class Order:
    """What is to be written.

    Attributes:
        graph: in evaluation mode, on the CPU.
        example: an input, of at least two images.
        free: axis of the input -> what is known of its size.
        outputs: their names.
    """

    graph: nn.Module
    example: Tensor
    free: Mapping[int, Any]
    outputs: Sequence[str]


class Written(Protocol):
    """A graph in a form that can be written and run."""

    def save(self, path: Path, description: str) -> None:
        """Writes a file, with what it says about itself."""

    def runner(self, path: Path) -> Run:
        """The file, opened again."""


class Onnx:
    """A graph of ONNX, in one file."""

    def __init__(self, order: Order) -> None:
        for package in ("onnx", "onnxscript", "onnxruntime"):
            if find_spec(package) is None:
                raise MissingPackageError(package, "onnx")
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

    def save(self, path: Path, description: str) -> None:
        """Writes the file."""
        import onnx_ir  # noqa: PLC0415  an optional dependency

        self.program.metadata_props[KEY] = description
        onnx_ir.save(self.program, path)  # PyTorch would put more than 1.5 GiB of weights into another file

    def runner(self, path: Path) -> Run:
        """The file in onnxruntime."""
        session = Session(path)
        return lambda images: session.run(INPUT, images, self.outputs)


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


TARGETS: dict[Target, Callable[[Order], Written]] = {"onnx": Onnx, "exported-program": ExportedProgram}
SUFFIXES: dict[Target, str] = {"onnx": ".onnx", "exported-program": ".pt2"}
"""Target -> the ending of its files."""


@contextlib.contextmanager
def traced() -> Iterator[None]:
    """Says in one line that a network cannot be traced.

    Raises:
        InputError: it cannot.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # what exporters raise is of many kinds, and pages long
        said = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise InputError(
            f"the network cannot be written as a graph ({type(error).__name__}: {said[:200]}): what it computes must not depend on "
            "the values of an image; choose another backbone, or try the other target with --to"
        ) from error


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what an exporter says of its steps and of its own deprecated parts."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
