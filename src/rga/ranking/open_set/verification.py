"""Verification: are two images of the same person? The distances of all pairs of a query and a gallery image, told apart by the answer.

There are as many pairs as distances, a billion in MSMT17, so they are counted by distance in narrow bins; what is computed from the counts
is exact but for the width of a bin. The camera rule of the ranking holds: pairs of one identity and one camera are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.errors import InputError
from rga.ranking.blocks import DistanceRows, RankedBlock, as_rows, walk
from rga.ranking.distances import FeatureArray
from rga.ranking.evaluation import pair
from rga.ranking.matches import COUNTED_AT_ONCE, FileNumbers, LabelArray, Pairing

BINS = 2**16
"""How many bins there are between the least and the greatest distance."""
RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""False match rates that results are told for."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairDistances:
    """How far pairs are apart that match and that do not.

    Attributes:
        low: the least distance that is counted.
        high: the greatest.
        matches: (bins,), how many pairs of the same person there are by distance; bins are equally wide.
        others: (bins,), how many pairs of different people.

    Raises:
        InputError: there is no pair of one of the two kinds.
    """

    low: float
    high: float
    matches: Counts
    others: Counts

    def __post_init__(self) -> None:
        """Checks that there is something to tell apart, and makes the counts read-only."""
        for name in ("matches", "others"):
            counts = np.array(getattr(self, name), dtype=np.int64)
            if counts.ndim != 1 or counts.min(initial=0) < 0 or not counts.sum():
                kind = "the same person" if name == "matches" else "different people"
                raise InputError(f"there is no pair of {kind} to compare: check the identities and cameras of queries and gallery")
            counts.setflags(write=False)
            object.__setattr__(self, name, counts)

    @property
    def edges(self) -> Floats:
        """(bins + 1,), the distances between the bins."""
        return np.linspace(self.low, self.high, len(self.matches) + 1)

    @property
    def d_prime(self) -> float:
        """How far the two kinds lie apart: the difference of their mean distances by the root of their mean variance."""
        (near, near_variance), (far, far_variance) = moments(self.matches, self.edges), moments(self.others, self.edges)
        spread = math.sqrt((near_variance + far_variance) / 2)
        return (far - near) / spread if spread else math.copysign(math.inf, far - near) if far != near else 0.0

    @property
    def equal_error_rate(self) -> float:
        """Where as large a share of matches is refused as of others is accepted, between the two nearest thresholds."""
        accepted, refused = shares(self.others), 1 - shares(self.matches)
        after = int(np.argmax(accepted >= refused))  # there is one: at the last threshold all is accepted
        before = max(0, after - 1)
        gap_before, gap_after = refused[before] - accepted[before], accepted[after] - refused[after]
        part = gap_before / (gap_before + gap_after) if gap_before + gap_after > 0 else 0.0
        return float(accepted[before] + part * (accepted[after] - accepted[before]))

    def threshold_at(self, false_match_rate: float) -> float:
        """The greatest distance below which no more than this share of the pairs of different people lies."""
        check_rate("false_match_rate", false_match_rate)
        return float(self.edges[last_within(shares(self.others), false_match_rate)])

    def true_match_rate_at(self, false_match_rate: float) -> float:
        """The share of matches below that threshold."""
        check_rate("false_match_rate", false_match_rate)
        return float(shares(self.matches)[last_within(shares(self.others), false_match_rate)])

    def roc(self, points: int = 200) -> tuple[Floats, Floats]:
        """The receiver operating characteristic.

        Args:
            points: how many; their false match rates are evenly spaced by logarithm, from one pair to all.

        Returns:
            False match rates, and the true match rates at their thresholds.
        """
        rates = np.geomspace(1 / self.others.sum(), 1, points)
        accepted = shares(self.others)
        return rates, shares(self.matches)[np.searchsorted(accepted, rates * (1 + 1e-12), side="right") - 1]

    def coarse(self, bins: int) -> tuple[Floats, Floats, Floats]:
        """Histograms of so many bins between the least and the greatest distance that there is.

        Returns:
            The edges (bins + 1,), and for both kinds the share of pairs in each bin (bins,).
        """
        there = np.flatnonzero(self.matches + self.others)
        edges = np.linspace(self.edges[there[0]], self.edges[there[-1] + 1], bins + 1)
        centres = (self.edges[:-1] + self.edges[1:]) / 2
        near, far = (np.histogram(centres, edges, weights=counts / counts.sum())[0] for counts in (self.matches, self.others))
        return edges, near, far

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {
            "matching_pairs": int(self.matches.sum()),
            "other_pairs": int(self.others.sum()),
            "d_prime": self.d_prime if math.isfinite(self.d_prime) else None,
            "equal_error_rate": self.equal_error_rate,
            "true_match_rate": {f"{rate:g}": self.true_match_rate_at(rate) for rate in RATES if rate * self.others.sum() >= 1},
        }


class PairCounter:
    """Watches a ranking for the distances of its pairs.

    Args:
        source: of the distances, for their bounds.
        pairing: who matches whom.
    """

    def __init__(self, source: DistanceRows, pairing: Pairing) -> None:
        self.low, high = source.bounds
        self.high = high if high > self.low else self.low + 1
        self.junk = len(pairing.junk)
        self.matches = torch.zeros(BINS, dtype=torch.int64, device=source.device)
        self.all = torch.zeros(BINS, dtype=torch.int64, device=source.device)

    def see(self, block: RankedBlock) -> None:
        """See ``Watcher``."""
        candidates = block.candidates
        for some in block.distances.split(max(1, COUNTED_AT_ONCE // block.distances.shape[1])):
            self.all += self.counted(some)
        self.all[-1] -= candidates.hidden.sum() + self.junk * len(block.distances)  # they are infinite, and fell into the last bin
        self.matches += self.counted(block.distances.gather(1, candidates.columns)[candidates.matches])

    def counted(self, distances: Tensor) -> Tensor:
        """How many distances fall into each bin."""
        bins = ((distances - self.low) * (BINS / (self.high - self.low))).clamp_(0, BINS - 1).int()
        return torch.bincount(bins.flatten(), minlength=BINS)

    def result(self) -> PairDistances:
        """The counts of all blocks."""
        return PairDistances(self.low, self.high, self.matches.cpu().numpy(), (self.all - self.matches).cpu().numpy())


def verify(
    distances: FeatureArray | DistanceRows,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    files: FileNumbers | None = None,
    block: int | None = None,
) -> PairDistances:
    """Measures how well distances tell pairs of the same person from pairs of different people.

    Args:
        distances: (queries, gallery), finite, small where alike: an array or a tensor, ``rga.reid.row_distances(query, gallery)``, or what
            ``rga.reid.rerank`` returns.
        query_ids: as in ``rga.reid.evaluate``, like all that follow.
        query_cameras: (queries,) or None.
        gallery_ids: (gallery,).
        gallery_cameras: (gallery,) or None.
        files: of queries and gallery, or None; a query and itself are no pair.
        block: queries at a time; None chooses by memory.

    Raises:
        InputError: as ``rga.reid.evaluate``; there are no pairs of one of the two kinds.

    Example:
        >>> distances = np.array([[0.1, 0.6, 0.9], [0.7, 0.3, 0.2]])
        >>> pairs = verify(distances, [1, 2], None, [1, 2, 3], None)
        >>> pairs.true_match_rate_at(0.3), pairs.true_match_rate_at(0.0)
        (1.0, 0.5)
    """
    source = as_rows(distances)
    pairing = pair(query_ids, query_cameras, gallery_ids, gallery_cameras, source, files)
    counter = PairCounter(source, pairing)
    walk(source, pairing, [counter], block)
    return counter.result()


def shares(counts: Counts) -> Floats:
    """(bins,) -> the share of all that lies below each edge of the bins (bins + 1,)."""
    below: Floats = np.concatenate([[0], counts.cumsum()]) / counts.sum()
    return below


def last_within(accepted: Floats, rate: float) -> int:
    """The last threshold at which no more than ``rate`` are accepted, by shares that rise."""
    return int(np.searchsorted(accepted, rate * (1 + 1e-12), side="right")) - 1


def moments(counts: Counts, edges: Floats) -> tuple[float, float]:
    """Mean and variance of what was counted, as if it lay in the middle of its bin."""
    centres = (edges[:-1] + edges[1:]) / 2
    weights = counts / counts.sum()
    mean = float(weights @ centres)
    return mean, float(weights @ (centres - mean) ** 2)


def check_rate(name: str, rate: float) -> None:
    """A rate is a share, and not all."""
    if not 0 <= rate < 1:
        raise InputError(f"{name} must be at least 0 and below 1, got {rate}")
