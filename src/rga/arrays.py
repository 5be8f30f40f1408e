"""Arrays from callers: numbers in any form that numpy and PyTorch have, with one clear error for what is no such array."""

from __future__ import annotations

import sys
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS = "biufc"
"""numpy's kinds of types that hold numbers."""


def read_array(values: object, name: str) -> NDArray[Any]:
    """Numbers as an array of numpy in this machine's byte order; without a copy where possible, and never to be written to.

    Args:
        values: an array, a tensor, or nested lists.
        name: what errors call it.

    Raises:
        InputError: it holds something else than numbers, is ragged or masked, or is a tensor without values or one that is not dense.

    Example:
        >>> read_array([[1, 2]], "labels").shape
        (1, 2)
    """
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{name}: a masked array, whose masked entries would count: fill them, or take them out")
    if is_tensor(values):
        values = tensor_as_array(values, name)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: an array was expected, got {type(values).__name__} ({error})") from error
    if array.dtype.kind not in NUMBERS or array.dtype.itemsize > np.dtype(np.complex128).itemsize:
        kind = type(values).__name__ if array.dtype == object else array.dtype
        raise InputError(f"{name}: an array of numbers was expected, got {kind}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether a value is a tensor; PyTorch need not be installed, and nobody has a tensor who has not imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def tensor_as_array(tensor: Tensor, name: str) -> object:
    """The numbers of a tensor in main memory.

    Raises:
        InputError: it is not dense, or has no values.
    """
    check_dense(tensor, name)
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()  # numpy has no bfloat16
    return tensor.resolve_conj().resolve_neg().numpy()


def check_dense(tensor: Tensor, name: str) -> None:
    """Raises an InputError for a tensor that is sparse or quantised, or has a shape and no values."""
    layout = str(tensor.layout).removeprefix("torch.")
    if tensor.is_meta or tensor.is_quantized or layout != "strided":
        found = "one without values, on the meta device" if tensor.is_meta else f"one of {layout} layout and type {tensor.dtype}"
        raise InputError(f"{name}: a dense tensor was expected, got {found}")


def read_integers(values: object, name: str) -> NDArray[np.int64]:
    """Whole numbers as int64; see ``read_array``.

    Raises:
        InputError: they are not of an integer type (rounding would make another class or person of them), or too large.
    """
    array = read_array(values, name)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} must be integers, got {array.dtype}")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise InputError(f"{name} must be integers of 64 bits with a sign, got {array.max()}")
    return array.astype(np.int64, copy=False)


def check_count(name: str, value: object, least: int = 1) -> int:
    """Returns a whole number that is large enough.

    Raises:
        InputError: it is not.

    Example:
        >>> check_count("k1", 20)
        20
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise InputError(f"{name} must be at least {least}, got {value}")
    return int(value)


def is_number(value: object) -> bool:
    """Whether a value is a real number; NaN is one, True is not."""
    return isinstance(value, Real) and not isinstance(value, bool)
