"""``rga serve``: what it listens on, and for whom."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from cli.terminal import rga
from rga.cli.commands.serve import listening, served_alone
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.store.postgresql.embedded import Embedded

Answers = list[tuple[str, int]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answers]:
    """Serves a gallery that is not there, and asks its statistics in some ways."""

    class Empty:
        database = SimpleNamespace(server=None)
        embedder = "a model"

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def audit(self, limit: int) -> list[object]:
            return []

    monkeypatch.setattr(Gallery, "open", lambda *_, **__: Empty())
    answers: Answers = []
    ways: list[dict[str, str]] = []

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        assert (server.config.proxy_headers, server.config.server_header) == (False, False)
        app: Any = server.config.app
        client = TestClient(app, base_url="http://localhost")
        for headers in ways:
            answers.append((sockets[0].getsockname()[0], client.get("/api/audit", headers=headers).status_code))

        raise KeyboardInterrupt  # as Ctrl-C does

    monkeypatch.setattr(uvicorn.Server, "run", run)

    def ask(*headers: dict[str, str]) -> Answers:
        ways[:] = headers
        return answers

    return ask


def test_by_default_this_machine_alone_and_no_token(asked: Callable[..., Answers]) -> None:
    answers = asked({}, {"host": "evil.example"})
    done = rga("serve", "people", "--port", "0")
    assert answers == [("127.0.0.1", 200), ("127.0.0.1", 421)]
    assert done.code == 0
    assert done.out.startswith("http://127.0.0.1:")
    assert "token" not in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="galleries in folders need unix sockets")
def test_the_second_server_of_a_folder_is_told(asked: Callable[..., Answers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked({})
    opened: Any = Gallery.open(tmp_path)  # the empty one
    monkeypatch.setattr(type(opened), "database", SimpleNamespace(server=Embedded(tmp_path)))
    told = f"another rga serve serves {tmp_path} already"
    with served_alone(opened) as alone:
        assert alone
        assert told in " ".join(rga("serve", str(tmp_path), "--port", "0").out.split())
    assert told not in " ".join(rga("serve", str(tmp_path), "--port", "0").out.split())


def test_the_logging_of_others_is_left_alone(asked: Callable[..., Answers]) -> None:
    """A configuration of all logging closes the handlers that are there, and some of them their streams."""
    closed: list[bool] = []

    class Handler(logging.NullHandler):
        def close(self) -> None:
            closed.append(True)
            super().close()

    handler = Handler()
    asked({})
    assert rga("serve", "people", "--port", "0").code == 0
    assert closed == []
    handler.close()


def test_elsewhere_a_token_is_made_and_printed(asked: Callable[..., Answers]) -> None:
    answers = asked({}, {"host": "gallery.example", "authorization": "Bearer x"})
    done = rga("serve", "people", "--port", "0", "--host", "0.0.0.0", "--name", "gallery.example")
    assert answers == [("0.0.0.0", 401), ("0.0.0.0", 401)]
    token = done.out.splitlines()[0].removeprefix("token: ")
    assert len(token) >= 43
    assert done.out.splitlines()[1].startswith(f"http://{socket.gethostname()}:")


def test_a_token_from_a_file(asked: Callable[..., Answers], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-of-these-tests\n")
    answers = asked({}, {"authorization": "Bearer a-token-of-these-tests"})
    done = rga("serve", "people", "--port", "0", "--token-file", str(file))
    assert [status for _, status in answers] == [401, 200]
    assert "a-token" not in done.out
    file.write_text("short")
    assert "at least 16 visible" in rga("serve", "people", "--token-file", str(file)).err
    assert "there is no file" in rga("serve", "people", "--token-file", str(tmp_path / "none")).err


def test_addresses_that_are_taken_or_none() -> None:
    with listening("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(InputError, match=r"nothing can listen on 127\.0\.0\.1 port"):
            listening("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="choose another --host or --port"):
        listening("192.0.2.1", 0)
    assert "ports end at 65535" in rga("serve", "people", "--port", "65536").err
    assert "must be at least 0" in rga("serve", "people", "--port", "-1").err


def test_a_folder_without_a_gallery_is_told(tmp_path: Path) -> None:
    done = rga("serve", str(tmp_path), "--port", "0")
    assert done.code == 2
    assert "gallery" in done.err
