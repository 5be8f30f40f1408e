"""Two who correct the same people at once: one waits for the other, and then sees what that one did."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from gallery.people import PixelEmbedder, crop_of, crowd, image_of
from rga.gallery.crop import Crop
from rga.gallery.embedder import normalised
from rga.gallery.gallery import Gallery
from rga.gallery.query import answer
from rga.gallery.results import SearchResult
from rga.gallery.store.errors import GalleryError, OtherModelError
from rga.gallery.store.people import assign_sightings, merge_people
from rga.gallery.store.postgresql.database import SCHEMA, Connection
from rga.gallery.store.writing import row_of, sighting_of, write_sightings

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'"


def meanwhile(gallery: Gallery, first: Callable[[Connection], object], second: Callable[[], object]) -> list[BaseException]:
    """Does something in a transaction that ends when somebody else waits for it; what the other one raised."""
    raised: list[BaseException] = []

    def other() -> None:
        try:
            second()
        except GalleryError as error:
            raised.append(error)

    with psycopg.connect(gallery.database.url) as connection, psycopg.connect(gallery.database.url, autocommit=True) as watch:
        connection.execute(f"SET search_path TO {SCHEMA}, public")
        first(connection)
        thread = Thread(target=other)
        thread.start()
        while watch.execute(WAITING).fetchone() is None and thread.is_alive():
            pass
        connection.commit()
        thread.join()
    return raised


@pytest.fixture
def three(gallery: Gallery) -> list[UUID]:
    """Three people."""
    gallery.add(crowd(3, 1))
    return [person.id for person in gallery.people()]


def test_nobody_is_merged_into_oneself(gallery: Gallery, three: list[UUID]) -> None:
    a, b, _ = three
    (error,) = meanwhile(gallery, lambda connection: merge_people(connection, uuid4(), b, [a]), lambda: gallery.merge(a, [b]))
    assert "nobody to merge" in str(error)
    assert [(person.name, person.sightings) for person in gallery.people()] == [("p001", 2), ("p002", 1)]
    assert gallery.person(a).id == b
    gallery.undo()
    assert [person.sightings for person in gallery.people()] == [1, 1, 1]


def test_who_was_merged_goes_along_with_whom_they_were_merged_into(gallery: Gallery, three: list[UUID]) -> None:
    a, b, c = three
    assert not meanwhile(gallery, lambda connection: merge_people(connection, uuid4(), b, [a]), lambda: gallery.merge(c, [b]))
    assert [(person.name, person.sightings) for person in gallery.people()] == [("p002", 3)]
    assert gallery.person(a).id == gallery.person(b).id == c
    assert all(finding.healthy for finding in gallery.doctor())
    gallery.undo()
    assert [(person.name, person.sightings) for person in gallery.people()] == [("p001", 2), ("p002", 1)]


def test_who_is_on_a_sighting_is_read_when_it_is_certain(gallery: Gallery, three: list[UUID]) -> None:
    gallery.add([crop_of(8, 0, named=False), crop_of(9, 0, named=False)])
    one, other = (sighting_of(f"content {person} 0") for person in (8, 9))
    assert not meanwhile(
        gallery, lambda connection: assign_sightings(connection, uuid4(), [one], three[0]), lambda: gallery.same(one, other)
    )
    assert gallery.sighting(one).name == gallery.sighting(other).name == "p000"


def test_a_removal_takes_whom_somebody_merges_meanwhile(gallery: Gallery, three: list[UUID]) -> None:
    a, b, _ = three
    assert not meanwhile(gallery, lambda connection: merge_people(connection, uuid4(), a, [b]), lambda: gallery.remove(person=a))
    assert [person.name for person in gallery.people()] == ["p002"]
    assert [group.name for group in gallery.search([image_of(1)]).groups] == ["p002"]


def write(connection: Connection, gallery: Gallery, *crops: Crop) -> None:
    """Adds crops in a transaction that others hold open."""
    features = normalised(PixelEmbedder().embed([crop.image for crop in crops]))
    write_sightings(connection, gallery.model, [row_of(crop, "on") for crop in crops], features, datetime.now(UTC))


def test_a_removal_takes_what_is_being_enrolled_of_the_person(gallery: Gallery, three: list[UUID]) -> None:
    assert not meanwhile(gallery, lambda connection: write(connection, gallery, crop_of(0, 5)), lambda: gallery.remove(person=three[0]))
    assert gallery.stats().sightings == 2
    assert [person.name for person in gallery.people()] == ["p001", "p002"]


def test_who_is_removed_while_being_enrolled_is_added_anew(gallery: Gallery, three: list[UUID]) -> None:
    def removing(connection: Connection) -> None:
        connection.execute("DELETE FROM sightings WHERE person = %s", [three[0]])
        connection.execute("DELETE FROM people WHERE person = %s", [three[0]])

    assert not meanwhile(gallery, removing, lambda: gallery.add([crop_of(0, 5)]))
    assert [(person.name, person.sightings) for person in gallery.people()] == [("p000", 1), ("p001", 1), ("p002", 1)]


def test_a_search_while_another_model_takes_over_is_made_again(
    gallery: Gallery, three: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search has read which model there is, and then finds its table gone."""
    rebuilt: list[bool] = []

    def late(*args: Any) -> SearchResult:
        if not rebuilt:
            rebuilt.append(other.rebuild(PixelEmbedder("other"), crowd(3, 1)).switched)
        return answer(*args)

    monkeypatch.setattr("rga.gallery.gallery.answer", late)
    example = gallery.sightings(three[1])[0].id
    with Gallery.open(gallery.where, PixelEmbedder()) as other:
        assert gallery.search([], like=[example], top=3).decision == "unsure"
        with pytest.raises(OtherModelError):
            gallery.search([image_of(1)])


def test_the_doctor_looks_who_was_merged_into_whom(gallery: Gallery, three: list[UUID]) -> None:
    a, b, c = three
    with psycopg.connect(gallery.database.url) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public")
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute("UPDATE people SET merged_into = person")
        connection.execute("UPDATE people SET merged_into = %s WHERE person = %s", [b, a])
        connection.execute("UPDATE people SET merged_into = %s WHERE person = %s", [c, b])
    (finding,) = (each for each in gallery.doctor() if each.what == "people")
    assert (finding.healthy, finding.details) == (False, "1 were merged into somebody who was merged")
