"""Arrays for the functions of ``rga.reid``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from fuzz.arrays import oracles
from fuzz.arrays.dressing import Dressed, dressed, plain
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right
from rga import reid

TOLERANCE = 2e-4
"""Of distances in float32 from features of length about 1."""


@dataclass(frozen=True)
class Ranked:
    """The arguments of an evaluation, of which one may be spoilt.

    Attributes:
        arguments: query features, ids, cameras, gallery features, ids, cameras.
        fine: whether nothing is wrong with them.
    """

    arguments: tuple[Any, ...]
    fine: bool


def ranked(draw: Draw, *, cameras: bool | None = None) -> Ranked:
    """Features and labels of both sides in any form; one of them is spoilt in a third of the cases."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(2, 6))
    people = draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    with_cameras = draw(st.booleans()) if cameras is None else cameras
    sides: list[NDArray[Any] | None] = []
    for low, size in ((1, draw(st.integers(1, 7))), (-1, draw(st.integers(1, 12)))):
        ids = generator.integers(low, people + 1, size)
        sides += [generator.normal(size=(size, width)).astype(dtype), ids, generator.integers(0, 3, size) if with_cameras else None]
    wrong = draw(st.one_of(st.none(), st.none(), st.integers(0, 5)))
    made = [None if side is None else dressed(draw, side, spoil=number == wrong) for number, side in enumerate(sides)]
    fine = all(each is None or each.fine for each in made)
    return Ranked(tuple(None if each is None else label_form(draw, each, number) for number, each in enumerate(made)), fine)


def label_form(draw: Draw, made: Dressed, number: int) -> Any:
    """Labels may be plain lists, too."""
    value = made.value
    return value.tolist() if made.fine and number % 3 and isinstance(value, np.ndarray) and draw(st.booleans()) else value


def evaluation(draw: Draw) -> Outcome:
    """``evaluate``, against a loop over queries, on distances that a loop over pairs agrees with."""
    case = ranked(draw)
    query, gallery = case.arguments[0], case.arguments[3]
    metric = draw(st.sampled_from(["cosine", "euclidean"]))
    top_k, block = draw(st.integers(1, 8)), draw(st.one_of(st.none(), st.integers(1, 4)))
    found = attempt(reid.evaluate, *case.arguments, metric=metric, top_k=top_k, block=block)
    if isinstance(found, Refused):
        return refuse(case, found, "evaluate")
    distance = np.asarray(rows_of(must_work(attempt(reid.row_distances, query, gallery, metric), "row_distances")), np.float64)
    close(distance, oracles.distances(numbers(query), numbers(gallery), metric), f"{metric} distances")
    wanted = oracles.figures(distance, labels_of(case), top_k)
    if wanted is None:
        raise FaultError("evaluate finds matches where there are none")
    for name, value in wanted.items():
        close(np.asarray(getattr(found, name)), np.asarray(value), name, 1e-9)
    return right("evaluate: a loop over queries")


def given_distances(draw: Draw) -> Outcome:
    """``evaluate_distances`` on distances with many ties."""
    case = ranked(draw)
    query, query_ids, query_cameras, gallery, ids, cameras = case.arguments
    if not case.fine:
        return spoilt_distances(draw)
    generator = np.random.default_rng(len(query) * 31 + len(gallery))
    ties = generator.integers(0, 4, (len(query), len(gallery))).astype(draw(st.sampled_from([np.float32, np.float64])))
    made = dressed(draw, ties)
    found = attempt(reid.evaluate_distances, made.value, query_ids, query_cameras, ids, cameras, top_k=5)
    wanted = oracles.figures(ties.astype(np.float64), labels_of(case), 5)
    if wanted is None:
        if not isinstance(found, Refused):
            raise FaultError("evaluate_distances finds matches where there are none")
        return refused("evaluate_distances: no query has a match")
    result = no_junk_alone(case, found, "evaluate_distances")
    if isinstance(result, Outcome):
        return result
    for name, value in wanted.items():
        close(np.asarray(getattr(result, name)), np.asarray(value), name, 1e-9)
    return right("evaluate_distances: a loop over queries")


def spoilt_distances(draw: Draw) -> Outcome:
    """A spoilt matrix of distances."""
    matrix = dressed(draw, np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), spoil=True).value
    found = attempt(reid.evaluate_distances, matrix, [1, 2, 1], None, [1, 2, 1, 2], None)
    if isinstance(found, Refused):
        return refused("evaluate_distances: no such distances")
    distance = plain(matrix)
    if distance is None or distance.shape != (3, 4) or not np.isfinite(distance).all():
        raise FaultError(f"evaluate_distances takes {matrix!r}")
    wanted = oracles.figures(distance, (np.array([1, 2, 1]), None, np.array([1, 2, 1, 2]), None), 50)
    assert wanted is not None
    close(np.asarray(found.mAP), np.asarray(wanted["mAP"]), "mAP", 1e-9)
    return right("evaluate_distances: a loop over queries")


def reranked(draw: Draw) -> Outcome:
    """``rerank``: its ends are the original distance and one that is in [0, 1]; blocks and forms change nothing."""
    case = ranked(draw)
    query, gallery = case.arguments[0], case.arguments[3]
    metric = draw(st.sampled_from(["cosine", "euclidean"]))
    k1, k2, lambda_ = draw(st.integers(-1, 9)), draw(st.integers(-1, 4)), draw(st.sampled_from([0.0, 0.3, 1.0, 1.5, float("nan")]))
    found = attempt(reid.rerank, query, gallery, k1, k2, lambda_, metric=metric)
    if isinstance(found, Refused):
        if k1 >= 1 and k2 >= 1 and 0 <= lambda_ <= 1:
            return refuse(case, found, "rerank")
        return refused("rerank: numbers out of range")
    left, other = numbers(query), numbers(gallery)
    distance = np.asarray(found).astype(np.float64)
    original = oracles.distances(left, np.concatenate([left, other]), metric).clip(0) ** 2
    farthest = original.max(1, keepdims=True)
    shares = np.divide(original, farthest, out=np.zeros_like(original), where=farthest > 1e-12)[:, len(left) :]
    if lambda_ == 1:
        close(distance, shares, "the original distances", 2e-3)
        return right("rerank: the original distances")
    jaccard = (distance - lambda_ * shares) / (1 - lambda_)
    if not ((jaccard > -5e-3) & (jaccard < 1 + 5e-3)).all():
        raise FaultError(f"a Jaccard distance outside of [0, 1]: {jaccard.min()} to {jaccard.max()}")
    again = np.asarray(attempt(reid.rerank, left, other, k1, k2, lambda_, metric=metric))
    close(distance, again, "re-ranking in another precision", 2e-3 if ties_are_far(left, other, metric) else 2.0)
    return right("rerank: in float64, and within its bounds")


def ties_are_far(query: NDArray[np.float64], gallery: NDArray[np.float64], metric: str) -> bool:
    """Whether rounding cannot change the order of any image's neighbours."""
    both = np.concatenate([query, gallery])
    gaps = np.diff(np.sort(oracles.distances(both, both, metric), 1), axis=1)
    return bool((gaps > 1e-4).all())


def expansion(draw: Draw) -> Outcome:
    """``expand_queries`` and ``augment_gallery``, against a loop."""
    case = ranked(draw)
    query, gallery = case.arguments[0], case.arguments[3]
    k, alpha = draw(st.integers(0, 5)), draw(st.sampled_from([0.0, 1.0, 3.0, -1.0, float("nan")]))
    both = draw(st.booleans())
    found = attempt(reid.expand_queries, query, gallery, k, alpha) if both else attempt(reid.augment_gallery, gallery, k, alpha)
    name = "expand_queries" if both else "augment_gallery"
    if isinstance(found, Refused):
        return refuse(case, found, name) if k >= 1 and alpha >= 0 else refused(f"{name}: numbers out of range")
    left, other = oracles.directions(numbers(query)) if both else None, oracles.directions(numbers(gallery))
    if left is not None:
        wanted = [oracles.expanded(image, other, k, alpha) for image in left]
    else:
        wanted = [oracles.expanded(image, np.delete(other, index, 0), k, alpha) for index, image in enumerate(other)]
    close(np.asarray(found, np.float64), np.array(wanted), name, 2e-3)
    return right(f"{name}: a loop")


def verification(draw: Draw) -> Outcome:
    """``verify``: how many pairs there are of each kind, and where they lie."""
    case = ranked(draw, cameras=False)
    query, query_ids, _, gallery, ids, _ = case.arguments
    rows = attempt(reid.row_distances, query, gallery)
    if isinstance(rows, Refused):
        return refuse(case, rows, "row_distances")
    found = attempt(reid.verify, rows, query_ids, None, ids, None)
    if isinstance(found, Refused):
        return refuse(case, found, "verify", may=kinds_of_pairs(query_ids, ids))
    matches, others = pairs(query_ids, ids)
    compare((int(found.matches.sum()), int(found.others.sum())), (matches, others), "pairs")
    return right("verify: pairs by a loop")


def kinds_of_pairs(query_ids: Any, ids: Any) -> bool:
    """Whether there are no pairs of one of both kinds: then a refusal is right."""
    left, other = whole(query_ids), whole(ids)
    return left is None or other is None or left.ndim != 1 or other.ndim != 1 or 0 in pairs(left, other)


def pairs(query_ids: Any, ids: Any) -> tuple[int, int]:
    """How many pairs are of one person, and of two."""
    left, other = whole(query_ids), whole(ids)
    assert left is not None
    assert other is not None
    listed = [(a == b) for a in left.tolist() for b in other.tolist() if b != -1]
    return sum(listed), len(listed) - sum(listed)


def open_set(draw: Draw) -> Outcome:
    """``split_identities`` and ``evaluate_open_set``, at a threshold."""
    case = ranked(draw, cameras=False)
    query, query_ids, _, gallery, ids, _ = case.arguments
    share = draw(st.sampled_from([0.5, 0.3, 0.9, 0.0, 1.0, float("nan")]))
    split = attempt(reid.split_identities, query_ids, share)
    if isinstance(split, Refused):
        enough = case.fine and 0 < share < 1 and len(set(np.asarray(query_ids).tolist())) > 1
        if enough:
            must_work(split, "split_identities")
        return refused("split_identities: no open set can be made")
    known, unknown = split
    if known & unknown or not known or not unknown:
        raise FaultError(f"split_identities: {known} and {unknown}")
    rows = attempt(reid.row_distances, query, gallery)
    if isinstance(rows, Refused):
        return refuse(case, rows, "row_distances")
    found = attempt(reid.evaluate_open_set, rows, query_ids, None, ids, None, unknown=unknown)
    if isinstance(found, Refused):
        left, other = whole(query_ids), whole(ids)
        may = not case.fine or left is None or other is None or not ({*left.tolist()} - unknown) & {*other.tolist()}
        return refuse(case, found, "evaluate_open_set", may=may)
    threshold = float(np.median(np.concatenate([found.unknown, found.known[np.isfinite(found.known)]])))
    distance = np.asarray(rows_of(rows), np.float64)
    labels = whole(query_ids), whole(ids)
    assert labels[0] is not None
    assert labels[1] is not None
    fpir, tpir = oracles.open_set(distance, labels[0], labels[1], set(unknown), threshold)
    compare((found.fpir(threshold), found.tpir(threshold)), (fpir, tpir), "FPIR and TPIR")
    return right("evaluate_open_set: a loop")


# ---- what they share


def refuse(case: Ranked, found: Refused, what: str, *, may: bool = False) -> Outcome:
    """A refusal, which must have a reason."""
    if case.fine and not may:
        query_ids, _, ids, cameras = labels_of(case)
        matched = cameras is None and bool({*query_ids.tolist()} & {*ids.tolist()})
        unmatched = "has a match" in str(found.error) or "junk" in str(found.error)
        if matched and unmatched and not (ids == -1).all():
            raise FaultError(f"{what} says that nobody matches: {found.error}") from found.error
        if not unmatched:
            must_work(found, what)
    return refused(what)


def no_junk_alone(case: Ranked, found: Any, what: str) -> Any:
    """The result, or the outcome of a refusal."""
    return refuse(case, found, what) if isinstance(found, Refused) else found


def rows_of(source: Any) -> torch.Tensor:
    """All distances of a source."""
    out = torch.empty(source.shape, dtype=source.dtype)
    filled: torch.Tensor = source.fill(slice(0, source.shape[0]), out)
    return filled


def numbers(value: Any) -> NDArray[np.float64]:
    """An argument that was taken, as numbers."""
    found = plain(value)
    if found is None or found.ndim != 2 or not found.size or not np.isfinite(found).all():
        raise FaultError(f"features were taken that are none: {value!r}")
    return found


def labels_of(case: Ranked) -> oracles.Labels:
    """Labels that were taken: query ids, query cameras, gallery ids, gallery cameras."""
    query_ids, query_cameras, ids, cameras = (whole(case.arguments[number]) for number in (1, 2, 4, 5))
    assert query_ids is not None
    assert ids is not None
    return query_ids, query_cameras, ids, cameras


def whole(value: Any) -> NDArray[np.int64] | None:
    """Labels that were taken, as whole numbers."""
    found = None if value is None else plain(value)
    return None if found is None else found.astype(np.int64)


def close(found: NDArray[Any], wanted: NDArray[Any], what: str, tolerance: float = TOLERANCE) -> None:
    """Raises a FaultError unless two arrays are as good as equal."""
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True):
        raise FaultError(f"{what}: found {found!r}, expected {wanted!r}")
