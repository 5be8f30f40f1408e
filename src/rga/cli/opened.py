"""The model that a command uses."""

from __future__ import annotations

from typing import Any

from rga.backbones.model import BackboneModel
from rga.deploy.as_model import placed
from rga.opening import load


def opened(named: str, kind: type[BackboneModel], device: str) -> Any:
    """A model with the methods of a kind, on a device: a saved one, or one in a file of ONNX.

    Raises:
        InputError: it is of another kind, or a file of ONNX is to run elsewhere than on the CPU.
    """
    return placed(load(named, kind), device)
