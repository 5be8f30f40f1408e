"""A search: images become one direction, the nearest sightings become groups, and each group a decision.

The distance of a sighting to several images is the mean of its distances to each. That is linear, so that the nearest sightings to the
mean of the embeddings are looked for, and one search serves any number of images. Examples of what is sought count as images. Examples
of what is not sought turn the direction away from them, as Rocchio's relevance feedback does; distances are told without them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.gallery.embedder import Features, Pixels
from rga.gallery.grouping import Candidates, grouped, key_of
from rga.gallery.results import Calibration, Group, SearchResult, Sighting
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.indexing import has_index
from rga.gallery.store.judgements import people_among, said_of
from rga.gallery.store.models import StoredModel
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.searching import Filter, count, embeddings, few_kept, find_nearest
from rga.gallery.store.sightings import hidden_people, members, read_sightings

AWAY = 0.25
"""The weight of examples that are not sought, beside 1 for those that are; Rocchio's usual ratio."""
CANDIDATES = 3
"""Sightings that are looked at for each group that is wanted."""
ROUNDS = 8
"""How often more sightings are looked for where few groups were found: people who have many sightings fill the first places."""


@dataclass(frozen=True)
class Query:
    """What is searched for.

    Attributes:
        features: (n, D) of the images and the examples, of length 1.
        away: (m, D) of the examples of what is not sought.
        names: of the images and the examples.
        without: sightings that are not to be found: examples of what is not sought; and of what is, where nothing else is searched with.
    """

    features: Features
    away: Features
    names: tuple[UUID, ...]
    without: tuple[UUID, ...]

    @property
    def direction(self) -> NDArray[np.float32]:
        """(D,), where the nearest sightings are looked for."""
        mean: NDArray[np.float32] = self.features.mean(axis=0)
        return mean - np.float32(AWAY) * self.away.mean(axis=0) if len(self.away) else mean

    def distances(self, rows: Features) -> NDArray[np.float64]:
        """(n, rows), the cosine distance of each image to each row."""
        lengths = np.maximum(np.linalg.norm(rows.astype(np.float64), axis=1), 1e-12)
        return np.asarray(1 - (self.features.astype(np.float64) @ rows.T.astype(np.float64)) / lengths)


@dataclass(frozen=True)
class Request:
    """How is searched; see ``Gallery.search``."""

    top: int
    kept: Filter
    like: tuple[UUID, ...] = ()
    unlike: tuple[UUID, ...] = ()
    rerank: bool = False
    exact: bool | None = None


def answer(
    connection: Connection, model: StoredModel, features: Features | None, names: tuple[UUID, ...], request: Request
) -> SearchResult:
    """Answers a search.

    Args:
        connection: within a transaction.
        model: of the features.
        features: (n, D) of the images, of length 1; None for none.
        names: of the images.
        request: what is asked.
    """
    rows = examples(connection, model, request.like)
    positive = rows if features is None else np.concatenate([features, rows])
    without = (*request.unlike, *(request.like if features is None else ()))
    query = Query(positive, examples(connection, model, request.unlike), (*names, *request.like), without)
    indexed = has_index(connection, model)
    few = few_kept(connection, request.kept) if request.kept.narrow else None
    exact = request.exact
    if exact is None:
        exact = not indexed or few is not None
    calibration = None if model.calibration is None else Calibration(**model.calibration)
    groups, exact = search_groups(connection, model, query, request, calibration, exact=exact)
    searched = kept_by(connection, request.kept, few) if request.kept.narrow else count(connection, model, estimate=indexed)
    return SearchResult(
        groups=tuple(groups),
        decision=groups[0].decision if groups else "unknown",
        calibration=calibration,
        false_alarm_rate=None if calibration is None else calibration.rate_among(searched),
        query=query.names,
        searched=searched,
        exact=exact,
    )


def kept_by(connection: Connection, kept: Filter, few: int | None) -> int:
    """How many sightings a filter keeps; as PostgreSQL estimates it where they are many, so that ``few_kept`` is None."""
    if few is not None:
        return few
    condition, values = kept.condition()
    row = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM sightings s WHERE {}").format(condition), values).fetchone()
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])


def name_of(image: Pixels) -> UUID:
    """The name of an image that is searched with: the same for the same pixels."""
    shape = f"{image.shape}".encode()
    return UUID(bytes=hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).digest()[:16])


def examples(connection: Connection, model: StoredModel, ids: Sequence[UUID]) -> Features:
    """The embeddings of sightings that serve as examples, (n, D), of length 1.

    Raises:
        GalleryError: one of them is not there.
    """
    found = embeddings(connection, model, ids)
    for sighting in ids:
        if sighting not in found:
            raise GalleryError(f"the gallery has no sighting {sighting} to serve as an example: it was removed, or never there")
    rows = np.stack([found[sighting] for sighting in ids]) if ids else np.zeros((0, model.dimensions), np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


@dataclass(frozen=True)
class Judged:
    """What was said before about the images of a query.

    Attributes:
        others: sightings that are somebody else.
        strangers: people who are, merged ones included.
        elsewhere: what their sightings are grouped by, where nobody is known on them: a judgement of one is one of its whole track.
        same: sightings that are the person.
    """

    others: frozenset[UUID] = frozenset()
    strangers: frozenset[UUID] = frozenset()
    elsewhere: frozenset[Any] = frozenset()
    same: frozenset[UUID] = frozenset()


def judged(connection: Connection, query: Query) -> Judged:
    """What was said before about the images of a query."""
    rows = said_of(connection, query.names)
    if not rows:
        return Judged()
    others = {other for _, other, same in rows if not same}
    same = {other for _, other, same in rows if same}
    sought = read_sightings(connection, "s.sighting = ANY(%s)", [[*same, *query.names]])
    refused = read_sightings(connection, "s.sighting = ANY(%s)", [sorted(others)])
    people = {each.person for each in refused if each.person} | set(people_among(connection, sorted(others)).values())
    strangers = people - {each.person for each in sought}
    elsewhere = {key_of(each) for each in refused if each.person is None} - {key_of(each) for each in sought}
    return Judged(
        others=frozenset(others),
        strangers=frozenset(members(connection, sorted(strangers))) if strangers else frozenset(),
        elsewhere=frozenset(elsewhere),
        same=frozenset(same),
    )


def people_on(connection: Connection, sightings: Sequence[UUID]) -> set[UUID]:
    """The people on some sightings."""
    return {sighting.person for sighting in read_sightings(connection, "s.sighting = ANY(%s)", [list(sightings)]) if sighting.person}


def search_groups(
    connection: Connection, model: StoredModel, query: Query, request: Request, calibration: Calibration | None, *, exact: bool
) -> tuple[list[Group], bool]:
    """The groups of a search, the nearest first; and whether all distances were computed."""
    kept, top, rerank = request.kept, request.top, request.rerank
    said_before = judged(connection, query)
    same = said_before.same
    without = {*kept.without, *said_before.others, *query.without}
    people = {*kept.without_people, *said_before.strangers, *hidden_people(connection)}
    rows: dict[UUID, NDArray[np.float32]] = {}
    distances: dict[UUID, float] = {}
    found: dict[UUID, Sighting] = {}
    plain = len(query.features) == 1 and not len(query.away) and not rerank
    wanted, all_exact = max(50, CANDIDATES * top), True
    for _ in range(ROUNDS):
        now = Filter(kept.cameras, kept.since, kept.until, tuple(sorted(without)), tuple(sorted(people)))
        nearest = find_nearest(connection, model, query.direction, wanted, now, exact)
        hits, all_exact = nearest.hits, all_exact and nearest.exact
        taken = [sighting for sighting, _ in hits]
        if not found and same - set(taken):  # what somebody said is shown, however far it is
            said = read_sightings(connection, "s.sighting = ANY(%s)", [sorted(same - set(taken))])
            taken += [each.id for each in said if now.keeps(each)]
        for each in read_sightings(connection, "s.sighting = ANY(%s)", [taken]):
            if key_of(each) in said_before.elsewhere:
                without.add(each.id)
            else:
                found[each.id] = each
        if plain and len(taken) == len(hits):
            distances.update(hits)
        else:
            plain = False
        known = {key_of(each) for each in found.values()}
        if len(hits) < wanted or len(known) >= top:
            break
        without |= {each.id for each in found.values() if each.person is None}
        people |= set(members(connection, sorted({each.person for each in found.values() if each.person})))
    if not found:
        return [], all_exact
    order = sorted(found)
    if plain:
        matrix = np.array([[distances[sighting] for sighting in order]])
    else:
        rows = embeddings(connection, model, order)
        matrix = query.distances(np.stack([rows[sighting] for sighting in order]))
    scores = ranked_scores(query, rows, order, matrix, rerank=rerank)
    sure_people = people_on(connection, sorted(same)) if same else set()
    confirmed = frozenset(each.id for each in found.values() if each.id in same or each.person in sure_people)
    return grouped(connection, Candidates([found[each] for each in order], matrix, scores, confirmed), top, calibration), all_exact


def ranked_scores(
    query: Query, rows: dict[UUID, NDArray[np.float32]], order: Sequence[UUID], distances: NDArray[np.float64], *, rerank: bool
) -> NDArray[np.float64]:
    """What the candidates are ordered by, the least first, (candidates,)."""
    scores: NDArray[np.float64] = distances.mean(axis=0)
    if len(query.away):
        stacked = np.stack([rows[sighting] for sighting in order])
        scores = 1 - stacked.astype(np.float64) @ query.direction.astype(np.float64)
    if rerank and len(order) > 1:
        from rga.ranking.rerank.reranking import rerank as reranked  # noqa: PLC0415  PyTorch

        stacked = np.stack([rows[sighting] for sighting in order])
        k1 = min(20, len(order))
        scores = np.asarray(reranked(query.direction[None], stacked, k1, min(6, k1)), np.float64)[0]
    return scores
