"""A dataset's fingerprint: a short digest by which results tell what they were measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def fingerprint(entries: Iterable[str], *head: str) -> str:
    """16 hexadecimal digits of the SHA-256 of a dataset's entries, whatever their order.

    Args:
        entries: a line for each file in each split.
        *head: lines that come first, in their order.

    Example:
        >>> fingerprint(["b", "a"]) == fingerprint(["a", "b"])
        True
    """
    return hashlib.sha256("\n".join([*head, *sorted(entries)]).encode()).hexdigest()[:16]
