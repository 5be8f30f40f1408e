"""The API: every answer is of the gallery itself, and what is done through it is done there."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from starlette.testclient import TestClient

from gallery.people import SHAPE, START, crop_of, image_of
from gallery.web.conftest import PLENTY, MakeClient, files
from rga.errors import MissingFileError
from rga.gallery.crop import Crop
from rga.gallery.gallery import Gallery
from rga.gallery.store.errors import StoreError
from rga.gallery.web.api.events import Watch, beginning
from rga.gallery.web.served import Served


def search(client: TestClient, *images: Any, **fields: Any) -> Any:
    answer = client.post("/api/search", files=files(*images), data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(found: Any) -> list[str]:
    return [group["name"] for group in found["groups"]]


def person_of(client: TestClient, name: str) -> Any:
    (found,) = client.get("/api/people", params={"part": name}).json()
    return found


def test_a_search_says_who_and_how_sure(client: TestClient) -> None:
    found = search(client, image_of(4, 99))
    assert (found["decision"], names(found)[0], found["searched"], found["exact"]) == ("match", "p004", 18, True)
    assert (found["groups"][0]["decision"], found["groups"][-1]["decision"]) == ("match", "unknown")
    assert found["groups"][0]["distance"] < found["calibration"]["match"] == 0.1 < found["groups"][1]["distance"]
    assert 0 < found["false_alarm_rate"] < 0.01
    assert search(client, image_of(77))["decision"] == "unknown"
    assert found["query"] != search(client, image_of(4, 98))["query"]


def test_a_search_is_filtered_and_turned_by_examples(client: TestClient) -> None:
    only = search(client, image_of(4, 99), camera=["c1"], top=3)
    assert {group["best"]["sighting"]["camera"] for group in only["groups"]} == {"c1"}
    assert len(only["groups"]) == 3
    until = search(client, image_of(4, 99), until="2026-05-01T12:30:00Z")
    assert {group["best"]["sighting"]["time"] for group in until["groups"]} == {"2026-05-01T12:00:00Z"}
    example = person_of(client, "p002")["example"]
    assert names(search(client, like=[example]))[0] == "p002"
    unlike = search(client, image_of(2, 99), unlike=[example])
    assert example not in [each["sighting"]["id"] for group in unlike["groups"] for each in group["sightings"]]


def test_boxes_cut_the_person_out(client: TestClient) -> None:
    frame = np.full((30, 40, 3), 127, np.uint8)
    frame[10:16, 20:24] = image_of(3, 99)
    assert search(client, frame, box=["20,10,4,6"])["decision"] == "match"
    assert search(client, frame)["decision"] == "unknown"
    for box, said in {"100,100,4,6": "holds nothing", "0,0,0,6": "box", "a,b,c,d": "box", "1,1,2": "box"}.items():
        answer = client.post("/api/search", files=files(frame), data={"box": box})
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
    two = client.post("/api/search", files=files(frame, frame), data={"box": "20,10,4,6"})
    assert "1 boxes were sent for 2 images" in two.json()["detail"]
    added = client.post("/api/sightings", files=files(frame, frame + 1), data={"box": "20,10,4,6"})
    assert (added.status_code, client.get("/api/statistics").json()["sightings"]) == (422, 18)
    assert "a box is of the person in one image, and 2 were sent" in added.json()["detail"]


def test_nothing_to_search_with_is_told(client: TestClient) -> None:
    answer = client.post("/api/search")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "at least one image" in answer.json()["detail"]
    assert client.post("/api/search", data={"like": str(uuid4())}).status_code == 409


def test_images_are_added_once(client: TestClient, people: Gallery) -> None:
    about = {"person": "Ada", "camera": "gate", "time": "2026-05-02T10:00:00+02:00"}
    first = client.post("/api/sightings", files=files(image_of(50), image_of(51)), data=about)
    assert first.status_code == 201
    assert {**first.json(), "sightings": len(first.json()["sightings"])} == {
        "added": 2,
        "present": 0,
        "kept_out": 0,
        "conflicts": 0,
        "sightings": 2,
    }
    again = client.post("/api/sightings", files=files(image_of(50)), data=about).json()
    other = client.post("/api/sightings", files=files(image_of(50)), data={**about, "camera": "yard"}).json()
    assert (again["conflicts"], other["conflicts"]) == (0, 1)
    assert (again["added"], again["present"], again["sightings"]) == (0, 1, first.json()["sightings"][:1])
    sighting = client.get(f"/api/sightings/{first.json()['sightings'][0]}").json()
    assert (sighting["name"], sighting["camera"], sighting["time"], sighting["source"]) == ("Ada", "gate", "2026-05-02T08:00:00Z", "0.png")
    assert names(search(client, image_of(50, 1)))[0] == "Ada"
    assert sighting["recording"] != client.get(f"/api/sightings/{first.json()['sightings'][1]}").json()["recording"]
    boxed = client.post("/api/sightings", files=files(np.tile(image_of(60), (3, 3, 1))), data={"box": "4,6,4,6"}).json()["sightings"][0]
    assert client.get(f"/api/sightings/{boxed}").json()["box"] == {"left": 4, "top": 6, "width": 4, "height": 6}
    assert people.stats().sightings == 21


def test_thumbnails_are_images(client: TestClient) -> None:
    answer = client.get(f"/api/sightings/{person_of(client, 'p001')['example']}/thumbnail")
    assert (answer.headers["content-type"], answer.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert "no-store" in answer.headers["cache-control"]


def test_people_are_named_hidden_and_found_again(client: TestClient) -> None:
    person = person_of(client, "p003")
    path = f"/api/people/{person['id']}"
    assert (person["sightings"], person["cameras"], person["first"]) == (3, ["c0", "c1", "c2"], "2026-05-01T12:00:00Z")
    assert client.patch(path, json={"name": "Cleo"}).json()["name"] == "Cleo"
    assert client.patch(path, json={"hidden": True}).json()["hidden"] is True
    assert "Cleo" not in names(search(client, image_of(3, 99)))
    assert client.patch(path, json={"hidden": False}).json() == {**person, "name": "Cleo"}
    assert client.patch(path, json={"name": "p001"}).status_code == 409
    assert client.patch(path, json={"nam": "x"}).status_code == 422
    assert [each["name"] for each in client.get("/api/people", params={"limit": 2, "offset": 1}).json()] == ["p000", "p001"]
    assert len(client.get(f"{path}/sightings").json()) == 3


def test_people_are_merged_split_and_what_was_done_is_undone(client: TestClient) -> None:
    one, other = person_of(client, "p001"), person_of(client, "p002")
    merged = client.post(f"/api/people/{one['id']}/merge", json={"others": [other["id"]]}).json()
    assert merged["kind"] == "merge"
    assert client.get(f"/api/people/{other['id']}").json()["id"] == one["id"]
    assert client.get(f"/api/people/{one['id']}").json()["sightings"] == 6
    assert [action["id"] for action in client.get("/api/actions").json()] == [merged["id"]]
    assert client.post(f"/api/actions/{merged['id']}/undo").json()["id"] == merged["id"]
    assert client.post(f"/api/actions/{merged['id']}/undo").status_code == 409
    assert client.get(f"/api/people/{other['id']}").json() == other
    split = client.post("/api/people", json={"sightings": [other["example"]], "name": "Dora"})
    assert (split.status_code, split.json()["name"], split.json()["sightings"]) == (201, "Dora", 1)
    assert client.post(f"/api/people/{other['id']}/sightings", json={"sightings": [other["example"]]}).json()["kind"] == "assign"
    assert client.get(f"/api/people/{other['id']}").json()["sightings"] == 3


def test_what_is_not_the_same_is_never_suggested_again(client: TestClient) -> None:
    found = search(client, image_of(4, 99))
    pair = {"one": found["query"][0], "other": found["groups"][0]["best"]["sighting"]["id"]}
    judged = client.post("/api/judgements", json={**pair, "same": False})
    assert (judged.status_code, judged.json()["kind"]) == (201, "not_same")
    assert "p004" not in names(search(client, image_of(4, 99)))
    client.post(f"/api/actions/{judged.json()['id']}/undo")
    assert names(search(client, image_of(4, 99)))[0] == "p004"
    far = found["groups"][-1]
    client.post("/api/judgements", json={"one": found["query"][0], "other": far["best"]["sighting"]["id"], "same": True})
    first = search(client, image_of(4, 99))["groups"][0]
    assert (first["name"], first["confirmed"], first["decision"]) == (far["name"], True, "match")


def test_a_removal_proves_itself(client: TestClient, people: Gallery) -> None:
    person = person_of(client, "p004")
    receipt = client.delete(f"/api/people/{person['id']}").json()
    assert (receipt["removed"], receipt["people"], receipt["thumbnails"], receipt["embeddings"]) == (3, 1, 3, 3)
    assert (receipt["found"], receipt["orphans"], receipt["proven"]) == (0, 0, True)
    assert "p004" not in names(search(client, image_of(4, 0)))
    for path in (f"/api/people/{person['id']}", f"/api/sightings/{person['example']}", f"/api/sightings/{person['example']}/thumbnail"):
        assert client.get(path).status_code == 404
    assert client.delete(f"/api/people/{person['id']}").status_code == 404
    assert people.stats().sightings == 15


def test_a_removed_image_is_kept_out_or_not(client: TestClient) -> None:
    (sighting,) = client.post("/api/sightings", files=files(image_of(50))).json()["sightings"]
    assert client.delete(f"/api/sightings/{sighting}", params={"keep_out": False}).json()["removed"] == 1
    assert client.post("/api/sightings", files=files(image_of(50))).json()["added"] == 1
    client.delete(f"/api/sightings/{sighting}")
    kept_out = client.post("/api/sightings", files=files(image_of(50))).json()
    assert kept_out == {"added": 0, "present": 0, "kept_out": 1, "conflicts": 0, "sightings": []}


def test_all_on_one_person_is_exported(client: TestClient) -> None:
    person = person_of(client, "p002")
    answer = client.get(f"/api/people/{person['id']}/export")
    assert answer.headers["content-disposition"] == f'attachment; filename="person-{person["id"]}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert json.loads(archive.read("people.jsonl"))["name"] == "p002"
    assert sum(name.startswith("thumbnails/") for name in archive.namelist()) == 3


@pytest.mark.parametrize("path", ["/api/people/{}/export", "/people/{}/export"])
def test_an_export_leaves_nothing_on_the_disk(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address = path.format(person_of(client, "p002")["id"])
    for wanted in ({}, {"range": "bytes=0-3"}, {"range": "bytes=99999999-"}):
        assert client.get(address, headers=wanted).status_code == 200
        assert list(tmp_path.iterdir()) == []


def test_statistics_and_the_audit_log(client: TestClient) -> None:
    search(client, image_of(0), camera=["c1"])
    stats = client.get("/api/statistics").json()
    assert (stats["sightings"], stats["people"], stats["cameras"], stats["calibration"]["match"]) == (
        18,
        6,
        {"c0": 6, "c1": 6, "c2": 6},
        0.1,
    )
    (entry,) = client.get("/api/audit").json()
    assert (entry["who"], entry["what"], entry["details"]["cameras"]) == ("web", "search", ["c1"])


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"camera": "a\0b"}, "camera"),
        ({"top": "0"}, "top"),
        ({"top": "1e9"}, "top"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
        ({"like": "1"}, "like"),
        ({"camera": "x" * 201}, "camera"),
    ],
)
def test_wrong_fields_are_named_and_not_repeated(client: TestClient, fields: dict[str, str], wrong: str) -> None:
    answer = client.post("/api/search", files=files(image_of(0)), data=fields)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{wrong}")
    assert answer.json().keys() == {"type", "title", "status", "detail"}


def test_halves_of_characters_are_refused(client: TestClient) -> None:
    person = person_of(client, "p001")["id"]
    for name in ("\\ud800", "a\\u0000"):
        answer = client.patch(f"/api/people/{person}", content=f'{{"name": "{name}"}}', headers={"content-type": "application/json"})
        assert answer.status_code == 422


def test_the_description_is_whole(client: TestClient, people: Gallery, make_client: MakeClient) -> None:
    schema = client.get("/api/openapi.json").json()
    for path, operations in schema["paths"].items():
        assert path.startswith("/api/")
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert set(operation["responses"]["4XX"]["content"]) == {"application/problem+json"}
    assert "security" not in schema
    guarded = make_client(people, "a-token-of-these-tests")
    assert guarded.get("/api/openapi.json", headers={"authorization": "Bearer a-token-of-these-tests"}).json()["security"] == [
        {"token": []}
    ]


def watch(gallery: Gallery, begin: Any = START, person: UUID | None = None, unsure: bool = False) -> Watch:
    return Watch(Served(gallery, PLENTY), begin, person, unsure=unsure)


def test_new_matches_are_told_once(people: Gallery) -> None:
    watching = watch(people)
    assert len(watching.look()) == 18  # all were added after the time of this test's data, and each matches its person's others
    assert watching.look() == []
    people.add([crop_of(2, 50, named=False), crop_of(70, 0, named=False)])
    (match,) = watching.look()
    assert (match.name, match.decision, match.sighting.source) == ("p002", "match", "0002_0050.jpg")
    assert match.sighting.id != match.example
    assert watching.look() == []


def test_a_stream_can_be_about_one_person(people: Gallery) -> None:
    person = people.find("p003").id
    about_one, all_of_them = watch(people, person=person), watch(people)
    about_one.look(), all_of_them.look()
    people.add([crop_of(3, 50, named=False), crop_of(4, 50, named=False)])
    assert [match.name for match in about_one.look()] == ["p003"]
    assert sorted(match.name for match in all_of_them.look()) == ["p003", "p004"]


def test_a_track_does_not_match_itself(people: Gallery) -> None:
    watching = watch(people)
    watching.look()
    people.add([crop_of(80, number, named=False, source="a.mp4", track=1, frame=number) for number in range(3)])
    assert watching.look() == []


def track_like(person: int, source: str) -> list[Crop]:
    """A track of five crops, each more like the others than like anything that was there before."""
    noise = [np.random.default_rng(number).integers(-2, 3, SHAPE) for number in range(5)]
    images = [np.clip(image_of(person, 50).astype(int) + each, 0, 255).astype(np.uint8) for each in noise]
    return [Crop(image, f"{source} {number}", source, frame=number, track=0) for number, image in enumerate(images)]


def test_a_track_matches_whom_it_shows(people: Gallery) -> None:
    about_all, about_one = watch(people), watch(people, person=people.find("p002").id)
    about_all.look(), about_one.look()
    people.add(track_like(2, "a.mp4"))
    for watching in (about_all, about_one):
        assert [(match.name, match.decision) for match in watching.look()] == [("p002", "match")] * 5


def test_a_person_is_told_behind_a_track_that_is_nearer(people: Gallery) -> None:
    people.add(track_like(2, "a.mp4"))
    for number, person in enumerate((None, people.find("p002").id)):
        watching = watch(people, person=person)
        watching.look()
        people.add(track_like(2, f"{number}.mp4")[:1])  # nearer to the track without a name than to p002
        assert [(match.name, match.decision) for match in watching.look()] == [("p002", "match")]


def test_a_person_who_is_merged_is_told_under_the_new_identifier(people: Gallery) -> None:
    into, merged = people.find("p003").id, people.find("p004").id
    watching = watch(people, person=merged)
    watching.look()
    people.merge(into, [merged])
    people.add([crop_of(4, 50, named=False), crop_of(2, 50, named=False)])
    assert [match.person for match in watching.look()] == [into]
    people.remove(person=into)
    people.add([crop_of(4, 51, named=False)])
    assert watching.look() == []


def test_who_comes_back_is_told_what_was_written_late(people: Gallery) -> None:
    added = max(sighting.added for sighting in people.sightings(people.find("p001").id))
    later = people.database.run(lambda connection: connection.execute("UPDATE sightings SET added = added - interval '1 second'").rowcount)
    assert later == 18  # all were noted as added before the event, and seen by others after it
    assert len(watch(people, begin=beginning(added.isoformat(), START + timedelta(days=999))).look()) == 18
    assert beginning("nonsense", START) == START


def test_events_are_streamed(client: TestClient, people: Gallery) -> None:
    answer = client.get("/api/events", params={"since": START.isoformat(), "most": 2})
    assert answer.headers["content-type"].startswith("text/event-stream")
    first, *events = answer.text.strip().split("\n\n")
    assert first == "retry: 3000"
    assert len(events) == 2
    fields = dict(line.split(": ", 1) for line in events[0].splitlines())
    assert fields["event"] == "match"
    assert json.loads(fields["data"])["decision"] == "match"
    again = client.get("/api/events", params={"most": 1}, headers={"last-event-id": fields["id"]})
    assert "event: match" in again.text
    assert client.get("/api/events", params={"person": str(uuid4())}).status_code == 404


def test_streams_are_few(people: Gallery, make_client: MakeClient) -> None:
    client = make_client(people)
    client.app.state.served.streams.update(range(PLENTY.streams))  # type: ignore[attr-defined]
    answer = client.get("/api/events", params={"most": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def test_a_database_that_is_away_is_told(people: Gallery, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreError("the database of the gallery cannot be used")

    monkeypatch.setattr(people, "stats", away)
    assert client.get("/api/statistics").status_code == 503


def test_what_only_the_server_can_mend_is_told_to_its_log_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(_: Gallery) -> None:
        raise MissingFileError("no model at /srv/models/people")

    monkeypatch.setattr(Gallery, "embedder", property(gone))
    answer = client.post("/api/search", files=files(image_of(1, 99)))
    assert (answer.status_code, answer.json()["detail"]) == (500, "the server cannot do this now; its log says why")
    assert "no model" in caplog.text
