"""What the API answers, as its description shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rga.gallery.results import Decision
from rga.gallery.web.fields import Name, Text


class View(BaseModel):
    """Is made from the attributes of what a gallery answers."""

    model_config = ConfigDict(from_attributes=True)


class BoxView(View):
    """A box in an image or a frame, in its pixels."""

    left: float
    top: float
    width: float
    height: float


class SightingView(View):
    """One image of a person."""

    id: UUID
    source: str = Field(description="Where it is from.")
    camera: str = Field(description="Empty if unknown.")
    time: datetime | None = Field(description="When it was taken.")
    added: datetime
    person: UUID | None = Field(description="Who it shows; null if nobody said.")
    name: str = Field(description="Of that person; empty for none.")
    frame: int | None = Field(description="Number of the frame in a video, from 0.")
    box: BoxView | None
    track: int | None = Field(description="Number of the track within its recording.")
    width: int
    height: int
    sharpness: float
    recording: str = Field(description="The same for all of one video, folder or table; sources of one name may be several.")


class PersonView(View):
    """Somebody in the gallery."""

    id: UUID
    name: str = Field(description="Empty if nobody gave one.")
    hidden: bool = Field(description="Whether searches leave the person out.")
    sightings: int
    first: datetime | None = Field(description="When the person was first seen; null if no time is known.")
    last: datetime | None
    cameras: list[str]
    example: UUID | None = Field(description="A sighting to show.")


class FoundView(View):
    """A sighting that a search found."""

    sighting: SightingView
    distance: float = Field(description="The mean of its cosine distances to the images of the query, from 0 to 2.")
    nearest: int = Field(description="The number of the query's image that it is nearest to, from 0.")


class GroupView(View):
    """Sightings that a search found of one person, of one track, or one alone."""

    person: UUID | None
    name: str
    decision: Decision = Field(description="Whether it is the person of the query.")
    confirmed: bool = Field(description="Somebody said that it is.")
    distance: float = Field(description="Of the best.")
    best: FoundView
    sightings: list[FoundView]
    total: int = Field(description="How many sightings the person or the track has in the gallery.")


class CalibrationView(View):
    """Up to which distance two images are taken for the same person."""

    match: float
    unsure: float
    false_alarm_rate: float = Field(description="The share of unknown people who were taken for somebody, at match.")
    unsure_rate: float
    gallery: int = Field(description="Among how many sightings that was measured.")
    queries: int
    data: str


class SearchView(View):
    """What a search found."""

    decision: Decision = Field(description="Of the first group; unknown if there is none.")
    groups: list[GroupView] = Field(description="The nearest first.")
    calibration: CalibrationView | None = Field(description="What decides; null if the gallery was not calibrated.")
    false_alarm_rate: float | None = Field(description="To expect among so many sightings as were searched.")
    query: list[UUID] = Field(description="Names of the query's images, for /api/judgements.")
    searched: int = Field(description="Sightings that were compared: all, or those that the filter keeps.")
    exact: bool


class EnrolledView(BaseModel):
    """What adding images did."""

    added: int
    present: int = Field(description="That were there before.")
    kept_out: int = Field(description="That were removed before, and are not taken again.")
    conflicts: int = Field(description="Of those that were there, how many came with another camera, time or person, which was not taken.")
    sightings: list[UUID] = Field(description="Of the images, in their order; one that is kept out has none.")


class ReceiptView(View):
    """The proof of a removal: what was looked for afterwards."""

    id: UUID
    time: datetime
    removed: int
    people: int
    thumbnails: int
    embeddings: int
    queries: int = Field(description="Searches that were made with removed embeddings.")
    found: int = Field(description="Removed sightings that were found all the same.")
    orphans: int = Field(description="Rows of any table that are left.")
    dead_rows: int = Field(description="Rows that are still on the disk.")
    reindexed: bool
    proven: bool = Field(description="Whether nothing is left.")


class ActionView(View):
    """Something that was said about people, and can be undone."""

    id: UUID
    time: datetime
    kind: str


class StatisticsView(View):
    """What the gallery holds."""

    sightings: int
    people: int
    named: int = Field(description="Sightings of whom the person is known.")
    cameras: dict[str, int] = Field(description="Sightings of each camera; of the empty name where it is unknown.")
    first: datetime | None
    last: datetime | None
    bytes: int = Field(description="Of the database on the disk.")
    fingerprint: str = Field(description="Of the model.")
    dimensions: int
    indexed: bool
    thumbnails: str
    calibration: CalibrationView | None
    postgresql: str
    pgvector: str


class AuditView(BaseModel):
    """An entry of the audit log."""

    time: datetime
    who: str
    what: str
    details: dict[str, Any]


class MatchView(BaseModel):
    """A new sighting that matches somebody: the data of an event."""

    sighting: SightingView
    person: UUID | None
    name: str
    decision: Decision
    distance: float
    example: UUID = Field(description="The sighting that it matches.")


class PersonChange(BaseModel):
    """What is changed about a person; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, max_length=100, description="Empty to take the name away.")
    hidden: bool | None = None


class Others(BaseModel):
    """People who are merged into one."""

    model_config = ConfigDict(extra="forbid")

    others: list[UUID] = Field(min_length=1, max_length=100)


class NewPerson(BaseModel):
    """Sightings that are split off, as a person of their own."""

    model_config = ConfigDict(extra="forbid")

    sightings: list[UUID] = Field(min_length=1, max_length=1000)
    name: Name | Literal[""] = ""


class SomeSightings(BaseModel):
    """Sightings."""

    model_config = ConfigDict(extra="forbid")

    sightings: list[UUID] = Field(min_length=1, max_length=1000)


class Judgement(BaseModel):
    """What somebody says about two images: sightings, or images of a query."""

    model_config = ConfigDict(extra="forbid")

    one: UUID
    other: UUID
    same: bool = Field(description="Whether they show the same person.")
