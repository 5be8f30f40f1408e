"""The distance at which a gallery says "unknown", chosen on its own people.

Each labelled sighting is a query twice: for the others of its person, as somebody who is known; and, with its person taken out, as
somebody who is not. The nearest of the others would then be a false alarm. See ``rga.ranking.open_set`` for the measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from rga.errors import InputError
from rga.gallery.results import Calibration
from rga.gallery.store.halfvecs import copy_out
from rga.gallery.store.models import StoredModel
from rga.gallery.store.postgresql.database import Connection

QUERIES = 2000
"""Sightings that serve as queries at most, evenly spread over all."""
FEWEST = 10
"""People that a rate needs at least, to mean something at all."""
OWN_PEOPLE = "the gallery's own people"
"""On what a gallery was calibrated, if not with its model on a dataset."""
BLOCK = 256
"""Queries at a time."""


def labelled(connection: Connection, model: StoredModel) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Embeddings of sightings of whom the person is known, (n, D), with numbers of their people and cameras, (n,) each."""
    rows = connection.execute(
        "SELECT s.sighting, coalesce(p.merged_into, p.person), s.camera FROM sightings s JOIN people p ON p.person = s.person ORDER BY 1"
    ).fetchall()
    joined = "SELECT sighting, e.embedding FROM {} e JOIN sightings s USING (sighting) WHERE s.person IS NOT NULL ORDER BY 1"
    query = sql.SQL(joined)
    ids, features = copy_out(connection, query.format(model.table), model.dimensions)
    about = {row[0]: row[1:] for row in rows}
    kept = [index for index, sighting in enumerate(ids) if sighting in about]
    people, cameras = (numbers([about[ids[index]][column] for index in kept]) for column in (0, 1))
    lengths = np.linalg.norm(features[kept].astype(np.float32), axis=1, keepdims=True)
    return features[kept].astype(np.float32) / np.maximum(lengths, 1e-12), people, cameras


def numbers(values: Sequence[UUID | str]) -> NDArray[np.int64]:
    """The same number for the same value."""
    known: dict[UUID | str, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def calibrate(
    features: NDArray[np.float32], people: NDArray[np.int64], cameras: NDArray[np.int64], false_alarm_rate: float, unsure_rate: float
) -> Calibration:
    """Chooses two distances.

    Args:
        features: (n, D), of length 1.
        people: (n,), who is on each.
        cameras: (n,), of each; where there are several, the same person in the same camera is no match.
        false_alarm_rate: the share of unknown people who may be taken for somebody, from 0 to 1.
        unsure_rate: the share about whom it may be unsure; larger.

    Raises:
        InputError: the rates are none, or there are too few sightings or people.
    """
    if not 0 < false_alarm_rate <= unsure_rate < 1:
        raise InputError(f"the rates lie between 0 and 1, and that of unsure is the larger one; got {false_alarm_rate} and {unsure_rate}")
    if len(features) < FEWEST or len(np.unique(people)) < FEWEST:
        raise InputError(
            f"a false alarm rate needs at least {FEWEST} people with sightings, and the gallery knows {len(np.unique(people))}: name "
            "people when they are added or afterwards, or calibrate the model on a dataset (rga calibrate)"
        )
    queries = np.unique(np.linspace(0, len(features) - 1, min(QUERIES, len(features))).astype(np.int64))
    several = len(np.unique(cameras)) > 1
    own, others = np.empty(len(queries)), np.empty(len(queries))
    for start in range(0, len(queries), BLOCK):
        some = queries[start : start + BLOCK]
        distances = 1 - features[some] @ features.T
        same = people[some][:, None] == people[None]
        itself = same & (cameras[some][:, None] == cameras[None]) if several else some[:, None] == np.arange(len(features))[None]
        own[start : start + BLOCK] = np.where(same & ~itself, distances, np.inf).min(axis=1)
        others[start : start + BLOCK] = np.where(same, np.inf, distances).min(axis=1)
    known = np.isfinite(own)
    match, unsure = (threshold_at(others, rate) for rate in (false_alarm_rate, unsure_rate))
    return Calibration(
        match=match,
        unsure=unsure,
        false_alarm_rate=float((others <= match).mean()),
        unsure_rate=float((others <= unsure).mean()),
        found_rate=float((own[known] <= np.minimum(match, others[known])).mean()) if known.any() else None,
        gallery=len(features),
        queries=len(queries),
        data=OWN_PEOPLE,
    )


def threshold_at(strangers: NDArray[np.float64], rate: float) -> float:
    """The greatest distance up to which at most this share of strangers lies.

    Example:
        >>> distances = np.array([0.1, 0.2, 0.3, 0.4])
        >>> threshold_at(distances, 0.5), threshold_at(distances, 0.1) < 0.1
        (0.2, True)
    """
    ordered = np.sort(strangers)
    count = int(rate * len(ordered) + 1e-9)
    if count == 0:
        return float(np.nextafter(ordered[0], -1))
    found = ordered[count - 1]
    if count < len(ordered) and ordered[count] == found:
        return float(np.nextafter(found, -1))
    return float(found)
