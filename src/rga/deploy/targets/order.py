"""What is to be written, and what a form of it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from rga.deploy.agreement import Run


@dataclass(frozen=True)
class Order:
    """What is to be written.

    Attributes:
        graph: in evaluation mode, on the CPU.
        example: an input, of at least two images.
        free: axis of the input -> what is known of its size.
        outputs: their names.
    """

    graph: nn.Module
    example: Tensor
    free: Mapping[int, Any]
    outputs: Sequence[str]


class Written(Protocol):
    """A graph in a form that can be written and run."""

    def save(self, path: Path, description: str) -> None:
        """Writes a file, with what it says about itself."""

    def runner(self, path: Path) -> Run:
        """The file, opened again."""
