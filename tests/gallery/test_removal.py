"""Removal: what is removed is gone from every table and every search, and stays out."""

import threading
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crop_of, crowd, image_of
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import Receipt
from rga.gallery.store import indexing, removal
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.postgresql.database import SCHEMA
from rga.gallery.store.writing import sighting_of


def everything(gallery: Gallery) -> str:
    """All rows of all tables of a gallery, as text."""
    with psycopg.connect(gallery.database.url) as connection:
        tables = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [SCHEMA]).fetchall()
        return "\n".join(str(connection.execute(f"SELECT * FROM {SCHEMA}.{table}").fetchall()) for (table,) in tables)


def check(receipt: Receipt, removed: int, people: int) -> None:
    assert (receipt.removed, receipt.people, receipt.thumbnails, receipt.embeddings) == (removed, people, removed, removed)
    assert (receipt.found, receipt.orphans, receipt.dead_rows) == (0, 0, 0)
    assert receipt.proven


def test_an_erased_person_is_found_by_no_query(gallery: Gallery) -> None:
    gallery.add(crowd(6, 4))
    person = gallery.find("p003")
    query = gallery.search([image_of(3, 99)]).query[0]
    ids = [sighting_of(f"content 3 {number}") for number in range(4)]
    gallery.same(query, ids[0])
    gallery.name(person.id, "Erika Mustermann")
    receipt = gallery.remove(person=person.id, who="Berta")
    check(receipt, 4, 1)
    assert receipt.queries == 4
    for number in range(100):
        for exact in (True, False):
            result = gallery.search([image_of(3, number)], top=30, exact=exact)
            assert not {each.sighting.id for group in result.groups for each in group.sightings} & set(ids)
            assert len(result.groups) == 5
    for lookup in (gallery.sighting, gallery.thumbnail):
        with pytest.raises(GalleryError):
            lookup(ids[0])
    for named in ("Erika Mustermann", "p003", str(person.id)):
        with pytest.raises(GalleryError):
            gallery.find(named)
    left = everything(gallery)
    for trace in ("Mustermann", "p003", "0003_", str(person.id), *map(str, ids)):
        assert trace not in left
    (_, who, what, details), *_ = [entry for entry in gallery.audit(1000) if entry[2] == "remove"]
    assert (who, what, details["sightings"]) == ("Berta", "remove", 4)


def test_a_removal_whose_answer_was_lost_tells_what_was_removed(gallery: Gallery, lost_answers: None) -> None:
    gallery.add(crowd(3, 2))
    receipt = gallery.remove(person=gallery.find("p001").id)
    check(receipt, 2, 1)
    assert receipt.queries == 2
    assert [entry[3]["sightings"] for entry in gallery.audit() if entry[2] == "remove"] == [2]


def test_a_removal_that_was_interrupted_is_completed_by_the_next_one(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.add(crowd(3, 2))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(removal, "clean", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gallery.remove(person=gallery.find("p001").id)
    vacuumed = "SELECT relname FROM pg_stat_all_tables WHERE schemaname = %s AND last_vacuum IS NOT NULL"
    with psycopg.connect(gallery.database.url, autocommit=True) as connection:
        assert not connection.execute(vacuumed, [SCHEMA]).fetchall()
        check(gallery.expire(timedelta(days=36500)), 0, 0)
        assert {"sightings", "embeddings_1"} <= {name for (name,) in connection.execute(vacuumed, [SCHEMA]).fetchall()}


def test_a_vacuum_that_is_not_allowed_proves_nothing(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "vacuum", lambda *_: None)
    assert not gallery.expire(timedelta(days=36500)).proven


def test_what_was_removed_stays_out(gallery: Gallery) -> None:
    crops = crowd(3, 2)
    gallery.add(crops)
    gallery.remove(person=gallery.find("p001").id)
    again = gallery.add(crops)
    assert (again.added, again.present, again.kept_out) == (0, 4, 2)
    gallery.remove(person=gallery.find("p002").id, keep_out=False)
    assert gallery.add(crops).added == 2


def test_who_was_merged_is_removed_too(gallery: Gallery) -> None:
    gallery.add(crowd(4, 2))
    first, second, *_ = gallery.people()
    gallery.merge(first.id, [second.id])
    check(gallery.remove(person=second.id), 4, 2)
    assert [each.name for each in gallery.people()] == ["p002", "p003"]


def test_who_was_merged_and_has_no_sightings_any_more_leaves_no_name(gallery: Gallery) -> None:
    now = datetime.now(UTC)
    days = {"Anna Secret": 30, "Berta": 10}
    gallery.add([replace(crop_of(number, time=now - timedelta(days=age)), person=name) for number, (name, age) in enumerate(days.items())])
    anna, berta = (gallery.find(name).id for name in days)
    gallery.name(anna, "Anna S.")
    gallery.merge(berta, [anna])
    check(gallery.expire(timedelta(days=20)), 1, 0)
    check(gallery.expire(timedelta(days=5)), 1, 2)
    left = everything(gallery)
    for trace in ("Anna", "Berta", str(anna), str(berta)):
        assert trace not in left


def test_rows_that_name_who_was_removed_are_counted(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt looks for people, too, and not for sightings alone."""
    gallery.add(crowd(2, 1))
    person = gallery.find("p001").id
    cleaned = removal.clean

    def left_over(database: Any, gone: removal.Deleted) -> tuple[bool, int]:
        gallery.name(gallery.find("p000").id, "Ada")
        with psycopg.connect(gallery.database.url) as connection:
            connection.execute(f"UPDATE {SCHEMA}.actions SET concerns = %s", [[person]])
            connection.execute(f"INSERT INTO {SCHEMA}.people (person, name) VALUES (%s, 'p001')", [person])
        return cleaned(database, gone)

    monkeypatch.setattr(removal, "clean", left_over)
    receipt = gallery.remove(person=person)
    assert receipt.orphans == 2
    assert not receipt.proven


def test_single_sightings_cameras_and_sources(gallery: Gallery) -> None:
    gallery.add(crowd(3, 3))
    check(gallery.remove(sightings=[sighting_of("content 0 0")]), 1, 0)
    assert gallery.find("p000").sightings == 2
    check(gallery.remove(camera="c1"), 3, 0)
    check(gallery.remove(source="0001_0000.jpg"), 1, 0)
    check(gallery.remove(sightings=[sighting_of("content 0 2")]), 1, 1)  # the last of p000
    for wrong, said in (
        ({"source": "nothing.jpg"}, "nothing of the source 'nothing.jpg'"),
        ({"camera": "c22"}, "nothing was removed: the gallery knows no camera 'c22': did you mean c2"),
        ({"sightings": [sighting_of("content 2 0"), sighting_of("never")]}, f"no sighting {sighting_of('never')}"),
    ):
        with pytest.raises(GalleryError, match=said):
            gallery.remove(**wrong)
    assert [(each.name, each.sightings) for each in gallery.people()] == [("p001", 1), ("p002", 2)]


def test_sources_of_one_name_are_not_removed_together_unless_that_is_said(gallery: Gallery) -> None:
    gallery.add([crop_of(person, source="today.mp4", recording=f"r{person}", camera=f"cam{person}") for person in (1, 2)])
    with pytest.raises(
        GalleryError, match=r"2 recordings have the name 'today.mp4': 1 sighting of cam1 .*1 sighting of cam2 .*nothing was"
    ):
        gallery.remove(source="today.mp4")
    assert gallery.stats().sightings == 2
    check(gallery.remove(source="today.mp4", every_recording=True), 2, 2)


def test_one_of_many_is_named(gallery: Gallery) -> None:
    with pytest.raises(InputError, match="got none"):
        gallery.remove()
    with pytest.raises(InputError, match="got source, camera"):
        gallery.remove(source="a", camera="b")
    with pytest.raises(GalleryError, match="no person"):
        gallery.remove(person=sighting_of("nobody"))
    with pytest.raises(InputError, match="above 0"):
        gallery.expire(timedelta(0))
    with pytest.raises(InputError, match="1,000,000 days ago there was no year 1"):
        gallery.expire(timedelta(days=1e6))


def test_what_is_older_expires(gallery: Gallery) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(days=days) for days in (1, 20, 40, 400)]
    gallery.add([crop_of(number, time=time) for number, time in enumerate(times)] + [crop_of(9, time=None)])
    check(gallery.expire(timedelta(days=30)), 2, 2)
    assert [each.name for each in gallery.people()] == ["p000", "p001", "p009"]


def test_the_index_is_rebuilt_when_it_pays(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "EXACT_ROWS", 50)
    gallery.add(crowd(20, 5))
    assert not gallery.remove(sightings=[sighting_of("content 0 0")]).reindexed
    receipt = gallery.remove(camera="c0")
    assert receipt.reindexed
    assert receipt.proven
    assert gallery.stats().indexed
    assert not gallery.search([image_of(1, 99)]).exact


def test_an_index_that_somebody_else_builds_is_left_to_them(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "EXACT_ROWS", 50)
    gallery.add(crowd(20, 5))
    with gallery.database.alone() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [indexing.LOCK, gallery.model.number])
        receipt = gallery.remove(camera="c0")
    assert not receipt.reindexed
    assert receipt.proven
    with gallery.database.alone() as other:
        assert gallery.remove(camera="c1").reindexed
        assert other.execute("SELECT pg_try_advisory_lock(%s, %s)", [indexing.LOCK, gallery.model.number]).fetchone() == (True,)


def test_a_reader_that_still_sees_the_rows_is_told_of(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "PATIENCE", 0.3)
    gallery.add(crowd(3, 2))
    with psycopg.connect(gallery.database.url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute(f"SELECT count(*) FROM {SCHEMA}.sightings")
        receipt = gallery.remove(person=gallery.find("p001").id)
    assert receipt.found == receipt.orphans == 0
    assert receipt.dead_rows > 0
    assert not receipt.proven


def test_a_reader_that_ends_is_waited_for(gallery: Gallery) -> None:
    gallery.add(crowd(3, 2))
    with psycopg.connect(gallery.database.url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute(f"SELECT count(*) FROM {SCHEMA}.sightings")
        ending = threading.Timer(1, reader.rollback)
        ending.start()
        receipt = gallery.remove(person=gallery.find("p001").id)
        ending.join()
    check(receipt, 2, 1)


def test_what_others_report_late_is_not_left(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.add(crowd(3, 2))
    searched = removal.still_found
    with psycopg.connect(gallery.database.url, autocommit=True) as other:
        other.execute("SELECT pg_stat_force_next_flush()")  # the next report is then due a second later at the earliest
        other.execute(f"UPDATE {SCHEMA}.people SET name = name")

        def late(connection: Any, gone: removal.Deleted) -> int:
            other.execute("SELECT pg_stat_force_next_flush()")
            dead = other.execute("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = 'people'").fetchone()
            assert dead is not None
            counted.append(dead[0])
            return searched(connection, gone)

        counted: list[int] = []
        monkeypatch.setattr(removal, "still_found", late)
        check(gallery.remove(person=gallery.find("p001").id), 2, 1)
    assert counted[0] > 0  # the statistics say so, and are wrong: the vacuum took them


def test_a_server_that_counts_nothing_proves_nothing(gallery: Gallery) -> None:
    gallery.add(crowd(3, 2))
    with psycopg.connect(gallery.database.url, autocommit=True) as connection:
        database = connection.info.dbname
        connection.execute(f"ALTER DATABASE {database} SET track_counts = off")
        receipt = gallery.remove(person=gallery.find("p001").id)
        connection.execute(f"ALTER DATABASE {database} RESET track_counts")
    assert receipt.dead_rows > 0
    assert not receipt.proven


def test_all_on_one_person_is_exported(gallery: Gallery, tmp_path: Path) -> None:
    gallery.add(crowd(3, 2))
    assert gallery.export_person(gallery.find("p001").id, tmp_path / "p.zip") == 2
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        names = archive.namelist()
        assert "p001" in archive.read("people.jsonl").decode()
        assert "p002" not in "".join(archive.read(name).decode("latin-1") for name in names)
        assert sum(name.startswith("thumbnails/") for name in names) == 2
        assert archive.read("sightings/000000.jsonl").count(b"\n") == 2
    with pytest.raises(GalleryError):
        gallery.export_person(sighting_of("nobody"), tmp_path / "q.zip")


def test_removal_is_of_all_models(make_url: MakeUrl) -> None:
    with Gallery.create(make_url(), PixelEmbedder()) as gallery:
        crops = crowd(3, 2)
        gallery.add(crops)
        gallery.rebuild(PixelEmbedder("other"), crops[:4])  # two tables, side by side
        receipt = gallery.remove(person=gallery.find("p000").id)
        assert (receipt.removed, receipt.embeddings, receipt.proven) == (2, 4, True)
