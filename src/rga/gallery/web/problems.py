"""Errors as clients see them: a status and a sentence, as problem details (RFC 9457) or as a page; never a traceback."""

from __future__ import annotations

from http import HTTPStatus

from PIL.Image import DecompressionBombError
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from rga.errors import InputError, RgaError
from rga.gallery.store.errors import GalleryError, OtherModelError, StoreError
from rga.images.images import DamagedImageError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(default="about:blank", description="The status says all there is to say about the kind.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="What was found, what was expected, what to do.")


class RefusedError(RgaError):
    """A request that is not answered.

    Args:
        status: of the answer.
        detail: why, in a sentence.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


class NotThereError(RefusedError):
    """What a path names is not there.

    Args:
        detail: what.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(404, detail)


def status_of(error: RgaError) -> int:
    """The status of an answer that tells of an error."""
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, DamagedImageError):
        return 413 if isinstance(error.__cause__, DecompressionBombError) else 422
    kinds = ((StoreError, 503), (OtherModelError, 409), (GalleryError, 409), (InputError, 422))
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def problem_of(status: int, detail: str) -> Problem:
    """A problem by its status."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)


def problem_response(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as an answer of the API."""
    return JSONResponse(problem_of(status, detail).model_dump(), status, headers, media_type=MEDIA_TYPE)


PROBLEMS: dict[int | str, dict[str, object]] = {
    "4XX": {
        "description": "The request cannot be answered.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    "503": {"description": "The database is away.", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
}
"""What every operation may answer, for its description."""
