"""Graphs of networks by PyTorch's exporters, whose errors become one line, and whose chatter is left out."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch

from rga.errors import InputError


@contextlib.contextmanager
def traced(
    what: str = "the network cannot be written as a graph", advice: str = "choose another backbone, or try another target with --to"
) -> Iterator[None]:
    """Says in one line that a network cannot be traced.

    Args:
        what: cannot be done.
        advice: what to do.

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
            f"{what} ({type(error).__name__}: {said[:200]}): what it computes must not depend on the values of an image; {advice}"
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
