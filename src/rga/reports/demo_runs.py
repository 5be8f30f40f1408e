"""What the demos of all tasks share: the two networks that they compare, the form of their reports, and which images they show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Protocol

from rga.attachment.costs import Cost
from rga.reports.report import Section, write_report

PLAIN, ATTENDED = "plain", "RGA-SC"
RUNS = {PLAIN: "plain", ATTENDED: "rga-sc"}
"""Name of each network -> folder of its run in the demo's folder."""

COST_HEADS = ("parameters", "MAC", "training")


class Demo(Protocol):
    """What a demo did, as the value that its report is made from."""

    footer: ClassVar[str]
    """The last line of the report."""

    def summary(self) -> str:
        """The main result in two or three sentences."""

    def sections(self) -> list[Section]:
        """The sections of the report in their order."""


def write_demo(path: Path, title: str, demo: Demo) -> None:
    """Writes the report of a demo.

    Args:
        path: file to write.
        title: of the page.
        demo: what the demo did.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        OSError: the file cannot be written, or an image cannot be read.
    """
    write_report(path, title, demo.summary(), demo.sections(), demo.footer)


def method_columns(name: str, shares: Iterable[float], cost: Cost | None, seconds: float) -> tuple[str, ...]:
    """A method's row in the main table: its name, its metrics in percent, and the values below ``COST_HEADS``.

    Args:
        name: of the method.
        shares: its metrics, from 0 to 1.
        cost: of its network; None, shown as dashes, for a method that is not a network.
        seconds: of training.

    Example:
        >>> method_columns("plain", [0.5, 0.731], Cost(parameters=2_500_000, macs=31_000_000), 61.2)
        ('plain', '50.0%', '73.1%', '2.50 M', '31 M', '61 s')
    """
    costs = ("-", "-", "-") if cost is None else (f"{cost.parameters / 1e6:.2f} M", f"{cost.macs / 1e6:.0f} M", f"{seconds:.0f} s")
    return (name, *(f"{share:.1%}" for share in shares), *costs)


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where needed.

    Example:
        >>> counted(1, "epoch"), counted(40, "epoch")
        ('1 epoch', '40 epochs')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def spread(count: int, chosen: int, shift: float = 0.5) -> list[int]:
    """Chooses indices that are spread evenly over ``range(count)``, so that nobody picks the examples.

    Args:
        count: number of things to choose from.
        chosen: number of indices; all of them if there are fewer things.
        shift: position of the first index in its part, from 0 to 1.

    Example:
        >>> spread(100, 4)
        [12, 37, 62, 87]
    """
    chosen = min(count, chosen)
    return [int((number + shift) * count / chosen) for number in range(chosen)]
