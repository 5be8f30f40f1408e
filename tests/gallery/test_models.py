"""The model of a gallery: no other one's embeddings get in, and another one takes over as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crop_of, crowd, image_of
from rga.errors import InputError
from rga.gallery.crop import Crop
from rga.gallery.embedder import ModelEmbedder, normalised, open_embedder
from rga.gallery.gallery import Gallery
from rga.gallery.store.errors import GalleryError, OtherModelError
from rga.gallery.store.postgresql.database import SCHEMA
from rga.pretrained.small import __file__ as shipped
from rga.ranking.open_set.calibration import save_threshold
from rga.ranking.open_set.threshold import Threshold
from rga.reid.model import ReidModel


def test_another_model_is_refused(make_url: MakeUrl) -> None:
    url = make_url()
    with Gallery.create(url, PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 2))
        with pytest.raises(OtherModelError, match=r"holds embeddings of the model pixels .*rga gallery rebuild"):
            Gallery.open(url, PixelEmbedder("other"))
        gallery.loaded = PixelEmbedder("other")
        with pytest.raises(OtherModelError):
            gallery.add([crop_of(7)])
        with pytest.raises(OtherModelError):
            gallery.search([image_of(1)])
        assert gallery.stats().sightings == 4


def test_rebuilding_switches_when_nothing_is_missing(make_url: MakeUrl) -> None:
    url, crops, other = make_url(), crowd(5, 2), PixelEmbedder("other")
    with Gallery.create(url, PixelEmbedder()) as gallery:
        gallery.add(crops)
        with pytest.raises(GalleryError, match="has this model already"):
            gallery.rebuild(PixelEmbedder(), crops)
        half = gallery.rebuild(other, [*crops[:6], crop_of(77)], batch_size=4)
        assert (half.embedded, half.missing, half.switched) == (6, 4, False)
        assert gallery.search([image_of(4, 99)]).groups[0].name == "p004"  # with the model before
        assert any("6 of 10" in finding.details for finding in gallery.doctor())

        def broken() -> Iterator[Crop]:
            yield from crops[:8]
            raise KeyboardInterrupt

        seen = other.seen
        with pytest.raises(KeyboardInterrupt):
            gallery.rebuild(other, broken(), batch_size=2)
        assert other.seen == seen + 3  # two images, and one that tells the size
        whole = gallery.rebuild(other, crops)
        assert (whole.embedded, whole.missing, whole.switched) == (2, 0, True)
        assert gallery.search([image_of(4, 99)]).groups[0].name == "p004"
        assert gallery.stats().fingerprint == "other"
        with psycopg.connect(gallery.database.url) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_name LIKE 'embeddings%%'", [SCHEMA]
            ).fetchall()
        assert tables == [("embeddings_2",)]
    with Gallery.open(url, other) as gallery:
        assert gallery.search([image_of(2, 99)]).groups[0].name == "p002"
    with pytest.raises(OtherModelError):
        Gallery.open(url, PixelEmbedder())


def test_a_model_that_is_changed_meanwhile_is_noticed(make_url: MakeUrl) -> None:
    crops = crowd(4, 2)
    with Gallery.create(make_url(), PixelEmbedder()) as gallery, Gallery.open(gallery.where, PixelEmbedder()) as other:
        gallery.add(crops[:4])

        def changing() -> Iterator[Crop]:
            yield from crops[4:6]
            assert gallery.rebuild(PixelEmbedder("other"), crops).switched
            yield from crops[6:]

        with pytest.raises(OtherModelError, match="other"):
            other.add(changing(), batch_size=2)
        with pytest.raises(OtherModelError):
            other.search([image_of(1)])
        assert gallery.stats().sightings == 6


def numbers_of(gallery: Gallery) -> tuple[list[tuple[int, str]], list[str]]:
    """The models of a gallery and the tables of embeddings."""
    with psycopg.connect(gallery.database.url) as connection:
        models = connection.execute(f"SELECT number, state FROM {SCHEMA}.models ORDER BY 1").fetchall()
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_name LIKE 'embeddings%%'", [SCHEMA]
        ).fetchall()
    return models, [name for (name,) in tables]


def test_two_rebuilds_to_one_model_end_with_it(make_url: MakeUrl) -> None:
    crops = crowd(3, 2)
    with Gallery.create(make_url(), PixelEmbedder()) as gallery, Gallery.open(gallery.where, PixelEmbedder()) as other:
        gallery.add(crops)

        def meanwhile() -> Iterator[Crop]:
            yield from crops
            assert gallery.rebuild(PixelEmbedder("other"), crops).switched

        done = other.rebuild(PixelEmbedder("other"), meanwhile())
        assert (done.missing, done.switched) == (0, True)
        assert numbers_of(gallery) == ([(2, "active")], ["embeddings_2"])
        for each in (gallery, other):
            assert each.search([image_of(1, 99)]).groups[0].name == "p001"


def test_a_switch_whose_answer_was_lost_is_done_once(gallery: Gallery, lost_answers: None) -> None:
    gallery.add(crowd(3, 2))
    assert gallery.rebuild(PixelEmbedder("other"), crowd(3, 2)).switched
    assert numbers_of(gallery) == ([(2, "active")], ["embeddings_2"])
    assert gallery.search([image_of(1, 99)]).groups[0].name == "p001"


@pytest.mark.parametrize("given", [6, 0])
def test_a_rebuild_whose_table_was_removed_says_so(make_url: MakeUrl, given: int) -> None:
    """Another process has gone from the first model to the second one and back, or on."""
    crops = crowd(3, 2)
    with Gallery.create(make_url(), PixelEmbedder()) as gallery, Gallery.open(gallery.where, PixelEmbedder()) as other:
        gallery.add(crops)

        def meanwhile() -> Iterator[Crop]:
            yield from crops[:given]
            assert gallery.rebuild(PixelEmbedder("other"), crops).switched
            assert gallery.rebuild(PixelEmbedder("third"), crops).switched
            yield from crops[given:]

        with pytest.raises(OtherModelError, match="were removed meanwhile, and the gallery has third"):
            other.rebuild(PixelEmbedder("other"), meanwhile(), batch_size=2)
        assert numbers_of(gallery) == ([(3, "active")], ["embeddings_3"])


def test_numbers_of_models_are_not_given_twice(make_url: MakeUrl) -> None:
    """What still knows a model that was removed would otherwise write into the table of another one."""
    with Gallery.create(make_url(), PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 1))
        assert not gallery.rebuild(PixelEmbedder("second"), []).switched
        assert gallery.rebuild(PixelEmbedder("third"), crowd(2, 1)).switched
        assert gallery.rebuild(PixelEmbedder("second"), crowd(2, 1)).switched  # and the third one, the last, is gone
        assert not gallery.rebuild(PixelEmbedder("fourth"), []).switched
        assert numbers_of(gallery) == ([(2, "active"), (4, "filling")], ["embeddings_2", "embeddings_4"])


def test_what_is_missing_is_named_and_a_calibration_of_its_own_is_to_be_made_again(make_url: MakeUrl) -> None:
    threshold = Threshold(0.1, "cosine", "neck", False, 0.02, 0.01, 0.9, 300, 100, "people", "f")
    with Gallery.create(make_url(), PixelEmbedder(threshold=threshold)) as gallery:
        crops = crowd(12, 2)
        gallery.add(crops)
        half = gallery.rebuild(PixelEmbedder("other"), crops[:-7])
        assert (half.missing, half.lacking) == (7, tuple(crop.source for crop in crops[-7:-2]))
        done = gallery.rebuild(PixelEmbedder("other"), crops)
        assert (done.switched, done.lacking, done.calibrate_again) == (True, (), False)
        gallery.calibrate(0.1)
        assert not gallery.rebuild(PixelEmbedder("third", threshold=threshold), []).calibrate_again
        assert gallery.rebuild(PixelEmbedder("third", threshold=threshold), crops).calibrate_again
        assert gallery.calibration is not None
        assert gallery.calibration.data == "people"


def test_a_sighting_that_is_removed_while_it_is_embedded_again_is_left_out(make_url: MakeUrl) -> None:
    with Gallery.create(make_url(), PixelEmbedder()) as gallery:
        gallery.add(crowd(3, 2))

        class Removing(PixelEmbedder):
            def embed(self, images: Any) -> Any:
                if len(images) == 6:
                    gallery.remove(person=gallery.find("p001").id)
                return super().embed(images)

        assert gallery.rebuild(Removing("other"), crowd(3, 2)).switched
        assert gallery.stats().sightings == 4


def test_a_model_that_ships_is_opened_by_its_name() -> None:
    embedder = open_embedder("small")
    assert isinstance(embedder, ModelEmbedder)
    rows = embedder.embed([np.full((40, 20, 3), 90, np.uint8), np.full((90, 30, 3), 190, np.uint8)])
    assert rows.shape[0] == 2
    flipped = open_embedder("small", flip=True)
    assert flipped.fingerprint == f"{embedder.fingerprint} flip"
    assert Path(shipped).exists()


def test_embeddings_have_length_one() -> None:
    rows = normalised(np.array([[3.0, 4.0], [0.0, 2.0]], np.float32))
    assert rows.ravel().tolist() == pytest.approx([0.6, 0.8, 0, 1])
    for wrong in (np.zeros((1, 2)), np.array([[np.nan, 1]]), np.ones((2, 4001)), np.ones(3)):
        with pytest.raises(InputError):
            normalised(wrong.astype(np.float32))


@pytest.mark.parametrize(
    ("changes", "taken"), [({}, True), ({"frames": "spread"}, False), ({"flip": True}, False), ({"metric": "euclidean"}, False)]
)
def test_a_threshold_of_other_distances_than_the_gallerys_is_not_taken(tmp_path: Path, changes: dict[str, Any], taken: bool) -> None:
    model = ReidModel("test_resnet", image_size=(32, 16), attention="none", frames=2)
    model.save_pretrained(tmp_path)
    threshold = Threshold(0.4, "cosine", model.feature, False, 0.01, 0.01, 0.8, 500, 2000, "people", "0" * 16)
    save_threshold(tmp_path, replace(threshold, **changes))
    assert open_embedder(tmp_path).threshold == (threshold if taken else None)
