"""Searching: the nearest, by person and track, filtered, and "unknown" where nobody is near."""

import os
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from gallery.conftest import MakeUrl
from gallery.people import START, PixelEmbedder, crop_of, crowd, image_of
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import SearchResult
from rga.gallery.store import indexing, searching
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.postgresql.database import Connection
from rga.gallery.store.writing import sighting_of
from rga.ranking.open_set.threshold import Threshold

THRESHOLD = Threshold(0.1, "cosine", "neck", False, 0.02, 0.01, 0.9, 300, 100, "market1501", "f")


def names(result: SearchResult) -> list[str]:
    return [group.name for group in result.groups]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (each.astype(np.float64).ravel() - 127.5 for each in (one, other))
    return float(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_nearest_by_person(gallery: Gallery) -> None:
    gallery.add(crowd(8, 3))
    query = image_of(5, 99)
    result = gallery.search([query], top=3)
    assert names(result)[0] == "p005"
    best = result.groups[0]
    assert (best.total, len(best.sightings), best.track) == (3, 3, None)
    expected = sorted(cosine(query, image_of(5, number)) for number in range(3))
    assert [found.distance for found in best.sightings] == pytest.approx(expected, abs=2e-3)
    assert best.distance == best.best.distance == best.sightings[0].distance
    assert len(result.groups) == 3
    assert [group.distance for group in result.groups] == sorted(group.distance for group in result.groups)
    assert (result.searched, result.exact) == (24, True)


def test_people_with_many_sightings_leave_room_for_others(gallery: Gallery) -> None:
    gallery.add([*(crop_of(1, number) for number in range(150)), *crowd(5, 1)])
    result = gallery.search([image_of(1, 999)], top=4)
    assert len(result.groups) == 4
    assert result.groups[0].total == 150


def test_tracks_are_groups(gallery: Gallery) -> None:
    track = [crop_of(1, number, named=False, source="a.mp4", track=4) for number in range(3)]
    gallery.add([*track, crop_of(2, 0, named=False, source="a.mp4", track=5), crop_of(1, 9, named=False)])
    result = gallery.search([image_of(1, 99)])
    groups = {group.track: group for group in result.groups}
    assert set(groups) == {("a.mp4", 4), ("a.mp4", 5), None}
    assert groups["a.mp4", 4].total == 3
    assert groups[None].total == 1


def test_tracks_of_one_number_are_told_apart_by_their_recordings(gallery: Gallery) -> None:
    gallery.add([crop_of(1, n, named=False, source="today.mp4", track=0, recording="cam1", camera="cam1") for n in range(3)])
    gallery.add([crop_of(2, n, named=False, source="today.mp4", track=0, recording="cam2", camera="cam2") for n in range(4)])
    gallery.add([crop_of(3, n, named=False, source=f"{n:04}.png", track=0, recording="frames") for n in range(5)])
    groups = {group.best.sighting.recording: group for group in gallery.search([image_of(1, 99)]).groups}
    assert {recording: (group.total, len(group.sightings)) for recording, group in groups.items()} == {
        "cam1": (3, 3),
        "cam2": (4, 4),
        "frames": (5, 5),
    }
    assert groups["cam1"].track == groups["cam2"].track == ("today.mp4", 0)
    assert {each.sighting.camera for each in groups["cam1"].sightings} == {"cam1"}


def test_filters(gallery: Gallery) -> None:
    gallery.add([*crowd(3, 6), crop_of(0, 50, time=None)])
    query = [image_of(0, 99)]
    found = gallery.search(query, cameras=["c1"]).groups[0].sightings
    assert {each.sighting.camera for each in found} == {"c1"}
    assert len(found) == 2
    found = gallery.search(query, since=START + timedelta(hours=2), until=START + timedelta(hours=4)).groups[0].sightings
    assert sorted(each.sighting.time for each in found if each.sighting.time) == [START + timedelta(hours=2), START + timedelta(hours=3)]
    assert gallery.search(query, since=START + timedelta(days=9)).groups == ()
    assert gallery.search(query, since=START + timedelta(days=9)).decision == "unknown"


def test_unknown_is_said(make_url: MakeUrl) -> None:
    with Gallery.create(make_url(), PixelEmbedder(threshold=THRESHOLD)) as gallery:
        gallery.add(crowd(10, 5))
        assert gallery.search([image_of(3, 99)]).decision == "match"
        stranger = gallery.search([image_of(77)])
        assert stranger.decision == "unknown"
        assert {group.decision for group in stranger.groups} == {"unknown"}
        assert stranger.calibration is not None
        assert stranger.calibration.match == 0.1
        assert stranger.false_alarm_rate == pytest.approx(1 - 0.99**0.5)  # half as many sightings as when it was measured


def test_without_a_calibration_nothing_is_a_match(gallery: Gallery) -> None:
    gallery.add(crowd(2, 1))
    result = gallery.search([image_of(1, 0)])
    assert (result.decision, result.calibration, result.false_alarm_rate) == ("unsure", None, None)


def test_calibrated_on_its_own_people(gallery: Gallery) -> None:
    gallery.add(crowd(30, 4))
    found = gallery.calibrate(0.02, 0.5)
    assert found.false_alarm_rate <= 0.02
    assert 0.4 < found.unsure_rate <= 0.5
    assert found.match < found.unsure
    assert found.found_rate == 1
    assert (found.gallery, found.queries) == (120, 120)
    assert gallery.calibration == found
    assert gallery.search([image_of(3, 99)]).decision == "match"
    decisions = [gallery.search([image_of(person)]).decision for person in range(1000, 1040)]
    assert decisions.count("match") <= 3
    assert "unsure" in decisions
    assert "unknown" in decisions


def test_calibration_needs_people(gallery: Gallery) -> None:
    gallery.add(crowd(4, 5))
    with pytest.raises(InputError, match="knows 4"):
        gallery.calibrate()
    with pytest.raises(InputError, match="rates lie between"):
        gallery.calibrate(0.5, 0.1)


def test_several_images_are_fused(gallery: Gallery) -> None:
    gallery.add(crowd(6, 2))
    queries = [image_of(2, 90), image_of(4, 91)]
    result = gallery.search(queries, top=6)
    assert set(names(result)[:2]) == {"p002", "p004"}
    for group in result.groups[:2]:
        person = int(group.name[1:])
        image = image_of(person, int(group.best.sighting.source[5:9]))
        assert group.distance == pytest.approx(np.mean([cosine(query, image) for query in queries]), abs=2e-3)
        assert group.best.nearest == [2, 4].index(person)


def test_examples_of_what_is_sought_and_what_is_not(gallery: Gallery) -> None:
    gallery.add(crowd(6, 3))
    wrong, right = sighting_of("content 2 0"), sighting_of("content 4 0")
    assert names(gallery.search([], like=[right], top=1)) == ["p004"]
    assert right not in {each.sighting.id for each in gallery.search([], like=[right], top=1).groups[0].sightings}
    both = gallery.search([image_of(2, 9)], like=[right], top=2)
    assert set(names(both)) == {"p002", "p004"}
    turned = gallery.search([image_of(2, 9), image_of(4, 9)], unlike=[wrong], top=6)
    assert names(turned)[0] == "p004"
    found = {each.sighting.id for group in turned.groups for each in group.sightings}
    assert wrong not in found
    assert sighting_of("content 2 1") in found
    with pytest.raises(GalleryError, match="to serve as an example"):
        gallery.search([], like=[sighting_of("nothing")])


def test_reranking_orders_anew_and_keeps_distances(gallery: Gallery) -> None:
    gallery.add(crowd(6, 5, named=False))
    query = [image_of(3, 99, noise=40)]
    plain, reranked = (gallery.search(query, rerank=rerank, top=30) for rerank in (False, True))

    def distances(result: SearchResult) -> dict[str, float]:
        return {group.best.sighting.source: round(group.distance, 3) for group in result.groups}

    assert distances(plain) == pytest.approx(distances(reranked), abs=2e-3)
    assert list(distances(plain)) != list(distances(reranked))
    assert {source[:4] for source in list(distances(reranked))[:5]} == {"0003"}


def test_nothing_to_search_with(gallery: Gallery) -> None:
    with pytest.raises(InputError, match="at least one image"):
        gallery.search([])
    with pytest.raises(InputError, match="top"):
        gallery.search([image_of(1)], top=0)
    assert gallery.search([image_of(1)]).groups == ()
    assert gallery.search([image_of(1)]).decision == "unknown"


def test_what_is_no_image_is_not_searched_with(gallery: Gallery) -> None:
    gallery.add(crowd(2, 2))
    image = image_of(1)
    wrong: dict[str, Any] = {
        r"image 1 of a search .* is uint8 of the shape \(4, 3\)": image,  # as rows that would be images of their own
        r"image 2 of a search .* \(6, 4, 4\)": [image, np.zeros((6, 4, 4), np.uint8)],
        "image 1 of a search .* is float32": [image.astype(np.float32)],
        "is bytes: expected an array of RGB": [b"no array"],
    }
    for said, images in wrong.items():
        with pytest.raises(InputError, match=said):
            gallery.search(images)
    assert names(gallery.search([*image[None]]))[0] == "p001"


def test_cameras_that_are_not_there_are_named(gallery: Gallery) -> None:
    with pytest.raises(InputError, match="knows no camera 'c1': none of its sightings has one"):
        gallery.search([image_of(1)], cameras=["c1"])
    gallery.add([*crowd(3, 3), crop_of(7, camera="")])
    with pytest.raises(InputError, match=r"cameras is the text 'c1', and several are taken: write \['c1'\]"):
        gallery.search([image_of(1)], cameras="c1")
    with pytest.raises(InputError, match="knows no camera 'c11': did you mean c1"):
        gallery.search([image_of(1)], cameras=["c0", "c11"])
    assert len(gallery.search([image_of(1)], cameras=[""]).groups) == 1


def test_times_without_a_zone_are_refused(gallery: Gallery) -> None:
    naive = START.replace(tzinfo=None)
    for name in ("since", "until"):
        with pytest.raises(InputError, match=f"{name} is 2026-05-01T12:00:00, without a time zone"):
            gallery.search([image_of(1)], **{name: naive})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the time of 0001_0000\.jpg is .*, without a time zone"):
        crop_of(1, time=naive)


def test_so_many_are_searched_as_the_filter_keeps(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.add(crowd(40, 3))
    gallery.database.run(lambda connection: connection.execute("ANALYZE sightings"))
    assert gallery.search([image_of(1)]).searched == 120
    for few in (20_000, 10):  # above it, as PostgreSQL estimates it
        monkeypatch.setattr(searching, "FEW_ROWS", few)
        assert gallery.search([image_of(1)], cameras=["c0"]).searched == 40
    assert gallery.search([image_of(1)], since=START + timedelta(hours=1), cameras=["c2"]).searched == pytest.approx(40, abs=20)


def test_the_index_finds_what_a_comparison_of_all_finds(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "EXACT_ROWS", 100)
    monkeypatch.setattr(searching, "FEW_ROWS", 100)
    assert gallery.add(crowd(60, 5, named=False)).indexed
    assert gallery.stats().indexed
    queries = [image_of(person, 99) for person in range(0, 60, 6)]
    for query in queries:
        by_index, exact = gallery.search([query], top=10), gallery.search([query], top=10, exact=True)
        assert (by_index.exact, exact.exact) == (False, True)
        sources = [{group.best.sighting.source for group in result.groups} for result in (by_index, exact)]
        assert len(sources[0] & sources[1]) >= 9
    filtered = gallery.search([queries[0]], cameras=["c0", "c1"], until=START + timedelta(hours=9))  # keeps more than 100
    assert not filtered.exact
    assert {group.best.sighting.camera for group in filtered.groups} == {"c0", "c1"}
    assert len(filtered.groups) == 20
    assert gallery.search([queries[0]], cameras=["c2"]).exact  # keeps 60
    healthy = {finding.what: finding.healthy for finding in gallery.doctor()}
    assert healthy["index"]


def test_an_index_that_gives_up_before_the_filter_is_satisfied_is_not_believed(make_url: MakeUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index ends after so many rows, here the nearest ones, which are all of the other camera, person or time."""
    monkeypatch.setattr(indexing, "EXACT_ROWS", 100)
    monkeypatch.setattr(searching, "FEW_ROWS", 10)
    monkeypatch.setattr(searching, "LARGEST_EF_SEARCH", 100)
    url = make_url()
    with Gallery.create(url, PixelEmbedder(threshold=THRESHOLD)) as gallery:
        near = [crop_of(0, number, camera="day") for number in range(700)]
        far = [crop_of(person, 5000 + person, camera="night") for person in range(1, 61)]
        assert gallery.add([*near, *far]).indexed
    with Gallery.open(url + "&options=-chnsw.max_scan_tuples%3D1%20-cenable_sort%3Doff", PixelEmbedder()) as gallery:
        query = [image_of(0, 9999)]
        assert not gallery.search(query, top=1, cameras=["day"]).exact
        for kept in ({"cameras": ["night"]}, {"since": START + timedelta(hours=5000)}):
            found, exact = (gallery.search(query, top=20, exact=how, **kept) for how in (None, True))
            assert found == exact
            assert found.exact
            assert len(found.groups) == 20
        everybody = gallery.search(query, top=20)  # a later round leaves the first one out
        assert len(everybody.groups) == 20
        gallery.hide(gallery.find("p000").id)
        assert [group.name for group in gallery.search(query, top=20).groups] == names(exact)


def test_a_search_that_a_filter_narrows_takes_rows_one_by_one(gallery: Gallery) -> None:
    gallery.add(crowd(8, 3))

    def costs(kept: searching.Filter) -> list[str]:
        def work(connection: Connection) -> list[str]:
            searching.nearest(connection, gallery.model, np.ones(gallery.model.dimensions), 3, kept)
            names = ("max_parallel_workers_per_gather", "random_page_cost")
            return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]  # type: ignore[index]

        return gallery.database.run(work, reads=True)

    assert costs(searching.Filter(cameras=("c0",))) == ["0", "1.1"]
    assert costs(searching.Filter())[0] != "0"  # all rows are read, which several processes may do


def without_shared_memory(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuses what several processes of the server would build together, as a container with little shared memory does; what was built."""
    built: list[str] = []
    execute = psycopg.Connection.execute

    def refuse(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(self)
        if "INDEX CONCURRENTLY" in text:
            row = execute(self, "SHOW max_parallel_maintenance_workers").fetchone()
            assert row is not None
            if row[0] != "0":
                raise psycopg.errors.DiskFull("could not resize shared memory segment")
            built.append(text.split()[0])
        return execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", refuse)
    return built


def test_an_index_is_built_by_one_process_where_several_have_no_memory_to_share(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "EXACT_ROWS", 50)
    built = without_shared_memory(monkeypatch)
    assert gallery.add(crowd(20, 5)).indexed
    assert gallery.remove(camera="c0").reindexed
    assert built == ["CREATE", "REINDEX"]
    assert not gallery.search([image_of(1, 99)]).exact


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set in the environment")])
def test_a_user_without_a_name_searches(gallery: Gallery, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nameless)
    gallery.add(crowd(2, 1))
    gallery.search([image_of(1)])
    assert gallery.audit()[0][1] == f"user {os.getuid()}"


def test_searches_are_in_the_audit_log_and_say_nothing_about_people(gallery: Gallery) -> None:
    gallery.add(crowd(3, 1))
    gallery.search([image_of(1)], cameras=["c0"], who="Berta")
    (_, who, what, details), *_ = gallery.audit()
    assert (who, what) == ("Berta", "search")
    assert details["cameras"] == ["c0"]
    assert details["images"] == 1
    assert "p001" not in str(details)
