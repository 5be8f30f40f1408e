"""A digest of tensors and plain values, whatever file holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def digest(contents: Mapping[str, Any]) -> str:
    """SHA-256 of tensors and plain values in dicts and lists, whatever file holds them."""
    total = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, Tensor):
            total.update(f"tensor {value.dtype} {tuple(value.shape)}:".encode())
            total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        elif isinstance(value, Mapping):
            total.update(f"mapping {len(value)}:".encode())
            for key, item in value.items():
                total.update(f"{key!r}=".encode())
                add(item)
        elif isinstance(value, (list, tuple)):
            total.update(f"sequence {len(value)}:".encode())
            for item in value:
                add(item)
        else:
            total.update(f"{value!r};".encode())

    add(contents)
    return total.hexdigest()
