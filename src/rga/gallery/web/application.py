"""The application: the API, the pages and what guards them, around one gallery."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

import rga
from rga.errors import RgaError
from rga.gallery.gallery import Gallery
from rga.gallery.web.api import corrections, events, searching, sightings, upkeep
from rga.gallery.web.api import people as people_api
from rga.gallery.web.guard.guard import Guard
from rga.gallery.web.guard.hosts import Hosts
from rga.gallery.web.guard.token import Token
from rga.gallery.web.limits import Limits
from rga.gallery.web.pages import adding, changes, entry, overview, people, searches, why
from rga.gallery.web.pages.rendering import problem_page
from rga.gallery.web.problems import PROBLEMS, Problem, problem_response, status_of
from rga.gallery.web.served import Served

STATIC = Path(__file__).parent / "static"
SCHEMA = "/api/openapi.json"


def application(
    gallery: Gallery, *, host: str = "127.0.0.1", names: Iterable[str] = (), token: Token | None = None, limits: Limits | None = None
) -> FastAPI:
    """The application of a gallery, for any server of ASGI.

    Args:
        gallery: which must stay open.
        host: that the server listens on.
        names: others under which it is reached.
        token: that clients must know; None lets everybody on this machine in.
        limits: of requests.

    Example:
        >>> from starlette.testclient import TestClient
        >>> TestClient(application(gallery), base_url="http://localhost").get("/api/statistics").json()["sightings"]  # doctest: +SKIP
        1200
    """
    limits = limits or Limits()
    # Starlette writes files above 1 MB to the disk while it reads a form. No file of a request that the guard lets in is larger than this.
    MultiPartParser.spool_max_size = max(MultiPartParser.spool_max_size, limits.request_bytes)
    app = FastAPI(title="rga gallery", version=rga.__version__, docs_url=None, redoc_url=None, openapi_url=SCHEMA)
    app.state.served = Served(gallery, limits, guarded=token is not None)
    app.state.token = token
    api = APIRouter(prefix="/api", responses=PROBLEMS, tags=["gallery"])
    for module in (searching, sightings, people_api, corrections, upkeep, events):
        api.include_router(module.router)
    app.include_router(api)
    for page in (searches, why, people, adding, changes, overview, entry):
        app.include_router(page.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, hosts=Hosts(host, names), token=token, limits=limits, tell=tell)
    app.add_exception_handler(RgaError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.openapi = lambda: described(app, guarded=token is not None)  # type: ignore[method-assign]
    return app


def described(app: FastAPI, *, guarded: bool) -> dict[str, Any]:
    """The description of the API."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes, summary="Sightings of people, searched by image.")
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which is not what is answered
            schemas.pop(name, None)
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        if guarded:
            schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema


def tell(path: str, status: int, detail: str, headers: dict[str, str]) -> Response:
    """The answer that tells of an error: problem details for programs, a page for people."""
    return problem_response(status, detail, headers) if path.startswith("/api/") else problem_page(status, detail, headers)


async def on_error(request: Request, error: Exception) -> Response:
    """The answer to an error. What the client can do nothing about is for the server's log alone: it may tell of files of the machine."""
    assert isinstance(error, RgaError)
    status, detail = status_of(error), str(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logging.getLogger(__name__).error("%s: %s", request.url.path, detail)
        detail = "the server cannot do this now; its log says why"
    return tell(request.url.path, status, detail, getattr(error, "headers", {}))


async def on_http(request: Request, error: Exception) -> Response:
    """The answer to what the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    detail = "there is nothing at this address" if error.status_code == 404 else str(error.detail)
    return tell(request.url.path, error.status_code, detail, dict(error.headers or {}))


async def on_invalid(request: Request, error: Exception) -> Response:
    """The answer to fields that are missing or wrong, of which none is repeated: it may be anything."""
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(str(part) for part in each['loc'][1:]) or each['loc'][0]}: {each['msg']}" for each in error.errors()[:5]]
    return tell(request.url.path, 422, "; ".join(said).encode("ascii", "backslashreplace").decode(), {})
