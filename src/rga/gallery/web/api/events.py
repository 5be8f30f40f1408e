"""``GET /api/events``: new sightings that match somebody, as server-sent events.

New sightings are looked for in the database, so that it does not matter which process adds them. Each is searched with; a match is told.
Sightings are noted as added a moment before others can see them, so that the latest ones are looked at again, and each is told once. A
client that comes back after its last event is therefore told again what was added up to two minutes before that: better twice than never.
That a track goes on is no match: the other sightings of its own track are left out of the search.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from rga.gallery.results import Group, Sighting
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.sightings import read_sightings, track_of
from rga.gallery.web.fields import OptionalTime, sensible
from rga.gallery.web.problems import NotThereError, RefusedError
from rga.gallery.web.served import Served, Serving
from rga.gallery.web.views import MatchView, SightingView

router = APIRouter()

OVERLAP = timedelta(minutes=2)
"""A batch is written in this time at most."""
AT_ONCE = 200
"""Sightings that one look takes at most."""
AMONG = 20
"""Groups among which a person is looked for: a track of nobody known may be more like a new sighting, and the person match all the same."""
QUIET = 15
"""Looks without a match after which a comment is sent, so that nothing on the way takes the stream for dead."""


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request,
    serving: Serving,
    *,
    person: Annotated[UUID | None, Query(description="Tell matches with this person alone.")] = None,
    unsure: Annotated[bool, Query(description="Tell what may be a match, too.")] = False,
    since: Annotated[OptionalTime, Query(description="Begin with what was added then; by default now.")] = None,
    most: Annotated[int | None, Query(ge=1, le=10_000, description="End after so many events.")] = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """New sightings that match somebody, as they are added."""
    if person is not None:
        await run_in_threadpool(serving.person, person)
    if len(serving.streams) >= serving.limits.streams:
        raise RefusedError(429, f"{serving.limits.streams} streams are open, which is the most: close one", {"Retry-After": "10"})
    watch = Watch(serving, beginning(last_event_id, since), person, unsure=unsure)
    return StreamingResponse(stream(watch, most, request.is_disconnected, serving), media_type="text/event-stream")


async def stream(watch: Watch, most: int | None, is_gone: Callable[[], Awaitable[bool]], served: Served) -> AsyncIterator[str]:
    """The text of a stream of events."""
    told, quiet = 0, 0
    served.streams.add(watch)
    try:
        yield "retry: 3000\n\n"
        while not await is_gone():
            for match in await run_in_threadpool(watch.look):
                yield f"id: {match.sighting.added.isoformat()}\nevent: match\ndata: {match.model_dump_json()}\n\n"
                told, quiet = told + 1, 0
                if told == most:
                    return
            quiet += 1
            if quiet % QUIET == 0:
                yield ": nothing new\n\n"
            await asyncio.sleep(served.limits.event_seconds)
    finally:
        served.streams.discard(watch)


class Watch:
    """Looks for new sightings.

    Args:
        served: with the gallery.
        begin: what was added before is not new.
        person: tell matches with this one alone; None for all.
        unsure: tell what may be a match, too.
    """

    def __init__(self, served: Served, begin: datetime, person: UUID | None, *, unsure: bool) -> None:
        self.served = served
        self.begin = begin
        self.person = person
        self.kinds = ("match", "unsure") if unsure else ("match",)
        self.seen: dict[UUID, datetime] = {}

    def look(self) -> list[MatchView]:
        """The matches among sightings that were added since the last look."""
        matches = []
        new = self.new()
        person = self.wanted() if new else None
        for sighting in new:
            self.seen[sighting.id] = sighting.added
            group = self.match(sighting, person)
            if group is not None:
                matches.append(
                    MatchView(
                        sighting=SightingView.model_validate(sighting),
                        person=group.person,
                        name=group.name,
                        decision=group.decision,
                        distance=group.distance,
                        example=group.best.sighting.id,
                    )
                )
        if self.seen:
            self.begin = max(self.begin, max(self.seen.values()) - OVERLAP)
            self.seen = {sighting: added for sighting, added in self.seen.items() if added >= self.begin}
        return matches

    def new(self) -> list[Sighting]:
        """Sightings that were not looked at, the earliest first."""
        values = [self.begin, list(self.seen)]
        return self.served.gallery.database.run(
            lambda connection: read_sightings(
                connection, "s.added >= %s AND s.sighting <> ALL(%s)", values, "s.added, s.sighting", AT_ONCE
            ),
            reads=True,
        )

    def wanted(self) -> UUID | None:
        """Who is told alone, by the identifier that sightings have now: the person may have been merged into another; None for all."""
        try:
            return None if self.person is None else self.served.person(self.person).id
        except NotThereError:  # removed meanwhile, so that no sighting can match
            return self.person

    def match(self, sighting: Sighting, person: UUID | None) -> Group | None:
        """Whom a sighting matches: a person, if one does as surely as the nearest of all.

        Args:
            sighting: a new one.
            person: the only one who is told; None for all.
        """
        gallery = self.served.gallery
        own = gallery.database.run(lambda connection: track_of(connection, sighting), reads=True)
        try:
            found = gallery.search(like=[sighting.id], without=own, top=AMONG, who="events")
        except GalleryError:  # it was removed meanwhile
            return None
        told = [each for each in found.groups if each.decision in self.kinds and person in (None, each.person)]
        people = [each for each in told if each.person is not None and each.decision == told[0].decision]
        return next(iter(people or told), None)


def beginning(last_event_id: str | None, since: datetime | None) -> datetime:
    """From when on what was added is new: from a while before the last event, as what was noted before it may have come after it."""
    last = read_id(last_event_id)
    return last - OVERLAP if last else since or datetime.now(UTC)


def read_id(text: str | None) -> datetime | None:
    """The time in the identifier of the last event that a client got; None where it is none of ours."""
    try:
        return None if text is None else sensible(datetime.fromisoformat(text))
    except ValueError:
        return None
