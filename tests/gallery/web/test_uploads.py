"""Images that are sent: how many, how large, of which kind, and what they claim to be."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.datastructures import UploadFile
from starlette.testclient import TestClient

from gallery.people import image_of
from gallery.web.conftest import MakeClient, files, png
from rga.gallery.gallery import Gallery
from rga.gallery.web import uploads
from rga.gallery.web.limits import Limits

SMALL = Limits(file_bytes=2000, pixels=5000, query_images=2, added_images=3)


@pytest.fixture
def small(gallery: Gallery, make_client: MakeClient) -> TestClient:
    return make_client(gallery, limits=SMALL)


def sent(client: TestClient, name: str, contents: bytes, path: str = "/api/sightings") -> Any:
    return client.post(path, files=[("images", (name, contents, "image/jpeg"))])


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge: a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("path", ["/api/sightings", "/api/search", "/search", "/add"])
@pytest.mark.parametrize("size", [(30_000, 30_000), (100_000, 100_000), (101, 50)])
def test_a_bomb_is_seen_before_it_is_unpacked(small: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, size: tuple[int, int]) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    answer = sent(small, "bomb.png", bomb(*size), path)
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_images_that_fit_are_taken(small: TestClient) -> None:
    assert sent(small, "a.png", png(np.zeros((100, 50, 3), np.uint8) + 7)).json()["added"] == 1


@pytest.mark.parametrize(
    "contents",
    [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"%PDF-1.7", b"<html>", b"MZ", b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF"],
)
def test_a_file_is_what_its_contents_are(small: TestClient, contents: bytes) -> None:
    """The name and the type that were sent say JPEG."""
    answer = sent(small, "a.jpg", contents)
    assert answer.status_code == 415
    assert answer.json()["detail"] == "this is no image that can be read here: a.jpg; send JPEG, PNG, WebP or BMP"


def test_damaged_images_are_told(small: TestClient) -> None:
    answer = sent(small, "a.png", png(image_of(0))[:-30])
    assert answer.status_code == 422
    assert "a.png cannot be read as an image" in answer.json()["detail"]


def test_files_have_a_size_and_a_number(small: TestClient) -> None:
    assert sent(small, "a.png", png(image_of(0)) + b"\0" * 2000).status_code == 413
    assert small.post("/api/search", files=files(*(image_of(each) for each in range(3)))).status_code == 413
    assert small.post("/api/sightings", files=files(*(image_of(each) for each in range(4)))).status_code == 413
    assert small.post("/api/sightings", files=files(*(image_of(each) for each in range(3)))).json()["added"] == 3


def test_the_name_of_a_file_is_no_path(small: TestClient, gallery: Gallery) -> None:
    (sighting,) = sent(small, "../../../etc/cron.d/evil.png", png(image_of(0))).json()["sightings"]
    assert small.get(f"/api/sightings/{sighting}").json()["source"] == "evil.png"


@pytest.mark.parametrize("path", ["/api/sightings", "/api/search", "/search", "/add"])
def test_what_is_sent_is_never_on_a_disk(gallery: Gallery, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    large = png(np.random.default_rng(0).integers(0, 255, (1200, 600, 3)).astype(np.uint8))
    on_disk = []

    def watched(file: UploadFile, limits: Limits) -> uploads.Received:
        on_disk.append(vars(file.file)["_rolled"])  # a SpooledTemporaryFile says it nowhere else
        return receive_one(file, limits)

    receive_one = uploads.receive_one
    monkeypatch.setattr(uploads, "receive_one", watched)
    answer = sent(make_client(gallery), "large.png", large, path)
    assert (answer.is_success, len(large) > 2_000_000, on_disk) == (True, True, [False])


def test_what_was_sent_is_never_sent_back(client: TestClient) -> None:
    """The preview is drawn anew: what hides behind the image stays there."""
    image = Image.fromarray(image_of(0))
    hidden = png(np.asarray(image)) + b"<script>alert(1)</script>"
    found = client.post("/search", files=[("images", ("a.png", hidden, "text/html"))])
    assert found.url.path == "/search"
    preview = client.get(f"/images/{found.url.params['q']}")
    assert preview.headers["content-type"] == "image/jpeg"
    assert b"script" not in preview.content
