"""Whether the call of a child may be left out: only if nobody can see the difference.

The fast paths read the weights of ``nn.Linear`` and ``nn.BatchNorm1d`` children instead of calling them. They must not do so where a
child was pruned, parametrised, quantised or replaced, or where a hook waits for its call (``torch.nn.utils.prune``, forward hooks,
counters of operations, FSDP).
"""

from __future__ import annotations

import torch.nn.modules.module as hooks_of_all
from torch import nn


def is_plain(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a module is of just this class, not of a subclass, and unwatched. Parametrisation makes a subclass."""
    return type(module) is kind and is_unwatched(module)


def is_plain_linear(module: nn.Module) -> bool:
    """Whether a module is an unwatched ``nn.Linear`` without bias."""
    return is_plain(module, nn.Linear) and module.bias is None


def is_unwatched(module: nn.Module) -> bool:
    """Whether no hook waits for a module's calls, neither its own nor one of all modules, and its ``forward`` is that of its class."""
    own = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks  # noqa: SLF001  not public
    return not own and not hooked_everywhere() and "forward" not in module.__dict__


def is_seen_by_nobody(module: nn.Module) -> bool:
    """Whether no hook waits for a module's calls, nor for a forward pass of any part of it: nobody may keep what it is called on."""
    parts = [module]
    for part in parts:  # a walk of 3 microseconds, where modules() takes 15: it is made for every map
        if part._forward_hooks or part._forward_pre_hooks:  # noqa: SLF001  not public
            return False
        parts += [child for child in part._modules.values() if child is not None]  # noqa: SLF001
    return is_unwatched(module)


def hooked_everywhere() -> bool:
    """Whether a hook waits for the calls of all modules, as that of ``torch.utils.flop_counter``."""
    forward = hooks_of_all._global_forward_hooks or hooks_of_all._global_forward_pre_hooks  # noqa: SLF001  PyTorch has no public way to ask
    backward = hooks_of_all._global_backward_hooks or hooks_of_all._global_backward_pre_hooks  # noqa: SLF001
    return bool(forward or backward)
