"""What a search found, by person and track, and whether it is the person who is sought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rga.gallery.results import Calibration, Decision, Found, Group, Sighting
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.sightings import totals


@dataclass(frozen=True)
class Candidates:
    """Sightings that a search found.

    Attributes:
        sightings: n of them.
        distances: (images, n), of each image of the query.
        scores: (n,), what they are ordered by, the least first.
        confirmed: of whom somebody said that they are the person.
    """

    sightings: Sequence[Sighting]
    distances: NDArray[np.float64]
    scores: NDArray[np.float64]
    confirmed: frozenset[UUID]


def key_of(sighting: Sighting) -> Any:
    """What a sighting is grouped by: its person, else its track in its recording, else itself."""
    if sighting.person is not None:
        return sighting.person
    return sighting.id if sighting.track is None else (sighting.recording, sighting.track)


def grouped(connection: Connection, candidates: Candidates, top: int, calibration: Calibration | None) -> list[Group]:
    """Candidates by person and track: who is confirmed first, then the best."""
    sets: dict[Any, list[Found]] = {}
    for index in np.argsort(candidates.scores, kind="stable"):
        distances = candidates.distances[:, index]
        sighting = candidates.sightings[index]
        sets.setdefault(key_of(sighting), []).append(Found(sighting, float(max(0.0, distances.mean())), int(distances.argmin())))
    confirmed = {key for key, found in sets.items() if any(each.sighting.id in candidates.confirmed for each in found)}
    kept = sorted(sets.items(), key=lambda item: item[0] not in confirmed)[:top]
    people = [found[0].sighting.person for _, found in kept if found[0].sighting.person]
    count = totals(connection, people, [key for key, _ in kept if isinstance(key, tuple)])
    return [group_of(found, isinstance(key, tuple), count.get(key, 1), key in confirmed, calibration) for key, found in kept]


def group_of(found: list[Found], is_track: bool, total: int, confirmed: bool, calibration: Calibration | None) -> Group:
    """Sightings that belong together."""
    nearest = sorted(found, key=lambda each: each.distance)
    best = nearest[0]
    return Group(
        person=best.sighting.person,
        name=best.sighting.name,
        track=(best.sighting.source, best.sighting.track) if is_track and best.sighting.track is not None else None,
        decision="match" if confirmed else decide(best.distance, calibration),
        confirmed=confirmed,
        distance=best.distance,
        best=best,
        sightings=tuple(nearest),
        total=total,
    )


def decide(distance: float, calibration: Calibration | None) -> Decision:
    """Whether something so far away is the person.

    Example:
        >>> calibration = Calibration(0.3, 0.4, 0.01, 0.1, 0.8, 1000, 200, "market1501")
        >>> [decide(distance, calibration) for distance in (0.2, 0.35, 0.5)], decide(0.2, None)
        (['match', 'unsure', 'unknown'], 'unsure')
    """
    if calibration is None:
        return "unsure"
    return "match" if distance <= calibration.match else "unsure" if distance <= calibration.unsure else "unknown"
