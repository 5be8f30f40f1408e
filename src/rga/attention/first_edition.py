"""State dicts of the first edition -> today's keys.

The first edition held linear maps as parameters of its own layers, and varphi as one weight for rows and columns:

    gate.embedding.project.weight                     gate.theta_phi_psi.linear.weight
    gate.embedding.project.norm.*                     gate.theta_phi_psi.norm.*
    gate.varphi.weight, (F, 2M)                       gate.varphi.rows.weight and gate.varphi.columns.weight, (F, M) each
    gate.w1.weight, gate.w2.weight                    gate.w1.linear.weight, gate.w2.linear.weight

All other keys are the same. Modules convert such a state dict by themselves when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

GATE = re.compile(r"^(?:.*\.)?(?:spatial|channel)\.gate\.")
"""The prefix of a relation gate in a state dict."""


def from_first_edition(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames the keys of relation gates of the first edition, and splits varphi's weight into the parts for rows and columns.

    Args:
        state_dict: of one attention (``rga-*``) or of a network with attention.

    Returns:
        The state dict with today's keys. Keys of today, and of other modules, stay as they are.

    Example:
        >>> import torch
        >>> sorted(from_first_edition({"spatial.gate.varphi.weight": torch.zeros(4, 10), "spatial.gate.w1.weight": torch.zeros(1, 5)}))
        ['spatial.gate.varphi.columns.weight', 'spatial.gate.varphi.rows.weight', 'spatial.gate.w1.linear.weight']
    """
    converted: dict[str, Tensor] = {}
    for key, value in state_dict.items():
        found = GATE.match(key)
        prefix = found[0] if found else ""
        converted |= converted_entry(prefix, key.removeprefix(prefix), value) if found else {key: value}
    return converted


def converted_entry(prefix: str, key: str, value: Tensor) -> dict[str, Tensor]:
    """One entry of a gate's state dict under today's keys, which begin with ``prefix``."""
    if key == "varphi.weight":
        rows, columns = value.chunk(2, dim=1)  # (F, 2M) -> 2 x (F, M)
        return {f"{prefix}varphi.rows.weight": rows.contiguous(), f"{prefix}varphi.columns.weight": columns.contiguous()}
    if key == "embedding.project.weight":
        return {f"{prefix}theta_phi_psi.linear.weight": value}
    if key in {"w1.weight", "w2.weight"}:
        return {f"{prefix}{key.replace('.', '.linear.')}": value}
    return {prefix + key.replace("embedding.project.norm.", "theta_phi_psi.norm."): value}


def convert_on_load(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_others: object) -> None:
    """A pre-hook of ``load_state_dict`` for a gate, or for the attention that holds it as ``gate``.

    It converts the gate's entries in place. ``load_state_dict`` works on a copy of its argument, so the argument stays as it is.
    """
    prefix += "gate." if "gate" in dict(module.named_children()) else ""
    for key in [key for key in state_dict if key.startswith(prefix)]:
        value = state_dict.pop(key)
        state_dict.update(converted_entry(prefix, key.removeprefix(prefix), value))
