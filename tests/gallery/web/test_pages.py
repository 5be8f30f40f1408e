"""The pages without JavaScript: forms that lead to pages, which say what was done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from starlette.testclient import TestClient

from gallery.people import crop_of, crowd, image_of
from gallery.web.conftest import MakeClient, files
from rga.gallery.gallery import Gallery
from rga.gallery.store.people import name_person
from rga.gallery.web.held import Held
from rga.gallery.web.problems import NotThereError
from rga.gallery.web.uploads import Received


def searched(client: TestClient, *images: Any, **fields: Any) -> Any:
    """The page of results of some images."""
    answer = client.post("/search", files=files(*images), data=fields)
    assert (answer.status_code, answer.url.path) == (200, "/search"), answer.text
    return answer


def heading(answer: Any) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    assert found is not None
    return " ".join(found[1].split())


def names(answer: Any) -> list[str]:
    return re.findall(r'<h3 id="who-\d+">(.*?)</h3>', answer.text)


def fields_of(answer: Any, action: str) -> dict[str, list[str]]:
    """The hidden fields of the first form with an action."""
    form = re.search(rf'<form [^>]*action="{re.escape(action)}".*?</form>', answer.text, re.DOTALL)
    assert form is not None, action
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', form[0]):
        found.setdefault(name, []).append(value.replace("&amp;", "&"))
    return found


class Checked(HTMLParser):
    """Reads a page and notes what a screen reader would miss, and what the policy would forbid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self.headings = 0
        self.labels = 0
        self.feed(text)
        self.faults += [f"two elements have the id {name}" for name, count in self.ids.items() if count > 1]
        if self.headings != 1:
            self.faults.append(f"{self.headings} main headings")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.headings += tag == "h1"
        self.labels += tag == "label"
        if given.get("id"):
            self.ids[str(given["id"])] += 1
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given) or (tag == "script" and "src" not in given):
            self.faults.append(f"inline style or script: {self.get_starttag_text()}")
        if tag == "img" and "alt" not in given:
            self.faults.append(f"no alt: {self.get_starttag_text()}")
        if tag in ("input", "select") and given.get("type") != "hidden" and not self.labels:
            self.faults.append(f"no label: {self.get_starttag_text()}")
        for name in ("src", "href", "action"):
            if (given.get(name) or "/").startswith(("http", "//", "javascript")):
                self.faults.append(f"leads elsewhere: {self.get_starttag_text()}")

    def handle_endtag(self, tag: str) -> None:
        self.labels -= tag == "label"


def test_a_search_leads_to_its_results(client: TestClient) -> None:
    found = searched(client, image_of(4, 99))
    assert heading(found) == "Match: p004"
    assert names(found)[0] == "p004"
    assert '<span class="badge match">' in found.text
    assert 'aria-label="similarity 0.9' in found.text
    assert "a match from 0.90" in found.text
    assert "A match needs a similarity of 0.90." in found.text
    assert heading(searched(client, image_of(77))) == "Unknown: nobody here is near enough"
    two = searched(client, image_of(4, 99), image_of(4, 98))
    assert len(two.url.params.get_list("q")) == 2


def test_the_first_page_shows_people_who_are_known_and_not_those_who_are_hidden(client: TestClient, people: Gallery) -> None:
    first, second, *_ = people.people()
    shown = client.get("/").text
    assert f'href="/people/{first.id}"' in shown
    people.hide(first.id)
    shown = client.get("/").text
    assert f'href="/people/{first.id}"' not in shown
    assert f'href="/people/{second.id}"' in shown


def test_without_a_calibration_nothing_is_called_a_match(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery)
    client.post("/add", files=files(image_of(1)), data={"person": "Ada"})
    found = searched(client, image_of(1, 2))
    assert heading(found) == "Not sure: perhaps Ada"
    assert "not calibrated" in found.text


def test_a_search_is_filtered_and_refined_by_addresses(client: TestClient) -> None:
    found = searched(client, image_of(4, 99))
    query = dict(found.url.params)
    only = client.get("/search", params={**query, "camera": "c1"})
    assert 'value="c1" checked' in only.text
    assert "A filter is on." in only.text
    assert "c0<br>" not in only.text
    none = client.get("/search", params={**query, "since": "2031-01-01T00:00", "until": ""})
    assert "Nothing passes the filter." in none.text
    unlike = re.search(r'href="(/search\?[^"]*unlike=[^"]*)"', found.text)
    assert unlike is not None
    turned = client.get(unlike[1].replace("&amp;", "&"))
    assert "not like this" in turned.text
    more = re.search(r'href="(/search\?[^"]*&amp;like=[^"]*)"', turned.text)
    assert more is not None
    assert "more like this" in client.get(more[1].replace("&amp;", "&")).text


def test_what_is_said_about_a_result_is_kept_and_undone(client: TestClient) -> None:
    found = searched(client, image_of(4, 99), image_of(4, 98))
    judged = client.post("/judge", data={**fields_of(found, "/judge"), "same": "false"})
    assert "It will not be suggested again." in judged.text
    assert "p004" not in names(judged)
    assert len(fields_of(judged, "/undo")["action"]) == 2  # for each image of the query
    undone = client.post("/undo", data=fields_of(judged, "/undo"))
    assert "Undone." in undone.text
    assert names(undone)[0] == "p004"
    same = client.post("/judge", data={**fields_of(undone, "/judge"), "same": "true"})
    assert "Noted: the same person." in same.text
    assert "confirmed" in same.text


def test_somebody_without_a_name_is_judged_as_a_whole(client: TestClient, people: Gallery) -> None:
    people.add([crop_of(40, number, named=False, source="a.mp4", track=1, frame=number) for number in range(3)])
    found = searched(client, image_of(40, 99))
    assert (names(found)[0], len(fields_of(found, "/judge")["sighting"])) == ("Somebody", 3)
    judged = client.post("/judge", data={**fields_of(found, "/judge"), "same": "false"})
    assert "Somebody" not in names(judged)
    client.post("/undo", data=fields_of(judged, "/undo"))
    named = client.post("/sightings/person", data={**fields_of(found, "/sightings/person"), "name": "Zoe"})
    assert names(named)[0] == "Zoe"
    assert people.find("Zoe").sightings == 3


def test_a_person_is_picked_in_a_frame(client: TestClient) -> None:
    frame = np.full((30, 40, 3), 127, np.uint8)
    frame[10:16, 20:24] = image_of(3, 99)
    asked = client.post("/search", files=files(frame))
    assert asked.url.path.startswith("/box/")
    box = {"left": 20, "top": 10, "width": 4, "height": 6}
    fields = fields_of(asked, asked.url.path)
    found = client.post(asked.url.path, data={**fields, **box})
    assert heading(found) == "Match: p003"
    outside = client.post(asked.url.path, data={**fields, **box, "left": 99})
    assert outside.status_code == 422
    assert "The box holds nothing of 0.png" in outside.text
    whole = client.get("/search", params=fields)
    assert heading(whole).startswith("Unknown")


def test_who_was_searched_with_is_added(client: TestClient, people: Gallery) -> None:
    found = searched(client, image_of(77))
    added = client.post("/add", data={**fields_of(found, "/add"), "person": "New", "camera": "gate", "time": "2026-05-03T08:00"})
    assert "1 added." in added.text
    assert (people.find("New").sightings, people.find("New").cameras) == (1, ("gate",))
    assert heading(client.get("/search", params=dict(found.url.params))) == "Match: New"
    again = client.post("/add", files=files(image_of(77)))
    assert "0 added, 1 there already." in again.text


def test_people_are_named_merged_split_and_hidden(client: TestClient, people: Gallery) -> None:
    one, other = people.find("p001"), people.find("p002")
    assert "p001" in client.get("/people", params={"part": "P001"}).text
    assert "Nobody has a name like that" in client.get("/people", params={"part": "nobody"}).text
    named = client.post(f"/people/{one.id}/name", data={"name": "<b>Ada</b>"})
    assert heading(named) == "&lt;b&gt;Ada&lt;/b&gt;"
    merged = client.post("/people/merge", data={"person": [str(one.id), str(other.id)]})
    assert "Merged: they are one person now." in merged.text
    assert people.person(other.id).sightings == 6
    client.post("/undo", data=fields_of(merged, "/undo"))
    assert people.person(other.id).sightings == 3
    by_name = client.post(f"/people/{one.id}/merge", data={"name": "p003"})
    assert people.find("<b>Ada</b>").sightings == 6
    assert "Undo" in by_name.text
    split = client.post(f"/people/{one.id}/split", data={"sighting": [str(one.example)], "name": "Eve"})
    assert (heading(split), people.find("Eve").sightings) == ("Eve", 1)
    hidden = client.post(f"/people/{other.id}/hide", data={"hidden": "true"})
    assert "Searches leave this person out." in hidden.text
    assert "p002" not in names(searched(client, image_of(2, 99)))
    assert client.post("/people/merge", data={"person": str(one.id)}).status_code == 409
    assert client.post(f"/people/{one.id}/split").status_code == 409
    changes = client.get("/changes").text
    assert changes.count(">Undo</button>") == len(people.actions(100))


def test_undo_is_of_what_the_page_did_and_of_nothing_else(client: TestClient, people: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = people.find("p001"), people.find("p002")
    acting = Gallery.acting

    def meanwhile(self: Gallery, work: Any) -> Any:
        done = acting(self, work)
        acting(self, lambda connection, action: name_person(connection, action, other.id, f"renamed by somebody else {done.id}"))
        return done

    monkeypatch.setattr(Gallery, "acting", meanwhile)
    sighting = str(one.example)
    split = client.post(f"/people/{one.id}/split", data={"sighting": [sighting], "name": "Eve"})
    assigned = client.post("/sightings/person", data={"sighting": [sighting], "name": "Somebody new"})
    kinds = {str(action.id): action.kind for action in people.actions()}
    assert [kinds[fields_of(answer, "/undo")["action"][0]] for answer in (split, assigned)] == ["split", "split"]


def test_a_removal_is_asked_about_and_gives_a_receipt(client: TestClient, people: Gallery) -> None:
    person = people.find("p005")
    asked = client.get(f"/people/{person.id}/delete")
    assert "This cannot be undone." in asked.text
    assert people.stats().sightings == 18
    receipt = client.post(f"/people/{person.id}/delete", data={"keep_out": "true"})
    assert heading(receipt) == "Removed, and nothing is left"
    assert "3 thumbnails, 3 embeddings" in receipt.text
    assert "0 found in 3 searches" in receipt.text
    assert "p005" not in names(searched(client, image_of(5, 0)))
    assert client.get(f"/people/{person.id}").status_code == 404
    sighting = people.find("p004").example
    assert "remove: 3 sightings" in client.get("/statistics").text
    one = client.post(f"/sightings/{sighting}/delete", data={"keep_out": "true"})
    assert "1 sighting left the gallery" in one.text
    assert client.get(f"/sightings/{sighting}").status_code == 404


@pytest.mark.parametrize("path", ["/search", "/add"])
def test_a_wrong_file_is_told_where_it_was_chosen(client: TestClient, path: str) -> None:
    answer = client.post(path, files=[("images", ("notes.txt", b"no image", "image/png"))])
    assert answer.status_code == 415
    assert 'role="alert">This is no image that can be read here: notes.txt' in answer.text
    assert 'type="file"' in answer.text
    body = (
        b'--x\r\nContent-Disposition: form-data; name="images"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n'
    )
    nothing = client.post(path, content=body, headers={"content-type": "multipart/form-data; boundary=x"})  # as browsers send none
    assert nothing.status_code == 422
    assert "choose at least one image" in nothing.text


def test_an_empty_gallery_says_so(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery)
    assert "This gallery is empty." in client.get("/search").text
    found = searched(client, image_of(1))
    assert heading(found).startswith("Unknown")
    assert "The gallery holds nothing to compare with." in found.text
    assert "Nobody is known yet." in client.get("/people").text
    assert "Nothing was changed yet." in client.get("/changes").text
    assert client.get("/statistics").status_code == 200
    refused = client.post("/statistics/calibrate")
    assert refused.status_code == 422
    assert "a false alarm rate needs at least" in refused.text.lower()


def test_sightings_without_a_camera_are_counted_and_can_be_filtered_for(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery)
    assert "No sightings yet." in client.get("/statistics").text
    gallery.add(crowd(2, 2, camera=""))
    page = client.get("/statistics").text
    assert "No sightings yet." not in page
    assert "<span>unknown camera</span>" in page
    gallery.add([crop_of(5, camera="gate")])
    assert "cameras" not in client.get("/search").text.split("</p>")[0]
    found = searched(client, image_of(5, 9))
    assert 'name="camera" value=""> unknown camera' in found.text
    filtered = client.get("/search", params={"q": found.url.params["q"], "camera": ""})
    assert len(names(filtered)) == 2
    assert 'name="camera" value="" checked' in filtered.text
    assert client.get("/api/statistics").json()["cameras"] == {"": 4, "gate": 1}
    api = client.post("/api/search", files=files(image_of(5, 9)), data={"camera": ""}).json()
    assert {group["best"]["sighting"]["camera"] for group in api["groups"]} == {""}


def test_every_page_can_be_read_aloud_and_keeps_to_the_policy(client: TestClient, people: Gallery, make_client: MakeClient) -> None:
    person = people.find("p001")
    found = searched(client, image_of(4, 99))
    judged = client.post("/judge", data={**fields_of(found, "/judge"), "same": "false"})
    pages = {"results": found, "judged": judged, "login": make_client(people, "a-token-of-these-tests").get("/people")}
    for path in (
        "/search",
        "/people",
        f"/people/{person.id}",
        f"/people/{person.id}/delete",
        f"/sightings/{person.example}",
        "/add",
        "/live",
        "/changes",
    ):
        pages[path] = client.get(path)
    pages["/statistics"], pages["box"] = client.get("/statistics"), client.get(f"/box/{found.url.params['q']}")
    pages["problem"] = client.get(f"/people/{uuid4()}")
    pages["receipt"] = client.post(f"/people/{person.id}/delete")
    for name, answer in pages.items():
        assert Checked(answer.text).faults == [], name
        assert '<html lang="en">' in answer.text
        assert 'name="viewport"' in answer.text


def test_names_from_outside_are_text(client: TestClient, people: Gallery) -> None:
    evil = '"><script>alert(1)</script>'
    people.name(people.find("p001").id, evil)
    client.post("/add", files=[("images", (evil, files(image_of(90))[0][1][1], "image/png"))], data={"camera": evil})
    sighting = people.search([image_of(90)]).groups[0].best.sighting.id
    for answer in (
        client.get("/people"),
        client.get(f"/sightings/{sighting}"),
        client.get("/add"),
        client.get("/statistics"),
        searched(client, image_of(1)),
    ):
        assert "<script>alert" not in answer.text
    assert "<script>" not in client.get("/people", params={"part": evil}).text


def test_images_of_searches_are_forgotten() -> None:
    now = [0.0]
    held = Held(10_000, 60, lambda: now[0], lambda *_: None)
    first = held.put(Received("a", b"x" * 3000, image_of(1), "a"))
    assert held.get(first.name) == first
    now[0] = 50
    assert held.get(first.name).until == 110  # what is used is kept on
    now[0] = 109
    assert held.get(first.name).name == first.name
    now[0] = 169
    with pytest.raises(NotThereError, match="no longer kept"):
        held.get(first.name)
    several = [held.put(Received("a", b"x" * 3000, image_of(each), "a")) for each in range(5)]
    kept = [image for image in several if image.name in held.images]
    assert kept == several[-len(kept) :]
    assert len(kept) in (2, 3)


def test_images_of_searches_are_forgotten_while_nobody_asks() -> None:
    now, alarms = [0.0], list[tuple[float, Callable[[], None]]]()
    held = Held(10_000, 60, lambda: now[0], lambda seconds, work: alarms.append((now[0] + seconds, work)))
    used, unused = (held.put(Received("a", b"x", image_of(each), "a")).name for each in range(2))
    now[0] = 40
    held.get(used)
    while alarms:
        now[0], wake = alarms.pop(0)
        wake()
        assert list(held.images) == ([used] if now[0] < 100 else [])
    assert now[0] == 100
    held.put(Received("a", b"x", image_of(3), "a"))
    now[0] = 160
    held.put(Received("a", b"x", image_of(4), "a"))
    assert len(held.images) == 1
    assert unused not in held.images


def test_a_forgotten_search_says_so(client: TestClient) -> None:
    answer = client.get("/search", params={"q": str(uuid4())})
    assert answer.status_code == 404
    assert "search with it again" in answer.text


def test_a_page_says_only_what_it_knows(client: TestClient) -> None:
    assert "Call this number" not in client.get("/people", params={"said": "Call this number"}).text
