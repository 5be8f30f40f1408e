"""The device, and the data type of the forward pass."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
AmpDtype = Literal["float32", "bfloat16", "float16"]


def choose_device(name: DeviceName) -> torch.device:
    """The device of a name; ``auto`` takes a GPU where there is one.

    Raises:
        ValueError: the device is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if there[device]))
    if not there[name]:
        raise ValueError(f"device {name!r} is not available here: available are {', '.join(d for d, yes in there.items() if yes)}")
    return torch.device(name)


def autocast(device: torch.device, amp_dtype: AmpDtype) -> AbstractContextManager[object]:
    """The autocast context of a forward pass; float32 turns autocast off."""
    if amp_dtype == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, amp_dtype))
