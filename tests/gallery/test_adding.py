"""Adding: once, in whole batches, with thumbnails as they were asked for."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from gallery.conftest import MakeUrl
from gallery.people import START, PixelEmbedder, crop_of, crowd, image_of
from rga.errors import InputError
from rga.gallery.crop import Box, Crop, Unreadable
from rga.gallery.gallery import Gallery
from rga.gallery.results import Added
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.writing import Thumbnails, sharpness_of, sighting_of


def test_adding_again_adds_and_embeds_nothing(gallery: Gallery) -> None:
    crops = crowd(4, 3)
    assert gallery.add(crops, batch_size=5) == Added(12, 0, 0)
    embedder = gallery.embedder
    assert isinstance(embedder, PixelEmbedder)
    before = embedder.seen
    assert gallery.add([*crops, crop_of(9), crops[0]], batch_size=5) == Added(1, 13, 0)
    assert embedder.seen == before + 1
    assert gallery.stats().sightings == 13


def test_all_that_a_crop_says_is_kept(gallery: Gallery) -> None:
    crop = crop_of(1, 2, frame=7, box=Box(1, 2.5, 3, 4), track=5, recording="r")
    gallery.add([crop])
    found = gallery.sighting(sighting_of(crop.content))
    assert (found.source, found.camera, found.time, found.name) == (crop.source, crop.camera, crop.time, crop.person)
    assert (found.frame, found.box, found.track, found.width, found.height) == (7, Box(1, 2.5, 3, 4), 5, 4, 6)
    assert found.recording == "r"
    assert found.sharpness == pytest.approx(sharpness_of(crop.image), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_what_is_said_first_stays_and_the_rest_is_told(gallery: Gallery, batch_size: int) -> None:
    first = replace(crop_of(1), camera="east", person="anna")
    other = replace(first, camera="west", person="berta")
    assert gallery.add([first, other], batch_size=batch_size) == Added(1, 1, 0, conflicts=1)
    found = gallery.sighting(sighting_of(first.content))
    assert (found.name, found.camera) == ("anna", "east")
    assert [person.name for person in gallery.people()] == ["anna"]
    later = START + timedelta(days=1)
    again = [first, replace(first, camera="", person="", time=None), replace(first, time=later)]
    assert [gallery.add([each], batch_size=batch_size).conflicts for each in again] == [0, 0, 1]
    gallery.name(gallery.find("anna").id, "Anna")
    assert gallery.add([first]).conflicts == 0
    gallery.add([crop_of(2, named=False)])
    assert gallery.add([crop_of(2)]).conflicts == 1  # that has no name until somebody gives it one


@pytest.mark.parametrize("image", [np.zeros((6, 4, 4), np.uint8), np.zeros((6, 4, 3), np.float32), np.zeros((6, 4), np.uint8), None])
def test_what_is_no_image_is_not_added(image: Any) -> None:
    with pytest.raises(InputError, match=r"^the image of a\.png is .*: expected an array of RGB"):
        Crop(image, "a", "a.png")


def test_an_interrupted_call_is_gone_on_with(gallery: Gallery) -> None:
    crops = crowd(3, 4)

    def broken() -> Iterator[Crop]:
        yield from crops[:10]
        raise KeyboardInterrupt

    reports: list[tuple[int, int]] = []
    with pytest.raises(KeyboardInterrupt):
        gallery.add(broken(), batch_size=4, total=12, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(4, 12), (8, 12)]
    assert gallery.stats().sightings == 8
    assert gallery.add(crops, batch_size=4) == Added(4, 8, 0)


def test_what_cannot_be_read_is_said(gallery: Gallery) -> None:
    result = gallery.add([crop_of(1), Unreadable("broken.jpg", "it is cut short"), crop_of(2)])
    assert (result.added, result.unreadable) == (2, (("broken.jpg", "it is cut short"),))


def test_people_of_one_name_are_one_person(gallery: Gallery) -> None:
    gallery.add(crowd(2, 2))
    (first, second) = gallery.people()
    assert [(each.name, each.sightings) for each in (first, second)] == [("p000", 2), ("p001", 2)]
    gallery.name(first.id, "Anna")
    gallery.add([crop_of(0, 7)])  # of the folder p000, who is Anna now
    assert gallery.person(first.id).sightings == 3
    assert gallery.person(first.id).name == "Anna"


@pytest.mark.parametrize("thumbnails", ["on", "off", "blurred"])
def test_thumbnails(make_url: MakeUrl, thumbnails: Thumbnails) -> None:
    stripes = np.zeros((400, 200, 3), np.uint8)
    stripes[::8] = 255
    with Gallery.create(make_url(), PixelEmbedder(), thumbnails=thumbnails) as gallery:
        gallery.add([Crop(stripes, "a", "a.jpg")])
        if thumbnails == "off":
            with pytest.raises(GalleryError, match="made without"):
                gallery.thumbnail(sighting_of("a"))
            return
        image = np.asarray(Image.open(io.BytesIO(gallery.thumbnail(sighting_of("a")))).convert("L"), np.float32)
        assert image.shape == (192, 96)
        contrast = image[50:-50].std()
        assert contrast < 3 if thumbnails == "blurred" else contrast > 20


def test_wrong_arguments_are_refused(make_url: MakeUrl, gallery: Gallery) -> None:
    with pytest.raises(InputError, match="thumbnails are on, off, blurred"):
        Gallery.create(make_url(), PixelEmbedder(), thumbnails="some")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="batch-size"):
        gallery.add([], batch_size=0)
    with pytest.raises(GalleryError, match="no sighting"):
        gallery.sighting(UUID(int=1))
    with pytest.raises(GalleryError, match="no sighting"):
        gallery.thumbnail(UUID(int=1))


def test_an_embedding_that_is_not_finite_is_refused(gallery: Gallery) -> None:
    class Broken(PixelEmbedder):
        def embed(self, images):  # type: ignore[no-untyped-def]
            return super().embed(images) * np.nan

    gallery.loaded = Broken()
    with pytest.raises(InputError, match="not finite"):
        gallery.add([crop_of(1)])
    assert gallery.stats().sightings == 0


def test_sharp_images_are_told_from_blurred_ones() -> None:
    sharp = image_of(3, noise=0)
    assert sharpness_of(sharp) > 100 * sharpness_of(np.full((6, 4, 3), 9, np.uint8))
    assert sharpness_of(np.zeros((2, 2, 3), np.uint8)) == 0
