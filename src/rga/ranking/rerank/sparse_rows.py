"""A sparse matrix by rows, and the few operations that re-ranking needs of it, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix (n, m), its entries row by row.

    Attributes:
        starts: (n + 1,) int64, where the entries of each row start; the last is their number.
        columns: (entries,) int64, each at most once within a row.
        values: (entries,).
        width: m.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor
    width: int

    def __len__(self) -> int:
        """How many rows."""
        return len(self.starts) - 1

    @property
    def rows(self) -> Tensor:
        """(entries,), the row of each entry."""
        return torch.arange(len(self), device=self.starts.device).repeat_interleave(self.counts)

    @property
    def counts(self) -> Tensor:
        """(n,), how many entries each row has."""
        return self.starts.diff()

    def entries(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The entries of some rows, one row behind the other.

        Args:
            rows: (r,), which rows; one may come several times.

        Returns:
            For each entry the place in ``rows`` of its row, and its place in ``columns`` and ``values``.
        """
        counts = self.counts[rows]
        owner = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        shift = self.starts[rows] - (counts.cumsum(0) - counts)
        return owner, shift.index_select(0, owner).add_(torch.arange(len(owner), device=rows.device))

    def slice(self, rows: slice) -> SparseRows:
        """Some rows that follow one another."""
        first, last = rows.start, rows.stop
        starts = self.starts[first : last + 1]
        inside = slice(int(starts[0]), int(starts[-1]))
        return SparseRows(starts - starts[0], self.columns[inside], self.values[inside], self.width)

    def transposed(self) -> SparseRows:
        """The matrix (m, n)."""
        order = self.columns.argsort(stable=True)
        return SparseRows(ends_to_starts(self.columns.bincount(minlength=self.width)), self.rows[order], self.values[order], len(self))


def ends_to_starts(counts: Tensor) -> Tensor:
    """Entries of each row (n,) -> where they start, and how many there are: (n + 1,)."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def summed(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> SparseRows:
    """Entries in any order as a matrix of a shape; those of one position are added up."""
    keys, entry = torch.unique(rows * shape[1] + columns, return_inverse=True)
    totals = values.new_zeros(len(keys)).index_add_(0, entry, values)
    return SparseRows(ends_to_starts((keys // shape[1]).bincount(minlength=shape[0])), keys % shape[1], totals, shape[1])


def stacked(parts: Sequence[SparseRows]) -> SparseRows:
    """Matrices one below the other."""
    counts = torch.cat([part.counts for part in parts])
    columns, values = torch.cat([part.columns for part in parts]), torch.cat([part.values for part in parts])
    return SparseRows(ends_to_starts(counts), columns, values, parts[0].width)
