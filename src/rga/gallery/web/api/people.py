"""``/api/people``: who is in the gallery; names, merges, splits, export and removal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Response

from rga.gallery.web.fields import Identifier, Text
from rga.gallery.web.served import Served, Serving
from rga.gallery.web.views import ActionView, NewPerson, Others, PersonChange, PersonView, ReceiptView, SightingView, SomeSightings

router = APIRouter(prefix="/people")

ZIP = "application/zip"


@router.get("")
def show_all(
    serving: Serving,
    part: Annotated[Text, Query(description="Of the name, in any case; empty for all.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> list[PersonView]:
    """People by name, those without one last."""
    return [PersonView.model_validate(each) for each in serving.gallery.people(part, limit=limit, offset=offset)]


@router.post("", status_code=201)
def split(serving: Serving, new: NewPerson) -> PersonView:
    """Says that some sightings show somebody who is not yet there, whoever they were taken for."""
    return PersonView.model_validate(serving.gallery.split(new.sightings, new.name))


@router.get("/{person}")
def show(serving: Serving, person: Identifier) -> PersonView:
    """One person; who was merged into another is that one."""
    return PersonView.model_validate(serving.person(person))


@router.patch("/{person}")
def change(serving: Serving, person: Identifier, change: PersonChange) -> PersonView:
    """Names a person, or leaves the person out of searches."""
    found = serving.person(person)
    if change.name is not None and change.name != found.name:
        serving.gallery.name(found.id, change.name)
    if change.hidden is not None and change.hidden != found.hidden:
        serving.gallery.hide(found.id, change.hidden)
    return PersonView.model_validate(serving.person(person))


@router.get("/{person}/sightings")
def sightings(serving: Serving, person: Identifier, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000) -> list[SightingView]:
    """Where and when somebody was seen."""
    found = serving.person(person)
    return [SightingView.model_validate(each) for each in serving.gallery.sightings(found.id, limit=limit)]


@router.post("/{person}/sightings")
def assign(serving: Serving, person: Identifier, some: SomeSightings) -> ActionView:
    """Says that some sightings show a person, whoever they were taken for."""
    return ActionView.model_validate(serving.gallery.assign(some.sightings, serving.person(person).id))


@router.post("/{person}/merge")
def merge(serving: Serving, person: Identifier, others: Others) -> ActionView:
    """Makes several people one, who keeps the name of the first that has one."""
    return ActionView.model_validate(serving.gallery.merge(serving.person(person).id, others.others))


@router.get("/{person}/export", response_class=Response, responses={200: {"content": {ZIP: {}}}})
def export(serving: Serving, person: Identifier) -> Response:
    """All that is known about a person, as a zip."""
    return exported(serving, serving.person(person).id)


@router.delete("/{person}")
def remove(
    serving: Serving,
    person: Identifier,
    keep_out: Annotated[bool, Query(description="Do not take the same images again.")] = True,
) -> ReceiptView:
    """Removes a person for good with all sightings, and proves it."""
    found = serving.person(person)
    return ReceiptView.model_validate(serving.gallery.remove(person=found.id, keep_out=keep_out, who=serving.who))


def exported(served: Served, person: Identifier) -> Response:
    """A zip of all that is known about a person, which has left the disk before it is sent: nothing that a client does keeps it there."""
    with tempfile.TemporaryDirectory(prefix="rga-export-") as folder:
        path = Path(folder) / "person.zip"
        served.gallery.export_person(person, path, who=served.who)
        contents = path.read_bytes()
    return Response(contents, media_type=ZIP, headers={"Content-Disposition": f'attachment; filename="person-{person}.zip"'})
