"""How much one request may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        request_bytes: of a request with files.
        text_bytes: of a request without.
        file_bytes: of one file.
        pixels: of one image, when it is decoded.
        query_images: that one search may have.
        added_images: that may be added at once.
        requests: that one client may make in a second, in the long run; what changes or searches counts ten times.
        burst: of requests that may come at once.
        held_bytes: of all images that were searched with, and are kept to refine the search.
        held_seconds: for which they are kept after they were used last.
        computing: images are decoded and embedded by so many requests at a time.
        streams: of events, at a time.
        event_seconds: between two looks for new sightings.
    """

    request_bytes: int = 64 * MEGABYTE
    text_bytes: int = MEGABYTE // 4
    file_bytes: int = 16 * MEGABYTE
    pixels: int = 50_000_000
    query_images: int = 16
    added_images: int = 100
    requests: float = 50
    burst: float = 600
    held_bytes: int = 256 * MEGABYTE
    held_seconds: float = 1800
    computing: int = 2
    streams: int = 8
    event_seconds: float = 2
