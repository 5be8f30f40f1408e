"""What a gallery answers: sightings, people, results of a search, receipts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from rga.gallery.crop import Box

Decision = Literal["match", "unsure", "unknown"]


@dataclass(frozen=True)
class Sighting:
    """One image of a person in a gallery.

    Attributes:
        id: the same for the same content, wherever it is added.
        source: where it is from.
        camera: empty if unknown.
        time: when it was taken; None if unknown.
        added: when it was added.
        person: who it shows; None if nobody said.
        name: of that person; empty for none.
        frame: number of the frame in a video, from 0.
        box: in the image or frame.
        track: number of the track within its recording.
        width: of the image, in pixels.
        height: of the image, in pixels.
        sharpness: the variance of its Laplacian; small where it is blurred.
        recording: the same for all of one video, folder or table; sources of one name may be several recordings.
    """

    id: UUID
    source: str
    camera: str
    time: datetime | None
    added: datetime
    person: UUID | None
    name: str
    frame: int | None
    box: Box | None
    track: int | None
    width: int
    height: int
    sharpness: float
    recording: str


@dataclass(frozen=True)
class Person:
    """Somebody in a gallery.

    Attributes:
        id: of the person.
        name: empty if nobody gave one.
        hidden: whether searches leave the person out.
        sightings: how many there are.
        first: when the person was first seen; None if no time is known.
        last: when the person was last seen.
        cameras: that saw the person.
        example: a sighting to show.
    """

    id: UUID
    name: str
    hidden: bool
    sightings: int
    first: datetime | None
    last: datetime | None
    cameras: tuple[str, ...]
    example: UUID | None


@dataclass(frozen=True)
class Found:
    """A sighting that a search found.

    Attributes:
        sighting: what was found.
        distance: the mean of its cosine distances to the images of the query, from 0 to 2.
        nearest: the number of the query's image that it is nearest to, from 0; the examples follow the images.
    """

    sighting: Sighting
    distance: float
    nearest: int


@dataclass(frozen=True)
class Group:
    """Sightings that a search found of one person, or of one track, or one alone.

    Attributes:
        person: who; None if nobody said.
        name: of the person; empty for none.
        track: (source of the best, number), if they are of one track of one recording, and of nobody named.
        decision: whether it is the person of the query.
        confirmed: somebody said that it is, see ``Gallery.same``.
        distance: of the best.
        best: the example that is nearest to the query.
        sightings: all that were found, the nearest first.
        total: how many sightings the person or the track has in the gallery.
    """

    person: UUID | None
    name: str
    track: tuple[str, int] | None
    decision: Decision
    confirmed: bool
    distance: float
    best: Found
    sightings: tuple[Found, ...]
    total: int


@dataclass(frozen=True)
class Calibration:
    """Up to which distance two images are taken for the same person.

    Attributes:
        match: up to this cosine distance it is a match.
        unsure: above it, and up to this distance, it may be one; the same as ``match`` where that was not measured.
        false_alarm_rate: the share of unknown people who were taken for somebody, at ``match``.
        unsure_rate: likewise at ``unsure``.
        found_rate: the share of known people who were found first, at ``match``; None if it was not measured.
        gallery: among how many sightings that was measured.
        queries: with how many unknown people's images.
        data: on what.
    """

    match: float
    unsure: float
    false_alarm_rate: float
    unsure_rate: float
    found_rate: float | None
    gallery: int
    queries: int
    data: str

    def rate_among(self, sightings: int) -> float:
        """The false alarm rate to expect among another number of sightings: each is a chance of its own to be taken for somebody."""
        if self.false_alarm_rate >= 1 or not self.gallery:
            return self.false_alarm_rate
        return float(1 - (1 - self.false_alarm_rate) ** (sightings / self.gallery))


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        groups: the nearest first; hidden people and what was said to be somebody else are left out.
        decision: of the first group; ``"unknown"`` if there is none. Without a calibration nothing nearer than ``"unsure"`` is said.
        calibration: what decides; None if the gallery has none: calibrate the model (rga calibrate) or the gallery (Gallery.calibrate).
        false_alarm_rate: to expect among so many sightings as were searched; None without a calibration.
        query: names of the query's images, for ``Gallery.same`` and ``not_same``.
        searched: how many sightings were compared: all, or those that the filter keeps; estimated where they are many.
        exact: whether all distances were computed, rather than an index asked.
    """

    groups: tuple[Group, ...]
    decision: Decision
    calibration: Calibration | None
    false_alarm_rate: float | None
    query: tuple[UUID, ...]
    searched: int
    exact: bool


@dataclass(frozen=True)
class Added:
    """What adding did.

    Attributes:
        added: sightings that are new.
        present: that were there before.
        kept_out: that were removed before, and are not taken again.
        unreadable: (source, reason) of what could not be read.
        indexed: whether an index was built afterwards.
        conflicts: of those that were there or came twice, how many said another camera, time or person; what was said first stays.
    """

    added: int
    present: int
    kept_out: int
    unreadable: tuple[tuple[str, str], ...] = ()
    indexed: bool = False
    conflicts: int = 0


@dataclass(frozen=True)
class Receipt:
    """The proof of a removal: what was looked for afterwards, and not found.

    Attributes:
        id: of the entry in the audit log.
        time: of the removal.
        removed: how many sightings.
        people: how many people, who had no other sightings or were to be removed.
        thumbnails: how many.
        embeddings: how many, of all models.
        queries: how many searches were made with removed embeddings, to see that none of them is found.
        found: how many were found all the same.
        orphans: rows of any table that belonged to what was removed and are left.
        dead_rows: that another transaction may still see, so that the vacuum left them, or that this user may not vacuum.
        reindexed: whether the index was rebuilt without them.
    """

    id: UUID
    time: datetime
    removed: int
    people: int
    thumbnails: int
    embeddings: int
    queries: int
    found: int
    orphans: int
    dead_rows: int
    reindexed: bool

    @property
    def proven(self) -> bool:
        """Whether nothing is left."""
        return not (self.found or self.orphans or self.dead_rows)


@dataclass(frozen=True)
class Stats:
    """What a gallery holds.

    Attributes:
        sightings: how many.
        people: how many, hidden ones included.
        named: sightings of whom the person is known.
        cameras: camera -> sightings; ``""`` for those without one.
        first: the earliest time.
        last: the latest time.
        bytes: of the database on the disk.
        model: how the model is opened.
        fingerprint: of the model.
        dimensions: numbers of an embedding.
        indexed: whether there is an index.
        thumbnails: on, off or blurred.
        calibration: what decides.
        postgresql: its version.
        pgvector: its version.
    """

    sightings: int
    people: int
    named: int
    cameras: dict[str, int]
    first: datetime | None
    last: datetime | None
    bytes: int
    model: str
    fingerprint: str
    dimensions: int
    indexed: bool
    thumbnails: str
    calibration: Calibration | None
    postgresql: str
    pgvector: str


@dataclass(frozen=True)
class Finding:
    """One answer of the doctor.

    Attributes:
        what: was looked at.
        healthy: whether it is as it should be.
        details: what was found, and what to do.
    """

    what: str
    healthy: bool
    details: str


@dataclass(frozen=True)
class Rebuilt:
    """What ``rebuild`` did.

    Attributes:
        embedded: sightings that have an embedding of the new model now, and had none before.
        missing: that have none, because their images were not given; the gallery is not switched while there are some.
        switched: whether the gallery is searched with the new model now.
        unreadable: (source, reason) of what could not be read.
        lacking: sources of some that are missing.
        calibrate_again: whether the gallery was calibrated on its own people, for the model before: distances of another one are others.
    """

    embedded: int
    missing: int
    switched: bool
    unreadable: tuple[tuple[str, str], ...] = field(default=())
    lacking: tuple[str, ...] = ()
    calibrate_again: bool = False


JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """Something that was said about people, and can be undone.

    Attributes:
        id: of the action.
        time: when.
        kind: name, assign, split, merge, hide, same or not_same.
    """

    id: UUID
    time: datetime
    kind: str
