"""Why two images are taken for the same person: maps of a network of PyTorch, and what is said where there is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from gallery.conftest import MakeUrl
from gallery.people import image_of
from gallery.web.conftest import MakeClient, files
from rga.gallery.crop import Crop
from rga.gallery.embedder import ModelEmbedder
from rga.gallery.gallery import Gallery
from rga.reid.model import ReidModel

pytest.importorskip("captum")


def person(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 32, 3), np.uint8)


def found_by(client: TestClient, image: np.ndarray) -> tuple[str, str]:
    """The name of a query, and the sighting that it found first."""
    answer = client.post("/search", files=files(image))
    sighting = client.post("/api/search", files=files(image)).json()["groups"][0]["best"]["sighting"]["id"]
    return answer.url.params["q"], sighting


def test_each_image_speaks_for_the_other(make_url: MakeUrl, make_client: MakeClient) -> None:
    torch.manual_seed(0)
    embedder = ModelEmbedder(ReidModel("test_resnet", image_size=(64, 32)).eval(), "tiny", {"model": "tiny", "flip": False}, None)
    with Gallery.create(make_url(), embedder) as gallery:
        gallery.add([Crop(person(each), str(each), f"{each}.png") for each in range(3)])
        client = make_client(gallery)
        query, sighting = found_by(client, person(7))
        assert f'href="/why/{query}/{sighting}"' in client.get("/search", params={"q": query}).text
        shown = client.get(f"/why/{query}/{sighting}")
        assert shown.status_code == 200
        maps = []
        for which in ("searched", "found"):
            assert f'src="/why/{query}/{sighting}/{which}"' in shown.text
            answer = client.get(f"/why/{query}/{sighting}/{which}")
            image = Image.open(io.BytesIO(answer.content))
            assert (answer.headers["content-type"], image.size) == ("image/jpeg", (64, 128))
            maps.append(np.asarray(image).astype(float))
        assert np.abs(maps[0] - maps[1]).mean() > 1
        coloured = maps[0].max(axis=2) - maps[0].min(axis=2)
        assert coloured.max() > 50
        assert client.get(f"/why/{query}/{sighting}/else").status_code == 422
        assert client.get(f"/why/{sighting}/{sighting}/found").status_code == 404


def test_where_nothing_can_be_explained_it_is_said(client: TestClient) -> None:
    query, sighting = found_by(client, image_of(1, 99))
    assert "/why/" not in client.get("/search", params={"q": query}).text
    answer = client.get(f"/why/{query}/{sighting}")
    assert answer.status_code == 409
    assert "tells features alone" in answer.text
    assert client.get(f"/why/{query}/{sighting}/found").status_code == 409
