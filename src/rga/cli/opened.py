"""The model that a command uses."""

from __future__ import annotations

from typing import Any

from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.opening import load
from rga.runtime.model import RuntimeModel
from rga.training.devices import choose_device


def opened(named: str, kind: type[BackboneModel], device: str) -> Any:
    """A model with the methods of a kind, on a device: a saved one, or one in a file of ONNX.

    Raises:
        InputError: it is of another kind, or a file of ONNX is to run elsewhere than on the CPU.
    """
    model: Any = load(named, kind)
    if not isinstance(model, RuntimeModel):
        return model.to(choose_device(device))
    if device not in ("auto", "cpu"):
        raise InputError(f"{named} is a file of ONNX, which runs on the CPU here: leave --device {device} out")
    return model
