"""Where and in which type to compute."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from rga.errors import InputError
from rga.training.recipe import AmpDtype, Tf32, check_device_name

UNTRIED = (
    "there is an Apple GPU, and it is not used: the tests of the attention have not been run on MPS yet; --device mps uses it all the same"
)


def choose_device(name: str) -> torch.device:
    """The device of a name.

    ``auto`` is a CUDA GPU where there is one, otherwise the CPU. It does not choose MPS, on which the tests of the attention have not
    been run, and warns about that.

    Args:
        name: auto, cpu, mps, cuda, or a GPU by its number such as cuda:1.

    Raises:
        InputError: there is no such device.
    """
    check_device_name(name)
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            warnings.warn(UNTRIED, stacklevel=2)
        return torch.device("cpu")
    there = available()
    if (name not in there and name != "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise InputError(f"device {name!r} is not available here: available are {', '.join(there)}")
    return torch.device(name)


def available() -> list[str]:
    """The names of the devices that are there."""
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def autocast(device: torch.device, dtype: AmpDtype) -> AbstractContextManager[object]:
    """The context of a forward pass under automatic mixed precision; float32 is PyTorch's own."""
    if dtype == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, dtype))


@contextmanager
def products_in_tf32(which: Tf32) -> Iterator[None]:
    """Within the block, NVIDIA GPUs compute in TF32 what is named, and all other products of float32 in float32.

    TF32 rounds operands to 10 bits of precision, as float16 does, and sums in float32. Attention consists of matrix products.

    Args:
        which: none, convolutions, or all products.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32, cudnn.allow_tf32 = which == "all", which != "none"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
