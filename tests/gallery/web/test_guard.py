"""What stands before the page and the API: each point of security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from gallery.people import image_of
from gallery.web.conftest import PLENTY, TOKEN, MakeClient, files
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.web.guard.guard import HEADERS
from rga.gallery.web.guard.hosts import Hosts
from rga.gallery.web.guard.token import COOKIE, SECONDS, Token
from rga.gallery.web.limits import Limits

CHANGE = {"one": "00000000-0000-0000-0000-000000000001", "other": "00000000-0000-0000-0000-000000000002", "same": True}
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def empty(gallery: Gallery, make_client: MakeClient) -> TestClient:
    return make_client(gallery)


def test_a_name_that_was_bent_to_this_machine_is_refused(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery)
    for host, status in {
        "localhost": 200,
        "127.0.0.1:8000": 200,
        "[::1]:8000": 200,
        "evil.example": 421,
        "localhost@evil.example": 421,
    }.items():
        assert client.get("/api/statistics", headers={"host": host}).status_code == status, host
    assert client.get("/api/statistics", headers=[("host", "localhost"), ("host", "evil.example")]).status_code == 421
    named = make_client(gallery, host="0.0.0.0", names=["gallery.example"], token=TOKEN)
    for host, status in {"192.168.0.7:80": 200, "gallery.example": 200, "evil.example": 421}.items():
        assert named.get("/api/statistics", headers={"host": host, **BEARER}).status_code == status, host


def test_ports_and_dots_do_not_hide_a_name() -> None:
    hosts = Hosts("127.0.0.1")
    assert hosts.allows("localhost.")
    assert not any(
        map(hosts.allows, ("localhost:port", "localhost/x", "a localhost", "localhost:99999", "127.0.0.1.evil.example", "2130706433"))
    )


def test_without_the_token_nothing_is_told(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, TOKEN)
    paths = [route for route in client.get("/api/openapi.json", headers=BEARER).json()["paths"] if "{" not in route]
    for path in [*paths, "/api/openapi.json", "/api/nothing"]:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}, {"cookie": f"{COOKIE}=9999999999.00"}):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/search", "/people", "/add", "/live", "/changes", "/statistics", "/"):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path.replace('/', '%2F')}")
    assert client.post("/people/merge").status_code == 401
    assert client.get("/static/gallery.css").status_code == 200
    assert client.get("/api/statistics", headers=BEARER).json()["sightings"] == 0


def test_a_browser_gets_a_cookie_for_the_token(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, TOKEN)
    wrong = client.post("/login", data={"token": "wrong"})
    assert (wrong.status_code, COOKIE in wrong.cookies) == (401, False)
    right = client.post("/login", data={"token": TOKEN, "next": "/people?part=a"}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, "/people?part=a")
    set_cookie = right.headers["set-cookie"].lower()
    assert all(part in set_cookie for part in ("httponly", "samesite=strict", f"max-age={SECONDS}"))
    assert TOKEN not in set_cookie
    assert "secure" not in set_cookie
    secure = client.post("/login", data={"token": TOKEN}, headers={"origin": "https://localhost"}, follow_redirects=False)
    assert "secure" in secure.headers["set-cookie"].lower()
    client.cookies.clear()
    client.cookies.set(COOKIE, right.headers["set-cookie"].split("=", 1)[1].split(";")[0])
    assert client.get("/people").status_code == 200
    assert client.get("/api/statistics").status_code == 200
    assert client.post("/api/judgements", json=CHANGE, headers={"origin": "https://evil.example"}).status_code == 403
    left = client.post("/logout", follow_redirects=False)
    assert left.headers["set-cookie"].startswith(f'{COOKIE}="";')
    assert "Max-Age=0" in left.headers["set-cookie"]


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere(gallery: Gallery, make_client: MakeClient, where: str) -> None:
    client = make_client(gallery, TOKEN)
    answer = client.post("/login", data={"token": TOKEN, "next": where}, follow_redirects=False)
    assert answer.headers["location"] == "/search"


def test_cookies_end_and_cannot_be_made_up() -> None:
    token, other = Token(TOKEN), Token("another-token-of-tests")
    cookie = token.cookie(1000.0)
    assert token.signed(cookie, 1000.0 + SECONDS - 1)
    assert not token.signed(cookie, 1000.0 + SECONDS)
    later = f"9999999999.{cookie.partition('.')[2]}"
    assert not any(token.signed(each, 1000.0) for each in ("", ".", "9999999999", later, other.cookie(1000.0), f"\udc80.{cookie}"))


def test_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(expected: bytes, offered: bytes) -> bool:
        compared.append(offered)
        return expected == offered

    monkeypatch.setattr("rga.gallery.web.guard.token.hmac.compare_digest", compare)
    token = Token(TOKEN)
    assert token.is_right(TOKEN)
    assert not token.is_right("wrong")
    assert not token.signed("9.f", 0)
    assert len(compared) == 3


@pytest.mark.parametrize("value", ["short", "with spaces in the middle", "ümläute-sind-auch-nicht-gut"])
def test_weak_tokens_are_refused(value: str) -> None:
    with pytest.raises(InputError, match="at least 16 visible ASCII characters"):
        Token(value)


def test_changes_come_from_a_page_of_this_server(empty: TestClient) -> None:
    del empty.headers["origin"]
    cases: dict[tuple[str, str], list[dict[str, str]]] = {
        ("/login", "allowed"): [{"origin": "http://localhost"}, {"sec-fetch-site": "same-origin"}],
        ("/login", "refused"): [
            {},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": "http://localhost:9999"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "origin": "http://localhost"},
        ],
        ("/api/judgements", "allowed"): [{}, {"origin": "http://localhost"}],
        ("/api/judgements", "refused"): [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}],
    }
    for (path, expected), headers in cases.items():
        for each in headers:
            sent: dict[str, Any] = {"json": CHANGE} if path.startswith("/api") else {"data": {"token": "x"}}
            refused = empty.post(path, headers=each, follow_redirects=False, **sent).status_code == 403
            assert refused == (expected == "refused"), (path, each)


def test_a_program_with_the_token_needs_no_page(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, TOKEN)
    del client.headers["origin"]
    assert client.post("/api/judgements", json=CHANGE, headers=BEARER).status_code == 409  # neither image is there
    assert client.post("/api/judgements", json=CHANGE).status_code == 401


def test_every_answer_tells_browsers_what_is_allowed(client: TestClient, people: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    sighting = people.search([image_of(0)]).groups[0].best.sighting.id
    answers = [
        client.get(path)
        for path in ("/search", "/api/statistics", f"/api/sightings/{sighting}/thumbnail", "/nothing", "/static/gallery.js")
    ]
    answers.append(client.get("/search", headers={"host": "evil.example"}))
    monkeypatch.setattr(people, "stats", lambda: 1 / 0)
    answers.append(client.get("/api/statistics"))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200, 421, 500]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert all(part in policy for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"))
    assert all(answer.headers["cache-control"] == "no-store, private" for answer in (*answers[:4], *answers[5:]))


def test_faults_show_no_traceback(client: TestClient, people: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(people, "stats", fail)
    answer = client.get("/api/statistics")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["title"] == "Internal Server Error"
    page = client.get("/statistics")
    assert page.status_code == 500
    for text in (answer.text, page.text):
        assert not any(word in text for word in ("secret", "Traceback", "RuntimeError", ".py"))


def test_who_asks_too_often_waits(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, limits=Limits(requests=0.001, burst=25))
    assert [client.get("/api/people").status_code for _ in range(5)] == [200] * 5
    assert [client.post("/api/judgements", json=CHANGE).status_code for _ in range(3)] == [409, 409, 429]  # each counts ten times
    refused = client.post("/api/judgements", json=CHANGE)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["status"] == 429


def test_guessing_a_token_is_slow(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, TOKEN, limits=Limits(requests=0.001, burst=120))
    assert [client.post("/login", data={"token": "wrong"}).status_code for _ in range(3)] == [401, 401, 429]
    other = make_client(gallery, TOKEN, limits=Limits(requests=0.001, burst=120))
    assert [other.get("/api/people", headers={"authorization": "Bearer x"}).status_code for _ in range(3)] == [401, 401, 429]


def test_requests_have_a_size(gallery: Gallery, make_client: MakeClient) -> None:
    client = make_client(gallery, limits=Limits(request_bytes=3000, text_bytes=500))
    assert client.post("/api/people", content=b"x" * 501).status_code == 413
    assert client.post("/api/search", files=files(image_of(0)), data={"source": "x" * 3000}).status_code == 413

    def parts() -> Iterator[bytes]:
        yield from [b'{"sightings": ['] + [b" " * 100] * 9

    answer = client.post("/api/people", content=parts(), headers={"content-type": "application/json"})
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../application.py",
        "/static/%2e%2e/application.py",
        "/static/..%2f..%2fapplication.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/static/..\\application.py",
        "/static/",
        "/images/../../etc/passwd",
        "/api/sightings/..%2f..%2fetc%2fpasswd/thumbnail",
        "/api/sightings/%2e%2e/thumbnail",
    ],
)
def test_no_file_of_the_server_is_reached(empty: TestClient, path: str) -> None:
    answer = empty.get(path)
    assert answer.status_code in (404, 422)
    assert not any(word in answer.text for word in ("import", "root:"))


def test_texts_are_never_commands_of_the_database(client: TestClient, people: Gallery) -> None:
    evil = "'; DROP TABLE sightings; --"
    assert client.get("/api/people", params={"part": evil}).json() == []
    found = client.post("/api/search", files=files(image_of(0)), data={"camera": evil})
    assert (found.status_code, "knows no camera" in found.json()["detail"]) == (422, True)
    person = people.people()[0].id
    assert client.patch(f"/api/people/{person}", json={"name": evil}).json()["name"] == evil
    assert people.stats().sightings == 18


def test_the_defaults_are_what_the_tests_loosen() -> None:
    assert Limits().burst < PLENTY.burst
