"""What was found out about an installation, to be read by people and by programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | list[str] | None

GIB = 2**30
"""Bytes."""


@dataclass(frozen=True)
class Fact:
    """One thing that was found out.

    Attributes:
        key: its name for programs.
        name: its name for people.
        value: for programs; sizes are in bytes.
        text: for people.
        remark: what follows from it, or where it is.
    """

    key: str
    name: str
    value: Value
    text: str
    remark: str = ""

    def as_json(self) -> dict[str, Value]:
        """For programs."""
        return {"value": self.value, "remark": self.remark}


def discreet(text: object) -> str:
    """A text without the user's name in paths, and without passwords in URLs, so that it can be put into a bug report.

    Example:
        >>> print(discreet(Path.home() / "models"), discreet("http://ann:secret@proxy:3128"))
        ~/models http://proxy:3128
    """
    home = str(Path.home())
    shown = re.sub(rf"{re.escape(home)}(?=/|\\|\s|$)", "~", str(text)) if len(home) > 1 else str(text)
    return re.sub(r"//[^/@\s]+@", "//", shown)
