"""A gallery that is served: to a client without a network, and to a browser."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crowd
from rga.gallery.gallery import Gallery
from rga.gallery.web.application import application
from rga.gallery.web.guard.token import Token
from rga.gallery.web.limits import Limits
from rga.ranking.open_set.threshold import Threshold

THRESHOLD = Threshold(0.1, "cosine", "neck", False, 0.02, 0.01, 0.9, 300, 100, "market1501", "f")
TOKEN = "a-token-of-these-tests"
PLENTY = Limits(requests=1e6, burst=1e6, event_seconds=0.01)

MakeClient = Callable[..., TestClient]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image as a file that loses nothing."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def files(*images: NDArray[np.uint8]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Images as the fields of a form."""
    return [("images", (f"{number}.png", png(image), "image/png")) for number, image in enumerate(images)]


@pytest.fixture
def people(make_url: MakeUrl) -> Iterator[Gallery]:
    """A gallery of six named people, three images of each under three cameras, that is calibrated."""
    with Gallery.create(make_url(), PixelEmbedder(threshold=THRESHOLD)) as made:
        made.add(crowd(6, 3))
        yield made


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Makes clients that stand for a page of the server, or for a program with a token."""
    made: list[TestClient] = []

    def make(gallery: Gallery, token: str | None = None, limits: Limits = PLENTY, **options: Any) -> TestClient:
        app = application(gallery, token=None if token is None else Token(token), limits=limits, **options)
        client = TestClient(app, base_url="http://localhost", headers={"origin": "http://localhost"}, raise_server_exceptions=False)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(people: Gallery, make_client: MakeClient) -> TestClient:
    """A client of the gallery of six."""
    return make_client(people)


@pytest.fixture
def serve() -> Iterator[Callable[[Gallery], str]]:
    """Serves galleries on this machine, until the test is over; gives the address."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(gallery: Gallery, **options: Any) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(application(gallery, limits=PLENTY, **options), log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(30)
        listener.close()
