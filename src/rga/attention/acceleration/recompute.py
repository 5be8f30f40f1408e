"""Memory for time: a product that is cheap to compute again is not kept for the backward pass.

varphi's linear map, (B, M, F), is the product of two small factors that autograd keeps anyway. It is by far the largest tensor that
training would keep besides the map. Where ``tiles`` does not apply (on a GPU, in float64 or with a synchronised BN), it is forgotten after
the forward pass and computed again in the backward pass.

Gain, where there are no tiles: a training step holds 126 instead of 114 MiB without it, in the same time (ratio 1.00); measured on a CPU,
as ``rga.attention.acceleration`` says. On a GPU it has not been measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from rga.attention.precision import without_autocast
from rga.attention.tracing import differentiates_eagerly

DISABLED: ContextVar[bool] = ContextVar("DISABLED", default=False)
"""Whether all products are kept, whatever they cost."""


@contextmanager
def recompute(product: Tensor, compute: Callable[[], Tensor]) -> Iterator[None]:
    """Within the block autograd keeps how to compute ``product``, instead of ``product`` itself.

    Nothing is done where nothing is kept, nor under transforms with their own ways: the compiler decides by itself what to compute
    again, and ``torch.func`` does not support hooks on saved tensors.

    Args:
        product: a tensor that operations within the block save for their backward pass.
        compute: returns it again, from what autograd keeps anyway.
    """
    if not differentiates_eagerly() or DISABLED.get():
        yield
        return
    address, device = product.data_ptr(), product.device

    def pack(saved: Tensor) -> Tensor | tuple[torch.Size, tuple[int, ...]]:
        return (saved.size(), saved.stride()) if saved.data_ptr() == address else saved

    def unpack(packed: Tensor | tuple[torch.Size, tuple[int, ...]]) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        with without_autocast(device):  # backward may be called inside of it
            return compute().as_strided(*packed)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield


@contextmanager
def without_recompute() -> Iterator[None]:
    """Within the block ``recompute`` does nothing: activation checkpointing of whole modules has its own hooks on saved tensors."""
    token = DISABLED.set(True)
    try:
        yield
    finally:
        DISABLED.reset(token)
