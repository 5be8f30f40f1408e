"""Which tensors of a file are those of a network, whatever they lie in and whatever their names begin with.

Checkpoints hold the weights under ``state_dict``, ``model``, ``state_dict_ema`` and the like, and wrap the network in others: the names
begin with ``module.``, ``model.``, ``backbone.``, ``encoder.``, ``base.``, or several of these. Instead of a list of such words, the group
of tensors and the beginning of names are taken under which most of the network's own names are found with the right shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rga.errors import InputError

WRAPPERS = frozenset({"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"})
"""What torch.compile, activation checkpointing and FSDP put into names, anywhere."""

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "teacher")
"""Where averaged weights lie; they are taken first, as timm does."""

USUAL = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "student", "params", "weights")
"""Where weights lie; the first that fits as well as others is taken."""

TRAINED = "encoder_q."
"""Of a network that a file holds twice, the one that is taken (MoCo's; the other is its slow copy)."""

DEPTH = 4
"""How deep groups of tensors lie at most."""


@dataclass(frozen=True)
class Found:
    """Tensors of a file that were taken for a network's.

    Attributes:
        state: tensors by the network's names; also those of layers that it does not have.
        group: the key under which they lie in the file; "" where they lie at the top.
        prefix: what their names begin with there; "" for nothing, else it ends with a dot.
        others: names of tensors in the group whose names begin with something else.
    """

    state: dict[str, Tensor]
    group: str
    prefix: str
    others: tuple[str, ...]

    def describe(self) -> str:
        """Where in the file they lie, in words; nothing where they lie at the top under their own names."""
        return ", ".join(
            filter(None, (f"under {self.group!r}" if self.group else "", f"names after {self.prefix!r}" if self.prefix else ""))
        )


def find_state(contents: Mapping[str, Any], wanted: Mapping[str, torch.Size]) -> Found:
    """The tensors of a file that fit a network best.

    Args:
        contents: of the file, groups within groups.
        wanted: the names of the network's tensors, with their shapes.

    Raises:
        InputError: there is no tensor in the file, or two networks that fit equally.

    Example:
        >>> found = find_state({"state_dict": {"module.base.conv1.weight": torch.zeros(2)}}, {"conv1.weight": torch.Size([2])})
        >>> list(found.state), found.group, found.prefix
        (['conv1.weight'], 'state_dict', 'module.base.')
    """
    best: Found | None = None
    reached = (-1, -1)
    for group, tensors in sorted(groups(contents), key=lambda each: preference(each[0])):
        prefix, *fit = best_prefix(tensors, wanted)
        if tuple(fit) > reached:
            reached = (fit[0], fit[1])
            state = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            best = Found(state, group, prefix, tuple(name for name in tensors if not name.startswith(prefix)))
    if best is None:
        keys = ", ".join(map(repr, list(contents)[:6]))
        raise InputError(f"it holds no state dict: a mapping from names to tensors was expected, got {keys or 'nothing'}")
    return best


def groups(contents: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each group of tensors by name in a file, with the keys that lead to it."""
    tensors: dict[str, Tensor] = {}
    for key, value in contents.items():
        if not isinstance(key, str):
            continue
        if isinstance(value, Tensor):
            tensors[unwrapped(key)] = value.detach()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            tensors[unwrapped(key)] = torch.from_numpy(value)
        elif isinstance(value, Mapping) and depth < DEPTH:
            yield from groups(value, f"{path}.{key}" if path else key, depth + 1)
    if tensors:
        yield path, tensors


def preference(path: str) -> tuple[int, str]:
    """The order in which groups are tried."""
    last = path.rsplit(".", maxsplit=1)[-1]
    order = (*AVERAGED, "", *USUAL)
    return (order.index(last) if last in order else len(order)), path


def unwrapped(name: str) -> str:
    """A tensor's name without what wrappers put into it.

    Example:
        >>> unwrapped("_orig_mod.layer1._checkpoint_wrapped_module.0.conv1.weight")
        'layer1.0.conv1.weight'
    """
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def best_prefix(tensors: Mapping[str, Tensor], wanted: Mapping[str, torch.Size]) -> tuple[str, int, int]:
    """The beginning of names under which most wanted names are found, with how many of them have the right shape, and how many there are.

    Raises:
        InputError: two beginnings fit equally and completely.
    """
    fitting, named = Counter[str](), Counter[str]()
    for name, value in tensors.items():
        parts = name.split(".")
        for start in range(len(parts)):
            rest = ".".join(parts[start:])
            if rest in wanted:
                prefix = name[: len(name) - len(rest)]
                named[prefix] += 1
                fitting[prefix] += value.shape == wanted[rest]
    if not named:
        return "", 0, 0
    order = sorted(named, key=lambda prefix: (-fitting[prefix], -named[prefix], not prefix.endswith(TRAINED), prefix.count(".")))
    first = order[0]
    equal = [prefix for prefix in order[1:] if fitting[prefix] == fitting[first] == len(wanted) and prefix.count(".") == first.count(".")]
    if equal and not first.endswith(TRAINED):
        raise InputError(
            f"it holds the network twice, under {first!r} and under {equal[0]!r}: write the one that you mean to a file of its own"
        )
    return first, fitting[first], named[first]
