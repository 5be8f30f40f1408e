"""What a part of the benchmark is given, and the tables that it fills while it runs."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Table:
    """A table.

    Attributes:
        title: above it.
        columns: heads.
        rows: as many cells each.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def to_markdown(self) -> str:
        """As Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return f"### {self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass
class Report:
    """What a part found, written again with every row: whatever happens later, the rows that stand are kept.

    Attributes:
        path: the file, JSON.
        tables: those that were begun.
        failures: checks that did not hold.
    """

    path: Path
    tables: list[Table] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def table(self, title: str, *columns: str) -> Table:
        """Begins a table."""
        self.tables.append(Table(title, list(columns)))
        return self.tables[-1]

    def row(self, table: Table, *cells: object) -> None:
        """Adds a row to a table."""
        assert len(cells) == len(table.columns), (table.columns, cells)
        table.rows.append([str(cell) for cell in cells])
        print(f"  {' | '.join(table.rows[-1])}", flush=True)
        self.write()

    def check(self, holds: bool, what: str) -> str:
        """Notes a check that does not hold; the word for a table."""
        if not holds:
            self.failures.append(what)
            self.write()
        return "yes" if holds else "NO"

    def write(self) -> None:
        """Writes the file, whole or not at all."""
        text = json.dumps({"tables": [asdict(table) for table in self.tables], "failures": self.failures}, indent=1)
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, self.path)  # noqa: PTH105

    @classmethod
    def read(cls, path: Path) -> Report:
        """What a part wrote; nothing where it wrote nothing."""
        if not path.is_file():
            return cls(path)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, [Table(**table) for table in found["tables"]], found["failures"])


@dataclass(frozen=True)
class Machine:
    """Where a part runs.

    Attributes:
        device: to measure on.
        toy: sizes so small that the numbers mean nothing.
        scratch: a folder for what the part writes.
    """

    device: torch.device
    toy: bool
    scratch: Path

    def rounds(self, many: int) -> int:
        """How often something is measured."""
        return 1 if self.toy else many

    def choose(self, real: Any, toy: Any) -> Any:
        """A size: the real one, or the toy's."""
        return toy if self.toy else real


PRECISIONS = ("float32", "TF32", "bfloat16", "float16")


def set_precision(name: str) -> torch.dtype | None:
    """Chooses how products of float32 are computed; the type of autocast, or None where there is none.

    Half precision leaves TF32 on for what stays in float32, as a training in half precision has it.
    """
    on = name != "float32"
    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name)


def times(ours: float, base: float) -> str:
    """A ratio."""
    return f"{ours / base:.2f}"


def megabytes(values: Sequence[float]) -> list[str]:
    """MiB without decimals; a dash where it is unknown."""
    return ["-" if math.isnan(value) else f"{value:.0f}" for value in values]
