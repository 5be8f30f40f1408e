"""Open-set identification: is this person in the gallery at all, and if so, who is it?

Some identities are unknown: their images are taken out of the gallery, and their queries ought to be refused. A distance threshold decides:
a query whose nearest gallery image is farther is refused. The measures are those of NIST's evaluations (FRVT 1:N) and of ISO/IEC 19795-1:

- FPIR, the false positive identification rate: the share of unknown queries that are accepted (false alarms);
- TPIR, the true positive identification rate, also called the detection and identification rate: the share of known queries who are among
  the first ``rank`` people and whose own nearest image is accepted; FNIR is what is missing from 1.

A rank counts people, not images: somebody with many images in the gallery takes one rank. Distractors (identity 0), of whom nothing is
known, count as one person each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rga.arrays import check_count, is_number, read_integers
from rga.errors import InputError
from rga.ranking.blocks import DistanceRows, RankedBlock, as_rows, walk
from rga.ranking.distances import FeatureArray
from rga.ranking.evaluation import pair
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.ranking.matches import FileNumbers, LabelArray, check_identities, numbers_of_people, people_before
from rga.ranking.open_set.verification import check_rate

RATES = (0.001, 0.01, 0.1)
"""False alarm rates that results are told for."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def split_identities(identities: Iterable[int], unknown: float = 0.5, seed: int = 0) -> tuple[frozenset[int], frozenset[int]]:
    """Splits identities into known and unknown ones, by a hash: the same on any machine, whatever their order.

    Args:
        identities: of the queries, from 1 on; one may come several times.
        unknown: the share of unknown ones, more than 0 and less than 1; at least one is of each kind.
        seed: another seed is another split.

    Returns:
        The known, the unknown.

    Raises:
        InputError: ``unknown`` is no such share, there are less than two identities, or one is 0 or below.

    Example:
        >>> known, unknown = split_identities([3, 1, 2, 4, 4], unknown=0.25)
        >>> len(known), len(unknown), known | unknown == {1, 2, 3, 4}
        (3, 1, True)
    """
    if not is_number(unknown) or not 0 < unknown < 1:
        raise InputError(f"the share of unknown identities must be between 0 and 1, got {unknown}")
    people = whole_numbers(identities, "query")
    check_identities(torch.tensor(sorted(people)), "query", DISTRACTOR + 1)
    if len(people) < 2:
        raise InputError(f"an open set needs at least two identities, one known and one unknown; got {len(people)}")
    in_order = sorted(people, key=lambda identity: hashlib.sha256(f"{seed}:{identity}".encode()).digest())
    count = min(len(people) - 1, max(1, round(unknown * len(people))))
    return frozenset(in_order[count:]), frozenset(in_order[:count])


def whole_numbers(identities: Iterable[int], side: str) -> set[int]:
    """Identities as a set of Python's integers.

    Raises:
        InputError: one is no integer; rounding it would make it somebody else.
    """
    if isinstance(identities, (np.ndarray, torch.Tensor)):
        return set(read_integers(identities, f"{side} identities").ravel().tolist())
    try:
        listed = list(identities)
    except TypeError as error:
        raise InputError(f"{side} identities must be integers, got {identities!r}") from error
    found = set()
    for identity in listed:
        if isinstance(identity, (bool, np.bool_)) or not hasattr(identity, "__index__"):
            raise InputError(f"{side} identities must be integers, got {identity!r}")
        found.add(index(identity))
    if found and max(map(abs, found)) > np.iinfo(np.int64).max:
        raise InputError(f"{side} identities must be integers of 64 bits, got {max(found, key=abs)}")
    return found


@dataclass(frozen=True, eq=False)
class OpenSetResult:
    """What an open-set identification reached, at any threshold.

    Attributes:
        known: (queries,), of each query with a match the distance of the nearest; infinite if that person is not among the first ``rank``.
        known_ids: (queries,), their identities.
        unknown: (queries,), of each unknown query the distance of the nearest gallery image.
        unknown_ids: (queries,), their identities.
        queries_without_match: known queries for which the gallery holds none; they are in no figure.
        gallery: how many images there are in the gallery, those of unknown identities taken out.
        rank: how far down, counted in people, the right one may be.
        metric: the distance.

    Raises:
        InputError: there are no known queries with a match, or no unknown ones.
    """

    known: Floats
    known_ids: Integers
    unknown: Floats
    unknown_ids: Integers
    queries_without_match: int
    gallery: int
    rank: int
    metric: str

    def __post_init__(self) -> None:
        """Checks that there are queries of both kinds, and makes them read-only."""
        for name, what in (("known", "known query with a match"), ("unknown", "unknown query")):
            values, ids = np.array(getattr(self, name), np.float64), np.array(getattr(self, f"{name}_ids"), np.int64)
            if values.ndim != 1 or not len(values) or values.shape != ids.shape or np.isnan(values).any():
                raise InputError(f"an open set needs at least one {what}, with one distance each; got the shape {values.shape}")
            for field, array in ((name, values), (f"{name}_ids", ids)):
                array.setflags(write=False)
                object.__setattr__(self, field, array)

    def fpir(self, threshold: float) -> float:
        """The share of unknown queries that are accepted at a threshold: whose nearest image is not farther."""
        return float((self.unknown <= threshold).mean())

    def tpir(self, threshold: float) -> float:
        """The share of known queries that are accepted at a threshold and rightly identified."""
        return float((self.known <= threshold).mean())

    def fnir(self, threshold: float) -> float:
        """The share of known queries that are refused, or taken for somebody else."""
        return 1 - self.tpir(threshold)

    def threshold_at(self, false_alarm_rate: float) -> float:
        """The greatest threshold at which no more than this share of the unknown queries is accepted.

        With n unknown queries rates below 1/n mean no alarm at all among these, and promise nothing about others.
        """
        check_rate("false_alarm_rate", false_alarm_rate)
        alarms = int(false_alarm_rate * len(self.unknown) * (1 + 1e-12))
        return float(np.nextafter(np.sort(self.unknown)[alarms], -np.inf))

    def identification_rate_at(self, false_alarm_rate: float) -> float:
        """TPIR at that threshold: the detection and identification rate at a false alarm rate."""
        return self.tpir(self.threshold_at(false_alarm_rate))

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Thresholds (n,) at which something changes, and FPIR and TPIR (n,) at each; FNIR is 1 - TPIR."""
        thresholds = np.unique(np.concatenate([self.known[np.isfinite(self.known)], self.unknown]))
        fpir, tpir = (np.searchsorted(np.sort(side), thresholds, side="right") / len(side) for side in (self.unknown, self.known))
        return thresholds, fpir, tpir

    def cross_checked(self, false_alarm_rate: float, seed: int = 0) -> tuple[float, float]:
        """FPIR and TPIR on one half of the people with the threshold of the other half, averaged over both ways.

        What a threshold reaches on those that it was not chosen on; identities are halved as ``split_identities`` splits them.

        Raises:
            InputError: there are less than two identities of one kind.
        """
        halves = []
        for ids in (self.known_ids, self.unknown_ids):
            if len(np.unique(ids)) < 2:
                raise InputError("a threshold can be cross-checked with at least two known and two unknown identities")
            halves.append(np.isin(ids, list(split_identities(ids.tolist(), 0.5, seed)[0])))
        reached = []
        for way in (True, False):
            chosen_on, tried_on = (self.subset(*((half == side) for half in halves)) for side in (way, not way))
            threshold = chosen_on.threshold_at(false_alarm_rate)
            reached.append((tried_on.fpir(threshold), tried_on.tpir(threshold)))
        fpir, tpir = np.mean(reached, axis=0).tolist()
        return fpir, tpir

    def subset(self, known: npt.NDArray[np.bool_], unknown: npt.NDArray[np.bool_]) -> OpenSetResult:
        """The result on some of the queries."""
        return OpenSetResult(
            self.known[known],
            self.known_ids[known],
            self.unknown[unknown],
            self.unknown_ids[unknown],
            self.queries_without_match,
            self.gallery,
            self.rank,
            self.metric,
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        rates = [rate for rate in RATES if rate * len(self.unknown) >= 1]
        return {
            "known_queries": len(self.known),
            "known_identities": len(np.unique(self.known_ids)),
            "unknown_queries": len(self.unknown),
            "unknown_identities": len(np.unique(self.unknown_ids)),
            "queries_without_match": self.queries_without_match,
            "gallery": self.gallery,
            "rank": self.rank,
            "metric": self.metric,
            "identification_rate": {f"{rate:g}": self.identification_rate_at(rate) for rate in rates},
            "threshold": {f"{rate:g}": self.threshold_at(rate) for rate in rates},
        }


class OpenSetWatcher:
    """Watches a ranking, whose gallery holds no unknown identities, for the distances that decide.

    Args:
        identities: (queries,) int64, of the queries, on the distances' device.
        unknown: (queries,) bool, which of them are unknown.
        people: (gallery,), from ``numbers_of_people``.
        rank: how far down, counted in people, the right one may be.
    """

    def __init__(self, identities: torch.Tensor, unknown: torch.Tensor, people: torch.Tensor, rank: int) -> None:
        self.identities = identities
        self.is_unknown = unknown
        self.people = people
        self.rank = rank
        self.known: list[torch.Tensor] = []
        self.known_ids: list[torch.Tensor] = []
        self.unknown: list[torch.Tensor] = []
        self.without_match = 0

    def see(self, block: RankedBlock) -> None:
        """See ``Watcher``."""
        unknown, ids, candidates = self.is_unknown[block.queries], self.identities[block.queries], block.candidates
        self.unknown.append(block.distances.amin(1)[unknown])
        own = block.distances.gather(1, candidates.columns).masked_fill(~candidates.matches, torch.inf).amin(1)
        counted = ~unknown & block.matched
        self.known.append(torch.where(self.within_rank(block, counted), own, torch.inf)[counted])
        self.known_ids.append(ids[counted])
        self.without_match += int((~unknown & ~block.matched).sum())

    def within_rank(self, block: RankedBlock, counted: torch.Tensor) -> torch.Tensor:
        """(b,) bool, which of the queries that count are of the first ``rank`` people; false for the others.

        There are no more people before a match than images, so that few queries have to be looked at more closely.
        """
        within = counted & (block.ranks[:, 0] <= self.rank)
        if self.rank > 1:
            found = block.candidates
            for query in (counted & ~within).nonzero().flatten().tolist():
                before = people_before(block.distances[query], found.columns[query], found.matches[query], self.people)
                within[query] = before < self.rank
        return within


def evaluate_open_set(
    distances: FeatureArray | DistanceRows,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    unknown: Iterable[int],
    files: FileNumbers | None = None,
    rank: int = 1,
    metric: str = "cosine",
    block: int | None = None,
) -> OpenSetResult:
    """Measures how well a threshold on distances tells people in the gallery from people who are not there.

    Args:
        distances: (queries, gallery), finite, small where alike: an array or a tensor, or ``rga.reid.row_distances(query, gallery)``.
        query_ids: as in ``rga.reid.evaluate``, like all cameras and identities that follow.
        query_cameras: (queries,) or None.
        gallery_ids: (gallery,); images of unknown identities are left out, distractors (0) stay, each as a person of their own.
        gallery_cameras: (gallery,) or None.
        unknown: the unknown identities, from 1 on, such as the second set of ``split_identities(query_ids)``.
        files: of queries and gallery, or None.
        rank: how many people down the list the right one may be.
        metric: what the result calls the distance.
        block: queries at a time; None chooses by memory.

    Raises:
        InputError: as ``rga.reid.evaluate``; no query is unknown, no known one has a match, or nobody is left in the gallery.

    Example:
        >>> distances = np.array([[0.1, 0.6, 0.9], [0.3, 0.2, 0.8], [0.4, 0.5, 0.5]])
        >>> result = evaluate_open_set(distances, [1, 2, 3], None, [1, 2, 3], None, unknown={3})
        >>> result.fpir(0.3), result.tpir(0.3), result.identification_rate_at(0.0)
        (0.0, 1.0, 1.0)
    """
    source = as_rows(distances)
    everybody = pair(query_ids, query_cameras, gallery_ids, gallery_cameras, source, files)
    names = torch.tensor(sorted(whole_numbers(unknown, "unknown")), dtype=torch.int64, device=source.device)
    check_identities(names, "unknown", DISTRACTOR + 1)
    query = everybody.query.identities
    is_unknown = torch.isin(query, names)
    known_gallery = everybody.gallery.identities.masked_fill(torch.isin(everybody.gallery.identities, names), JUNK)
    if (known_gallery == JUNK).all():
        raise InputError(f"the gallery holds nobody but the {len(names)} unknown identities (and junk): leave some of them known")
    pairing = pair(query, query_cameras, known_gallery, gallery_cameras, source, files)
    watcher = OpenSetWatcher(query, is_unknown, numbers_of_people(known_gallery), check_count("rank", rank))
    walk(source, pairing, [watcher], block)
    return OpenSetResult(
        known=torch.cat(watcher.known).double().cpu().numpy(),
        known_ids=torch.cat(watcher.known_ids).cpu().numpy(),
        unknown=torch.cat(watcher.unknown).double().cpu().numpy(),
        unknown_ids=query[is_unknown].cpu().numpy(),
        queries_without_match=watcher.without_match,
        gallery=len(pairing.indices),
        rank=rank,
        metric=metric,
    )
