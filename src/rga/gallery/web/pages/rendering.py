"""Pages from templates: everything is escaped, and what a page says after a form was sent comes from a list of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from rga.gallery.results import Calibration
from rga.gallery.web.problems import problem_of

SAID = {
    "same": "Noted: the same person.",
    "not_same": "Noted: not the same person. It will not be suggested again.",
    "name": "The name is saved.",
    "hide": "Hidden: searches leave this person out.",
    "show": "Searches find this person again.",
    "merge": "Merged: they are one person now.",
    "split": "Split off as a person of their own.",
    "assign": "Noted who this is.",
    "undo": "Undone.",
    "calibrate": "Calibrated on the people of this gallery.",
}
"""What a page may say about what was just done."""
KINDS = {
    "name": "Named a person",
    "assign": "Said who somebody is",
    "split": "Split sightings off",
    "merge": "Merged people",
    "hide": "Hid or showed a person",
    "same": "Said: the same person",
    "not_same": "Said: not the same person",
}
"""Kinds of actions as people read them."""
SIZES = ("bytes", "kB", "MB", "GB", "TB")


@cache
def templates() -> Environment:
    """The templates of this room."""
    environment = Environment(
        loader=PackageLoader("rga.gallery.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(when=when, size=size, share=share, similarity=similarity)
    environment.globals.update(kinds=KINDS, position=position)
    return environment


def page(request: Request, name: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page.

    Args:
        request: that it answers.
        name: of the template, without its ending.
        status: of the answer.
        **context: what the template shows.
    """
    served = request.app.state.served
    said = SAID.get(request.query_params.get("said", ""), "")
    undo = [each for each in request.query_params.getlist("undo") if is_identifier(each)] if said else []
    here = request.url.path + ("?" + request.url.query if request.url.query else "")
    frame = {"said": said, "undo": undo, "here": without_notice(here), "guarded": served.guarded, "section": name}
    return HTMLResponse(templates().get_template(f"{name}.html").render({**frame, **context}), status)


def problem_page(status: int, detail: str, headers: dict[str, str]) -> HTMLResponse:
    """An error as a page."""
    text = (
        templates()
        .get_template("problem.html")
        .render(problem=problem_of(status, detail), said="", undo=[], here="/search", guarded=False, section="problem")
    )
    return HTMLResponse(text, status, headers)


def back_to(where: str, said: str, undo: Sequence[UUID] = ()) -> RedirectResponse:
    """Sends the browser back to a page of this server, which says what was done.

    Args:
        where: path and query; anything else leads to the search.
        said: a key of ``SAID``.
        undo: actions that undo it.
    """
    path = local(where)
    notice = urlencode([("said", said), *(("undo", str(each)) for each in undo)])
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}{notice}", 303)


def local(where: str) -> str:
    r"""A path of this server, with its query and without a notice.

    Example:
        >>> [local(each) for each in ("/people?part=a&said=name", "//evil.example", "https://evil.example", "/\\evil.example", "")]
        ['/people?part=a', '/search', '/search', '/search', '/search']
    """
    parts = urlsplit(where) if where.startswith("/") and where[:2] not in ("//", "/\\") and where.isprintable() else None
    return "/search" if parts is None or parts.scheme or parts.netloc else without_notice(where)


def without_notice(where: str) -> str:
    """A path and query without what was said."""
    path, _, query = where.partition("?")
    kept = "&".join(each for each in query.split("&") if each and not each.startswith(("said=", "undo=")))
    return f"{path}?{kept}" if kept else path


def is_identifier(text: str) -> bool:
    """Whether a text is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def when(time: datetime | None) -> str:
    """A time as people read it, in the zone of the server."""
    return "time unknown" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def size(count: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> size(999), size(12_345_678)
        ('999 bytes', '12.3 MB')
    """
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(SIZES) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{count} bytes" if not unit else f"{amount:.3g} {SIZES[unit]}"


def share(value: float) -> str:
    """A share in percent.

    Example:
        >>> share(0.0123), share(0.3), share(0.0)
        ('1.2 %', '30 %', '0 %')
    """
    percent = 100 * value
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


def similarity(distance: float) -> str:
    """A cosine distance as a similarity, 1 for the same."""
    return f"{1 - distance:.2f}"


def position(distance: float) -> float:
    """Where a similarity lies on a bar that runs from 0 to 1, in percent.

    Example:
        >>> position(0.25), position(1.5), position(-0.1)
        (75.0, 0.0, 100.0)
    """
    return round(100 * min(1.0, max(0.0, 1 - distance)), 2)


def sentence_of(calibration: Calibration | None, rate: float | None, searched: int) -> str:
    """What decides, as a sentence."""
    if calibration is None or rate is None:
        return "This gallery is not calibrated, so nothing is called a match: name people, then calibrate it under Statistics."
    return (
        f"A match needs a similarity of {similarity(calibration.match)}. Among {searched:,} sightings, about {share(rate)} of people "
        "who were never seen would still be taken for somebody."
    )
