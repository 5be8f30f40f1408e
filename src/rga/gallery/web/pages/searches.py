"""The page to search: images in, people out, and the search refined by what they say about the results."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from rga.errors import RgaError
from rga.gallery.crop import Box
from rga.gallery.results import SearchResult
from rga.gallery.web.enrolling import cut
from rga.gallery.web.fields import Identifier, OptionalTime, Text
from rga.gallery.web.held import HeldImage
from rga.gallery.web.pages.rendering import back_to, page, sentence_of
from rga.gallery.web.problems import RefusedError, status_of
from rga.gallery.web.served import Served, Serving
from rga.gallery.web.uploads import receive

router = APIRouter()

TOP = 24
"""Groups that a page shows."""
KNOWN = 5
"""People whom the page shows while nobody is searched for."""
PAIRS = 200
"""Judgements that one click may make: each image of a query with each sighting of a group."""


class Wanted(BaseModel):
    """A search as the address of its page holds it."""

    q: list[UUID] = Field([], max_length=16)
    like: list[UUID] = Field([], max_length=50)
    unlike: list[UUID] = Field([], max_length=50)
    camera: list[Text] = Field([], max_length=100)
    since: OptionalTime = None
    until: OptionalTime = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to search with."""
        return not (self.q or self.like)

    @property
    def filtered(self) -> bool:
        """Whether it searches a part of the gallery."""
        return bool(self.camera or self.since or self.until)

    def fields(self) -> list[tuple[str, str]]:
        """As the fields of a form."""
        many = [(name, str(value)) for name in ("q", "like", "unlike", "camera") for value in getattr(self, name)]
        return many + [(name, time.isoformat()) for name in ("since", "until") if (time := getattr(self, name)) is not None]

    def url(self) -> str:
        """The address of its page."""
        return f"/search?{urlencode(self.fields())}" if self.fields() else "/search"

    def plus(self, name: str, value: UUID) -> str:
        """The address with one more example."""
        other = {"like": "unlike", "unlike": "like"}.get(name)
        changes = {name: [*dict.fromkeys([*getattr(self, name), value])]}
        if other:
            changes[other] = [each for each in getattr(self, other) if each != value]
        return self.model_copy(update=changes).url()

    def minus(self, name: str, value: UUID) -> str:
        """The address with an image or an example less."""
        return self.model_copy(update={name: [each for each in getattr(self, name) if each != value]}).url()


class WantedForm(Wanted):
    """The same as a form sends it, with images."""

    images: list[UploadFile] = Field([], max_length=1000)


@router.get("/search")
def show(request: Request, serving: Serving, wanted: Annotated[Wanted, Query()]) -> HTMLResponse:
    """The search, and what it finds."""
    if wanted.is_empty:
        return blank(request, serving)
    images = [serving.held.get(name) for name in wanted.q]
    with serving.computing:
        pixels = [serving.received(image).pixels for image in images]
        result = serving.gallery.search(
            pixels,
            top=TOP,
            cameras=wanted.camera,
            since=wanted.since,
            until=wanted.until,
            like=wanted.like,
            unlike=wanted.unlike,
            who=serving.who,
        )
    return page(request, "results", **results(serving, wanted, images, result))


def results(served: Served, wanted: Wanted, images: list[HeldImage], result: SearchResult) -> dict[str, Any]:
    """What the page of results shows."""
    return {
        "wanted": wanted,
        "images": images,
        "result": result,
        "explained": sentence_of(result.calibration, result.false_alarm_rate, result.searched),
        "explains": not served.explainer.complaint(),
        "cameras": sorted(served.gallery.stats().cameras),
    }


def blank(request: Request, served: Served, error: RgaError | None = None) -> HTMLResponse:
    """The page where a search begins."""
    status = 200 if error is None else status_of(error)
    people = [person for person in served.gallery.people(limit=2 * KNOWN) if not person.hidden][:KNOWN]
    return page(request, "search", status, stats=served.gallery.stats(), people=people, error=str(error or ""), limits=served.limits)


@router.post("/search")
def send(request: Request, serving: Serving, sent: Annotated[WantedForm, Form()]) -> Response:
    """Takes images, and leads to what is found; or to the choice of a person, in an image that is wide."""
    try:
        with serving.computing:
            received = receive(sent.images, serving.limits, serving.limits.query_images - len(sent.q))
            if not received and sent.is_empty:
                raise RefusedError(422, "there is nothing to search with: choose at least one image of a person")
            images = [serving.held.put(each) for each in received]
    except RgaError as error:
        return blank(request, serving, error)
    wanted = Wanted(**{**sent.model_dump(exclude={"images"}), "q": [*dict.fromkeys([*sent.q, *(image.name for image in images)])]})
    if len(images) == 1 and images[0].is_frame:
        return RedirectResponse(f"/box/{images[0].name}?{urlencode(wanted.fields())}", 303)
    return RedirectResponse(wanted.url(), 303)


@router.get("/images/{name}", response_class=Response)
def image(serving: Serving, name: Identifier) -> Response:
    """An image that was searched with."""
    return Response(serving.held.get(name).preview, media_type="image/jpeg")


@router.get("/box/{name}")
def choose(request: Request, serving: Serving, name: Identifier, wanted: Annotated[Wanted, Query()]) -> HTMLResponse:
    """The choice of a person in a frame."""
    return page(request, "box", image=serving.held.get(name), wanted=wanted)


class BoxForm(Wanted):
    """A box in a frame, in its pixels, and the search that it is for."""

    left: float = Field(ge=0, le=100_000)
    top: float = Field(ge=0, le=100_000)
    width: float = Field(gt=0, le=100_000)
    height: float = Field(gt=0, le=100_000)


@router.post("/box/{name}")
def chosen(serving: Serving, name: Identifier, sent: Annotated[BoxForm, Form()]) -> RedirectResponse:
    """Searches with a part of a frame instead of the whole."""
    whole = serving.held.get(name)
    with serving.computing:
        part, inside = cut(serving.received(whole), Box(sent.left, sent.top, sent.width, sent.height))
        image = serving.held.put(part, inside)
    names = [image.name if each == name else each for each in sent.q] or [image.name]
    wanted = Wanted(**{**sent.model_dump(include=set(Wanted.model_fields)), "q": [*dict.fromkeys(names)]})
    return RedirectResponse(wanted.url(), 303)


@router.post("/judge")
def judge(
    serving: Serving,
    query: Annotated[list[UUID], Form(max_length=66)],
    sighting: Annotated[list[UUID], Form(max_length=200)],
    same: Annotated[bool, Form()],
    back: Annotated[str, Form(max_length=8000)] = "/search",
) -> RedirectResponse:
    """Notes whether a result shows the person of the query."""
    say = serving.gallery.same if same else serving.gallery.not_same
    pairs = [(one, other) for one in query for other in sighting if one != other][:PAIRS]
    done = [say(one, other).id for one, other in pairs]
    return back_to(back, "same" if same else "not_same", done[::-1])
