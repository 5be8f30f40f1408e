"""What was written for a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rga.deploy.agreement import Agreement


@dataclass(frozen=True)
class WrittenFor:
    """Files for a program.

    Attributes:
        path: what the program is given: a file, or a folder.
        agreement: how far its features are from the model's.
        files: all that were written.
        next_step: what its user has to do besides, in a sentence; empty for nothing.
    """

    path: Path
    agreement: Agreement
    files: tuple[Path, ...]
    next_step: str = ""
