"""The demo's main table: what each method reached and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from rga.reports.report import Part, Section, Table, Text


def section(heads: Sequence[str], rows: Sequence[tuple[str, ...]], caption: Text, *details: Part) -> Section:
    """The table, whose last row stands out.

    Args:
        heads: headings of the columns.
        rows: one a method, the network with attention last.
        caption: what was measured.
        details: what follows below the table: curves, results by class.
    """
    return Section("Results", (Table(tuple(heads), tuple(rows), caption, strong=len(rows) - 1), *details))
