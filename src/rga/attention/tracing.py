"""How attention is recorded as a graph: by ``torch.jit.trace``, ``torch.compile``, ``torch.export`` and ``torch.fx``.

The first three run a module on tensors, or on fake tensors with a shape. ``torch.fx`` (and with it torchvision's
``create_feature_extractor``) runs it on proxies without a shape, a dtype or a device. Functions that need these are therefore recorded
whole, as one node that calls the function when the graph runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx import Proxy

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def recorded_whole(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Lets ``torch.fx`` record a call of a function as one node, wherever the function is called from.

    ``torch.fx.wrap`` does the same for calls from one file. Modules may be among the arguments: a graph module holds them under their own
    names, so that they learn, move and are saved with it.
    """

    @wraps(function)
    def called(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for arg in (*args, *kwargs.values()):
            if isinstance(arg, Proxy):
                return recorded(called, arg, args, kwargs)
        return function(*args, **kwargs)

    return called


def recorded(function: Callable[..., Result], proxy: Proxy, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Result:
    """A call of a function as one node of the graph that one of its arguments belongs to."""
    node: Result = proxy.tracer.create_proxy("call_function", function, args, kwargs)  # type: ignore[assignment]
    return node


def is_recorded() -> bool:
    """Whether a forward pass is being recorded by the compiler, ``torch.export`` or ``torch.jit.trace``: the batch must then stay free."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return torch.compiler.is_compiling() or tracing


def differentiates_eagerly() -> bool:
    """Whether operations are recorded as they run, for a backward pass: not by the compiler, a tracer, ``torch.func`` or forward AD."""
    return torch.is_grad_enabled() and not (is_recorded() or under_functional_transforms())


def infers_eagerly(x: object) -> bool:
    """Whether operations on a tensor run as they are called, and nothing of them is kept, recorded or transformed."""
    return isinstance(x, Tensor) and not (torch.is_grad_enabled() or is_recorded() or under_functional_transforms())


def differentiated_by_parts(gradient: Tensor) -> bool:
    """Whether a backward pass must be written as operations that are differentiated or vectorised in turn, and overwrite nothing.

    So it is where second derivatives are wanted (``create_graph=True``), and where many gradients are computed at once
    (``torch.autograd.functional.jacobian(vectorize=True)``, ``is_grads_batched``).

    Args:
        gradient: that comes into the backward pass.
    """
    many = torch._C._functorch.is_legacy_batchedtensor(gradient)  # noqa: SLF001  autograd's own vmap, of which no mode tells
    return torch.is_grad_enabled() or many or under_functional_transforms()


def under_functional_transforms() -> bool:
    """Whether ``torch.func`` (vmap, grad, ...) or a level of forward AD is at work."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0  # noqa: SLF001  PyTorch has no public way to ask
