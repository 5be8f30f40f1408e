"""Databases that others run: reached by a URL, and refused if they are too old."""

from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import psycopg
import pytest

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crowd, image_of
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.store.errors import GalleryError, StoreError
from rga.gallery.store.postgresql import database
from rga.gallery.store.postgresql.database import SCHEMA, check_versions
from rga.gallery.store.writing import people_named


def test_a_database_without_a_gallery(make_url: MakeUrl) -> None:
    url = make_url()
    with pytest.raises(GalleryError, match="holds no gallery: make one"):
        Gallery.open(url)
    Gallery.create(url, PixelEmbedder()).close()
    with pytest.raises(GalleryError, match="holds a gallery already"):
        Gallery.create(url, PixelEmbedder())
    Gallery.open(url, PixelEmbedder()).close()


@pytest.mark.parametrize("version", ["0.7.4", "0.8.3"])
def test_an_old_pgvector_is_refused_with_the_reason(make_url: MakeUrl, version: str) -> None:
    url = make_url()
    Gallery.create(url, PixelEmbedder()).close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", [version])
    with pytest.raises(StoreError, match=rf"pgvector {version} .*before 0.8.4 can corrupt HNSW indexes"):
        Gallery.open(url, PixelEmbedder())
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE pg_extension SET extversion = '0.8.5' WHERE extname = 'vector'")


def test_an_old_server_is_refused(make_url: MakeUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST_SERVER", 99)
    with psycopg.connect(make_url()) as connection, pytest.raises(StoreError, match="a gallery needs 99 or newer"):
        check_versions(connection)


def test_a_newer_schema_is_refused(make_url: MakeUrl) -> None:
    url = make_url()
    Gallery.create(url, PixelEmbedder()).close()
    with psycopg.connect(url) as connection:
        connection.execute(f"INSERT INTO {SCHEMA}.migrations (version) VALUES (999)")
    with pytest.raises(StoreError, match=r"version 999 of the schema.*install a newer rga"):
        Gallery.open(url, PixelEmbedder())


def test_no_url_and_nobody_there() -> None:
    with pytest.raises(StoreError, match="no URL of a PostgreSQL database"):
        Gallery.open("postgresql://host/a?nothing=1")
    with pytest.raises(StoreError, match=r"cannot be used.*refused"):
        Gallery.open("postgresql://nobody@127.0.0.1:1/nothing")


def test_lost_connections_are_opened_again(make_url: MakeUrl) -> None:
    with Gallery.create(make_url(), PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 1))
        with psycopg.connect(gallery.database.url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert gallery.search([image_of(1, 0)]).groups[0].name == "p001"


def test_an_answer_that_was_lost_does_nothing_twice(gallery: Gallery, lost_answers: None) -> None:
    gallery.add(crowd(3, 1))
    people = gallery.people()
    gallery.merge(people[0].id, [people[1].id])
    assert gallery.split([people[2].example], "new").name == "new"  # type: ignore[list-item]
    assert [action.kind for action in gallery.actions()] == ["split", "merge"]
    gallery.undo()
    gallery.undo()
    assert gallery.people() == people


def test_what_the_database_does_not_take_is_told_without_other_rows(gallery: Gallery) -> None:
    gallery.add(crowd(1, 1))
    for statement, value, kind in (
        ("INSERT INTO people (person, name) VALUES (gen_random_uuid(), %s)", "p000", GalleryError),
        ("INSERT INTO people (person, merged_into, name) SELECT person, person, %s FROM people", "p000", GalleryError),
        ("UPDATE sightings SET person = gen_random_uuid(), source = %s", "p000", GalleryError),
        ("SELECT * FROM people WHERE name = %s", "a\0b", InputError),
        ("SELECT * FROM people WHERE name = %s", "a\udcff", InputError),
        ("SELECT * FROM people LIMIT %s::int", "-1", InputError),
    ):
        with pytest.raises(kind) as caught:
            gallery.database.run(lambda connection: connection.execute(statement, [value]))  # noqa: B023
        assert "p000" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_replica_answers_searches(make_url: MakeUrl) -> None:
    url = make_url()
    with Gallery.create(url, PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 1))
    read_only = url + "&options=-cdefault_transaction_read_only%3Don"
    with Gallery.open(url, PixelEmbedder(), replica=read_only) as gallery:
        assert gallery.search([image_of(1, 0)]).groups[0].name == "p001"
        assert gallery.people()[0].name == "p000"
        gallery.add(crowd(3, 1))
        assert gallery.audit()[0][2] == "search"
        with psycopg.connect(read_only) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute(f"DELETE FROM {SCHEMA}.people")


def test_what_was_just_done_is_not_read_from_a_replica_that_lags(make_url: MakeUrl, tmp_path: Path) -> None:
    url, behind = make_url(), make_url()
    with Gallery.create(url, PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 2))
        gallery.export(tmp_path / "g.zip")
    Gallery.import_from(tmp_path / "g.zip", behind).close()
    with Gallery.open(url, PixelEmbedder(), replica=behind) as gallery:
        new = gallery.split([gallery.people()[0].example], "new")  # type: ignore[list-item]
        assert (new.name, new.sightings) == ("new", 1)


def test_a_name_that_is_given_meanwhile_is_nobodys_twice(make_url: MakeUrl) -> None:
    """One writer adds people by names, of which another one gives somebody one and has not committed yet."""
    url = make_url()
    Gallery.create(url, PixelEmbedder()).close()
    with psycopg.connect(url) as one, psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as watch:
        for connection in (one, other):
            connection.execute(f"SET search_path TO {SCHEMA}, public")
            connection.commit()
        taken = uuid4()
        one.execute("INSERT INTO people (person, name) VALUES (%s, 'Ada')", [taken])
        found: list[dict[str, UUID]] = []
        writer = Thread(target=lambda: found.append(people_named(other, ["Ada", "Ben"])))
        writer.start()
        waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while watch.execute(waiting, [other.info.backend_pid]).fetchone() is None:
            assert writer.is_alive()
        one.commit()
        writer.join()
        assert found[0]["Ada"] == taken
        assert found[0]["Ben"] != taken
        assert other.execute("SELECT count(*) FROM people").fetchone() == (2,)
