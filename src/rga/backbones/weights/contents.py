"""What a file of weights holds, read without executing anything in it.

PyTorch's restricted reader (``weights_only``) knows tensors and plain values. Training scripts write more into their checkpoints: timm's
an ``argparse.Namespace``, torchreid's a numpy scalar, others the configuration of the run. Their classes are read as plain stand-ins, so
that neither their code nor their packages are needed. Every other class is refused by its name.
"""

from __future__ import annotations

import importlib
import pickle
import re
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from rga.errors import InputError, MissingFileError
from rga.storage.found import SAFETENSORS, TORCH, TORCHSCRIPT, file_kind, neighbours
from rga.storage.saved_model import read_keys
from rga.storage.utf8 import utf8_path

MAPPINGS = (
    "yacs.config.CfgNode",
    "fvcore.common.config.CfgNode",
    "fastreid.config.config.CfgNode",
    "detectron2.config.config.CfgNode",
    "easydict.EasyDict",
    "addict.addict.Dict",
    "mmcv.utils.config.ConfigDict",
    "mmengine.config.config.ConfigDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
)
"""Classes of configurations that are dicts."""

OBJECTS = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "datetime.datetime",
    "datetime.date",
    "datetime.timedelta",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "mmcv.utils.config.Config",
    "mmengine.config.config.Config",
)
"""Classes whose values say something about a training and nothing about weights."""

REFUSED = re.compile(r"GLOBAL ([\w.]+)|(?:function|object|instantiate|new object for .* but got|but got) <[^>']*'?([\w.]+)")
"""How PyTorch's reader names what it does not make."""


class StandIn(Namespace):
    """Takes the place of a value that nothing needs, whatever it is made of."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, _state: object) -> None:
        """Takes nothing over."""


def empty_mapping(*_: object) -> OrderedDict[str, Any]:
    """A dict to be filled, whatever its constructor was given."""
    return OrderedDict()


def under_name(name: str, make: Callable[..., Any]) -> type:
    """A class that the restricted reader finds under a name in a file, and whose instances are what ``make`` makes."""
    module, _, short = name.rpartition(".")
    return type(short, (), {"__module__": module, "__qualname__": short, "__new__": lambda _cls, *given: make(*given)})


@cache
def harmless() -> list[Any]:
    """What the restricted reader may make besides what it knows."""
    arrays = importlib.import_module("numpy._core.multiarray" if hasattr(np, "_core") else "numpy.core.multiarray")
    of_numpy = [
        under_name(f"{package}.multiarray.{name}", getattr(arrays, name))
        for package in ("numpy.core", "numpy._core")  # before numpy 2, and since
        for name in ("scalar", "_reconstruct")
    ]
    kinds = {type(np.dtype(code)) for code in ("?", *"bBhHiIlLqQefdgFD", "U", "S", "M8[s]", "m8[s]")}
    plain = [list, dict, tuple, int, float, str, bool, bytes, slice, frozenset]
    mappings = [under_name(name, empty_mapping) for name in (*MAPPINGS, "collections.defaultdict")]
    return [np.ndarray, np.dtype, *kinds, *of_numpy, *plain, *mappings, *(under_name(name, StandIn) for name in OBJECTS), StandIn]


def read_contents(path: Path) -> Mapping[str, Any]:
    """All that a file of weights holds: tensors by name, and in files of PyTorch whatever is beside them.

    Args:
        path: of a safetensors file, or of one that ``torch.save`` wrote; the name may end in anything.

    Raises:
        MissingFileError: there is no such file.
        InputError: it is another kind of file, is damaged, or holds objects that reading would have to execute code for.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no file of weights at {path}{neighbours(path)}: name one, or choose pretrained or none")
    kind = file_kind(path)
    if kind == SAFETENSORS or path.suffix == ".safetensors":
        read_keys(path)
        with utf8_path(path) as named:
            return load_file(named)
    if kind == TORCHSCRIPT:
        raise InputError(
            f"{path} is a TorchScript program, not a file of weights: save its weights alone, "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')"
        )
    if kind != TORCH:
        raise InputError(
            f"{path} cannot be read as a file of weights: it is {kind}; expected .safetensors, or tensors by name as torch.save writes them"
        )
    try:
        with torch.serialization.safe_globals(harmless()):
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InputError(unreadable(path, error)) from error
    if not isinstance(contents, Mapping):
        raise InputError(f"{path} holds no state dict but a {type(contents).__name__}: a mapping from names to tensors was expected")
    return contents


def unreadable(path: Path, error: Exception) -> str:
    """Why PyTorch's restricted reader does not read a file, and what to do."""
    refused = REFUSED.search(str(error))
    if refused is not None:
        return (
            f"{path} holds {refused[1] or refused[2]} besides tensors, and reading that may execute code: it is not read. If the file is "
            "a whole model or a checkpoint that you trust, open it with the code that wrote it and save its tensors alone: "
            "torch.save(model.state_dict(), 'weights.pth')"
        )
    if "Unsupported operand" in str(error):
        return (
            f"{path} cannot be read as a file of weights: it was written with another pickle protocol than 2, torch.save's own; "
            "save it again without pickle_protocol"
        )
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"{path} cannot be read as a file of weights: it is damaged or cut short ({reason}); copy it again"
