"""The precision of attention: float32 at least, under autocast and for maps of any dtype.

Affinities are sums over all nodes, and softmax and sigmoid turn small errors of large logits into wrong gates. With activations of about
ten, half precision overflows or returns other gates. So every attention of the catalogue converts its map to float32, computes outside of
autocast, keeps its weights and statistics in float32 when a network is converted by ``half()`` or ``bfloat16()``, and returns a map of the
dtype of its input.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from rga.attention.tracing import Parameters, Result, recorded, recorded_whole
from rga.errors import InputError

NARROW = frozenset({torch.float16, torch.bfloat16})
"""The dtypes in which attention does not compute."""


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A context in which products keep the precision of their operands."""
    return torch.autocast(device.type, enabled=False) if is_autocast(device) else nullcontext()


def is_autocast(device: torch.device) -> bool:
    """Whether autocast is on for a device."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def wide_type(dtype: torch.dtype) -> torch.dtype:
    """Float32, or a floating-point type that holds more.

    Example:
        >>> wide_type(torch.bfloat16), wide_type(torch.float64)
        (torch.float32, torch.float64)
    """
    return torch.promote_types(dtype, torch.float32)


@recorded_whole
def widened(x: Tensor) -> Tensor:
    """A floating-point tensor in float32 at least."""
    return x.float() if x.dtype in NARROW else x


@recorded_whole
def wide_mean(x: Tensor, axes: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
    """The mean over some axes, in float32 at least, without a wide copy of ``x``."""
    return x.mean(axes, keepdim=keepdim, dtype=wide_type(x.dtype))


def in_float32(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Lets a function compute outside of autocast, on floating-point tensors in float32 at least.

    One argument at least must be a tensor. ``torch.fx`` records a call as one node.

    Example:
        >>> @in_float32
        ... def product(a, b):
        ...     return a @ b
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     print(product(torch.ones(1, 2).half(), torch.full((2, 1), 1 / 3)).item())
        0.6666666865348816
    """

    @wraps(function)
    def computed(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        narrow, device = False, None
        for value in (*args, *kwargs.values()):  # written out, as it runs for every layer
            if isinstance(value, Tensor):
                device = value.device
                narrow = narrow or value.dtype in NARROW
            elif isinstance(value, Proxy):
                return recorded(computed, value, args, kwargs)
        if device is None:
            raise InputError(
                f"a tensor was expected, got {', '.join(type(value).__name__ for value in (*args, *kwargs.values())) or 'nothing'}"
            )
        if narrow:
            return computed(*map(wide_argument, args), **{name: wide_argument(value) for name, value in kwargs.items()})
        if is_autocast(device):
            with torch.autocast(device.type, enabled=False):
                return function(*args, **kwargs)
        return function(*args, **kwargs)

    return computed


def wide_argument(value: object) -> Any:
    """A floating-point tensor in float32 at least; anything else as it is."""
    return value.float() if isinstance(value, Tensor) and value.dtype in NARROW else value


@in_float32
def apply_in_float32(module: nn.Module, x: Tensor) -> Tensor:
    """The output of a module for a tensor, computed in float32 at least."""
    out: Tensor = module(x)
    return out


def wide(module: nn.Module) -> nn.Module:
    """Converts weights to float32 at least: PyTorch creates them in its default dtype, which may be narrower."""
    narrow = any(parameter.dtype != wide_type(parameter.dtype) for parameter in module.parameters())
    return module.float() if narrow else module


class WideModule(nn.Module):
    """A module whose weights and buffers are not narrowed below float32 by ``half()``, ``bfloat16()`` or ``to(dtype)``.

    In float16 a running variance above 65,504 is infinite, and gradients of sums over a map overflow; in bfloat16 a running mean stands
    still once its steps are less than 1/256 of it.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> WideModule:
        """Applies a conversion (``to``, ``half``, ``cuda``, ...) to all tensors, except for the narrowing."""

        def kept_wide(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            if not changed.is_floating_point() or changed.dtype == tensor.dtype or changed.dtype == wide_type(changed.dtype):
                return changed
            return torch.empty_like(changed, dtype=torch.float32).copy_(tensor)

        super()._apply(kept_wide, recurse)  # type: ignore[no-untyped-call]
        return self
