"""What a ranking is worth, as functions of the ranks of its matches: average precision, mINP, CMC."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rga.ranking.matches import ABSENT


def average_precision(ranks: Tensor) -> Tensor:
    """The mean of the precision at each match: the standard average precision.

    Args:
        ranks: (b, M) int64, each row the ranks of a query's matches, ascending, counted from 1, at least one; then ``ABSENT``.

    Returns:
        (b,) float64.

    Example:
        >>> average_precision(torch.tensor([[1, 3, ABSENT]]))
        tensor([0.8333], dtype=torch.float64)
    """
    return mean_over_matches(ranks, precision(ranks, found_at(ranks)))


def average_precision_trapezoid(ranks: Tensor) -> Tensor:
    """The area under the precision-recall curve by trapezoids, as scikit-learn before 0.19 computed average precision.

    The curve starts at recall 0 with precision 1 and has a point for every rank up to the last match. Recall moves only at a match, where
    the trapezium's sides are the precisions at the rank before it and at its own.

    Args:
        ranks: (b, M) int64, as for ``average_precision``.

    Returns:
        (b,) float64.

    Example:
        >>> average_precision_trapezoid(torch.tensor([[1, 3, ABSENT]]))  # ((1 + 1) / 2 + (1/2 + 2/3) / 2) / 2
        tensor([0.7917], dtype=torch.float64)
    """
    found = found_at(ranks)
    before = precision(ranks - 1, found - 1).where(ranks > 1, 1.0)
    return mean_over_matches(ranks, (before + precision(ranks, found)) / 2)


def inverse_negative_penalty(ranks: Tensor) -> Tensor:
    """Number of matches / rank of the last one (arXiv 2001.04193), from ranks (b, M) as for ``average_precision``: (b,) float64."""
    counts = (ranks != ABSENT).sum(1)
    last = ranks.gather(1, counts[:, None] - 1).squeeze(1)
    return counts.double() / last


def cumulative_matches(first_ranks: Tensor, top_k: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The share of first ranks (queries, galleries) within the first 1, 2, ... top_k: (top_k,)."""
    within = torch.bincount(first_ranks.flatten().clamp(max=top_k + 1), minlength=top_k + 2)[1:-1].cumsum(0)
    return np.asarray(within.numpy() / first_ranks.numel(), dtype=np.float64)


def found_at(ranks: Tensor) -> Tensor:
    """How many matches are found at each of the ranks: 1, 2, ... M."""
    return torch.arange(1, ranks.shape[1] + 1, device=ranks.device)


def precision(ranks: Tensor, found: Tensor) -> Tensor:
    """Matches found by rank, in float64."""
    return found.double() / ranks


def mean_over_matches(ranks: Tensor, values: Tensor) -> Tensor:
    """The mean of values (b, M) over each query's matches: (b,)."""
    present = ranks != ABSENT
    return values.where(present, 0.0).sum(1) / present.sum(1)
