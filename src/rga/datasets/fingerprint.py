"""A dataset's fingerprint: a short digest by which results tell what they were measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from rga.images.listing import composed


def fingerprint(entries: Iterable[str], *head: str) -> str:
    """16 hexadecimal digits of the SHA-256 of a dataset's entries, whatever their order and their names' form of Unicode.

    Args:
        entries: a line for each file in each split.
        *head: lines that come first, in their order.

    Example:
        >>> fingerprint(["b", "a"]) == fingerprint(["a", "b"])
        True
    """
    text = "\n".join([*head, *sorted(map(composed, entries))])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
