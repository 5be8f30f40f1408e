"""How autograd is told what RGA's products need: to forget what is cheap to make again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

from rga.attention.precision import without_autocast
from rga.attention.tracing import is_recorded

KEEPING: ContextVar[bool] = ContextVar("KEEPING", default=False)
"""Whether products are kept, whatever they cost."""


@contextmanager
def computed_again(product: Tensor, compute: Callable[[], Tensor]) -> Iterator[None]:
    """Within the block autograd keeps not ``product`` but how to make it from what it keeps anyway, and makes it again when needed.

    It costs a few per cent of a training step, for memory. Nothing is done where there is nothing to keep, nor
    under transforms that have their own ways: the compiler weighs this itself, and ``torch.func`` knows no hooks on saved tensors.
    """
    if not differentiates_eagerly() or KEEPING.get():
        yield
        return
    address, product_device = product.data_ptr(), product.device

    def pack(saved: Tensor) -> Tensor | tuple[torch.Size, tuple[int, ...]]:
        return (saved.size(), saved.stride()) if saved.data_ptr() == address else saved

    def unpack(packed: Tensor | tuple[torch.Size, tuple[int, ...]]) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        with without_autocast(product_device):  # backward may be called inside of it
            return compute().as_strided(*packed)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield


@contextmanager
def keeping_products() -> Iterator[None]:
    """Within the block ``computed_again`` does nothing: whoever computes whole modules again has hooks of its own on saved tensors."""
    token = KEEPING.set(True)
    try:
        yield
    finally:
        KEEPING.reset(token)


def differentiates_eagerly() -> bool:
    """Whether operations are recorded as they run, for a backward pass: not by the compiler, a tracer, ``torch.func`` or forward AD."""
    return torch.is_grad_enabled() and not (is_recorded() or under_functional_transforms())


def under_functional_transforms() -> bool:
    """Whether ``torch.func`` (vmap, grad, ...) or a level of forward AD is at work."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0  # noqa: SLF001  PyTorch has no public way to ask
