"""What the demos of all tasks share: the two networks that they compare, and the form of their reports."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

from rga.reports.report import Section, write_report

PLAIN, ATTENDED = "plain", "RGA-SC"
RUNS = {PLAIN: "plain", ATTENDED: "rga-sc"}
"""Name of each network -> folder of its run in the demo's folder."""


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
        MissingPackageError: matplotlib is not installed.
        OSError: the file cannot be written, or an image cannot be read.
    """
    write_report(path, title, demo.summary(), demo.sections(), demo.footer)


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where needed.

    Example:
        >>> counted(1, "epoch"), counted(40, "epoch")
        ('1 epoch', '40 epochs')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
