"""The pages of people and of their sightings: names, merges, splits, hiding, removal with a receipt, export."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rga.gallery.store.actions import made_by
from rga.gallery.store.errors import GalleryError
from rga.gallery.web.api.people import exported
from rga.gallery.web.fields import Identifier, Name, Text
from rga.gallery.web.pages.rendering import back_to, page
from rga.gallery.web.served import Serving

router = APIRouter()

SHOWN = 60
"""People on a page."""
SIGHTINGS = 500
"""Sightings on the page of a person."""


@router.get("/people")
def show_all(
    request: Request,
    serving: Serving,
    part: Annotated[Text, Query()] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> HTMLResponse:
    """Everybody, by name."""
    found = serving.gallery.people(part, limit=SHOWN + 1, offset=offset)
    earlier = max(0, offset - SHOWN) if offset else None
    later = offset + SHOWN if len(found) > SHOWN else None
    return page(request, "people", people=found[:SHOWN], part=part, earlier=earlier, later=later)


@router.post("/people/merge")
def merge(serving: Serving, person: Annotated[list[UUID], Form(max_length=100)] = []) -> RedirectResponse:  # noqa: B006
    """Makes the people who were chosen one, who has the name of the first."""
    if len(person) < 2:
        raise GalleryError("choose at least two people to merge")
    first, *others = person
    done = serving.gallery.merge(serving.person(first).id, others)
    return back_to(f"/people/{serving.person(first).id}", "merge", [done.id])


@router.get("/people/{person}")
def show(request: Request, serving: Serving, person: Identifier) -> HTMLResponse:
    """One person, and where and when they were seen."""
    found = serving.person(person)
    sightings = serving.gallery.sightings(found.id, limit=SIGHTINGS)
    return page(request, "person", person=found, sightings=sightings, most=SIGHTINGS)


@router.post("/people/{person}/name")
def name(serving: Serving, person: Identifier, name: Annotated[Text, Form()] = "") -> RedirectResponse:
    """Names a person; an empty name takes it away."""
    return back_to(f"/people/{person}", "name", [serving.gallery.name(serving.person(person).id, name).id])


@router.post("/people/{person}/hide")
def hide(serving: Serving, person: Identifier, hidden: Annotated[bool, Form()]) -> RedirectResponse:
    """Leaves a person out of searches, or takes the person in again."""
    done = serving.gallery.hide(serving.person(person).id, hidden)
    return back_to(f"/people/{person}", "hide" if hidden else "show", [done.id])


@router.post("/people/{person}/merge")
def merge_with(serving: Serving, person: Identifier, name: Annotated[Name, Form()]) -> RedirectResponse:
    """Makes a person and somebody of a name one."""
    found = serving.person(person)
    done = serving.gallery.merge(found.id, [serving.gallery.find(name).id])
    return back_to(f"/people/{serving.person(found.id).id}", "merge", [done.id])


@router.post("/people/{person}/split")
def split(
    serving: Serving,
    person: Identifier,
    sighting: Annotated[list[UUID], Form(max_length=SIGHTINGS)] = [],  # noqa: B006
    name: Annotated[Text, Form()] = "",
) -> RedirectResponse:
    """Says that some sightings of a person show somebody else."""
    found = serving.person(person)
    here = {each.id for each in serving.gallery.sightings(found.id)}
    if not sighting or not here.issuperset(sighting):
        raise GalleryError("choose at least one sighting of this person to split off")
    done = serving.gallery.split_off(sighting, name)
    return back_to(f"/people/{made_by(done.id)}", "split", [done.id])


@router.get("/people/{person}/export")
def export(serving: Serving, person: Identifier) -> Response:
    """All that is known about a person, as a zip."""
    return exported(serving, serving.person(person).id)


@router.get("/people/{person}/delete")
def ask(request: Request, serving: Serving, person: Identifier) -> HTMLResponse:
    """Asks whether a person is to be removed."""
    found = serving.person(person)
    title = f"Delete {found.name or 'this person'}?"
    return page(request, "delete", title=title, example=found.example, count=found.sightings, back=f"/people/{found.id}")


@router.post("/people/{person}/delete")
def remove(request: Request, serving: Serving, person: Identifier, keep_out: Annotated[bool, Form()] = False) -> HTMLResponse:
    """Removes a person for good, and shows the proof."""
    found = serving.person(person)
    receipt = serving.gallery.remove(person=found.id, keep_out=keep_out, who=serving.who)
    return page(request, "receipt", receipt=receipt, keep_out=keep_out)


@router.get("/sightings/{sighting}")
def show_sighting(request: Request, serving: Serving, sighting: Identifier) -> HTMLResponse:
    """One sighting."""
    return page(request, "sighting", sighting=serving.sighting(sighting))


@router.post("/sightings/person")
def assign(
    serving: Serving,
    sighting: Annotated[list[UUID], Form(max_length=200)],
    name: Annotated[Name, Form()],
    back: Annotated[str, Form(max_length=8000)] = "/people",
) -> RedirectResponse:
    """Says by name who is on some sightings; somebody of the name who is not there is made."""
    try:
        person = serving.gallery.find(name)
    except GalleryError:
        done = serving.gallery.split_off(sighting, name)
    else:
        done = serving.gallery.assign(sighting, person.id)
    return back_to(back, "assign", [done.id])


@router.get("/sightings/{sighting}/delete")
def ask_sighting(request: Request, serving: Serving, sighting: Identifier) -> HTMLResponse:
    """Asks whether a sighting is to be removed."""
    found = serving.sighting(sighting)
    return page(request, "delete", title="Delete this sighting?", example=found.id, count=1, back=f"/sightings/{found.id}")


@router.post("/sightings/{sighting}/delete")
def remove_sighting(request: Request, serving: Serving, sighting: Identifier, keep_out: Annotated[bool, Form()] = False) -> HTMLResponse:
    """Removes a sighting for good, and shows the proof."""
    found = serving.sighting(sighting)
    receipt = serving.gallery.remove(sightings=[found.id], keep_out=keep_out, who=serving.who)
    return page(request, "receipt", receipt=receipt, keep_out=keep_out)
