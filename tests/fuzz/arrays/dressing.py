"""The same numbers in the many forms that arrays have, and arrays that something is wrong with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from fuzz.outcome import Draw

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Dressed:
    """An argument.

    Attributes:
        value: that is passed.
        fine: nothing is wrong with it: it must be taken.
    """

    value: Any
    fine: bool


SAME = ("numpy", "tensor", "strided", "reversed", "fortran", "read-only", "swapped bytes", "tensor strided", "needs gradient", "wider")
"""Forms of the same numbers."""

OTHER = (
    "not a number",
    "infinite",
    "huge",
    "empty",
    "no rows",
    "one axis more",
    "one axis less",
    "one row less",
    "one column less",
    "whole numbers",
    "truth values",
    "objects",
    "complex",
    "text",
    "nothing",
    "a list",
    "a number",
    "longdouble",
    "structured",
    "sparse",
    "meta",
    "half",
    "bfloat16",
    "zeros",
    "ragged",
    "masked",
)
"""What is done to numbers that may be refused."""


def dressed(draw: Draw, numbers: Numbers, *, spoil: bool = False) -> Dressed:
    """Numbers in one of their forms, or spoilt."""
    if spoil:
        return Dressed(spoilt(numbers, draw(st.sampled_from(OTHER))), False)
    return Dressed(in_form(numbers, draw(st.sampled_from(SAME))), True)


def in_form(numbers: Numbers, form: str) -> Any:
    """The same numbers, in another form."""
    copy = numbers.copy()
    made: dict[str, Callable[[], Any]] = {
        "tensor": lambda: torch.from_numpy(copy),
        "needs gradient": lambda: torch.from_numpy(copy).requires_grad_(copy.dtype.kind == "f"),
        "tensor strided": lambda: torch.from_numpy(np.repeat(copy, 2, 0))[::2],
        "strided": lambda: np.repeat(copy, 2, 0)[::2],
        "reversed": lambda: copy[::-1].copy()[::-1],
        "fortran": lambda: np.asfortranarray(copy),
        "swapped bytes": lambda: copy.astype(copy.dtype.newbyteorder()),
        "wider": lambda: copy.astype(np.float64) if copy.dtype == np.float32 else copy,
    }
    if form in made:
        return made[form]()
    copy.setflags(write=form != "read-only")
    return copy


def spoilt(numbers: Numbers, how: str) -> Any:  # noqa: PLR0911  a table of what can be wrong
    """Numbers that something is wrong with, or that need not be taken."""
    floating = numbers.dtype.kind == "f"
    changed = numbers.copy()
    if how in ("not a number", "infinite", "huge") and floating and changed.size:
        changed.flat[changed.size // 2] = {"not a number": np.nan, "infinite": -np.inf, "huge": np.finfo(changed.dtype).max}[how]
        return changed
    if how == "huge":
        return (changed * 0).astype(np.int64) + np.iinfo(np.int64).max
    simple: dict[str, Any] = {
        "empty": numbers[:0, ...].reshape(0) if numbers.ndim else numbers,
        "no rows": numbers[:0],
        "one axis more": numbers[None],
        "one axis less": numbers.reshape(-1)[0] if numbers.ndim == 1 and numbers.size else numbers.reshape(-1),
        "one row less": numbers[:-1],
        "one column less": numbers[..., :-1],
        "whole numbers": (numbers * 3).astype(np.int64),
        "truth values": numbers > 0,
        "objects": numbers.astype(object),
        "complex": numbers.astype(complex),
        "text": numbers.astype(str),
        "nothing": None,
        "a list": numbers.tolist(),
        "a number": 3,
        "longdouble": numbers.astype(np.longdouble),
        "structured": np.zeros(numbers.shape, [("a", np.float32)]),
        "zeros": numbers * 0,
        "masked": np.ma.masked_array(numbers, mask=numbers > 0),
        "ragged": [[1.0], [1.0, 2.0]],
    }
    if how in simple:
        return simple[how]
    tensor = torch.from_numpy(numbers.copy())
    if how == "sparse":
        return tensor.to_sparse()
    if how == "meta":
        return tensor.to("meta")
    if how in ("half", "bfloat16"):
        return tensor.to({"half": torch.float16, "bfloat16": torch.bfloat16}[how])
    return np.float64(0.5)


def plain(value: Any) -> NDArray[np.float64] | None:
    """What an argument holds, as numbers; None where it holds none."""
    try:
        if isinstance(value, torch.Tensor):
            return np.asarray(value.detach().to_dense().double().numpy())
        return None if isinstance(value, np.ma.MaskedArray) else np.asarray(value).astype(np.float64)
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        return None
