"""``rga serve GALLERY``: the page and the API of a gallery."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from rga.checks import check_at_least
from rga.cli.commands.gallery.words import Where
from rga.errors import InputError
from rga.extras import require
from rga.gallery.gallery import Gallery
from rga.terminal import PlainConsole


def serve(
    gallery: Where,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Path | None = None,
    name: tuple[str, ...] = (),
    device: str = "auto",
) -> None:
    """Open a page to search a gallery by images, and an API for programs, until Ctrl-C.

    By default it is reached from this machine alone, by everybody who works on it. With --host it is reached from elsewhere; then a token
    is needed, which is printed if no file holds one. Between machines, let a proxy add HTTPS.

    Args:
        gallery: Its folder or its URL.
        host: Address to listen on: 0.0.0.0 for all of this machine.
        port: Port to listen on; 0 for any that is free.
        token_file: File with the token that clients must know, of at least 16 characters.
        name: Names under which the server is reached, such as that of a proxy; addresses and this machine's name need no mention.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(0, port=port)
    if port > 65535:
        raise InputError(f"ports end at 65535, got --port {port}")
    require("uvicorn")
    import uvicorn  # noqa: PLC0415  an optional package

    from rga.gallery.web.application import application  # noqa: PLC0415
    from rga.gallery.web.guard.hosts import is_loopback  # noqa: PLC0415
    from rga.gallery.web.guard.token import Token  # noqa: PLC0415

    token = None if token_file is None else Token.read(token_file)
    console = PlainConsole()
    if token is None and not is_loopback(host):
        token = Token.make()
        console.sentence(f"token: {token.value}")
    with Gallery.open(gallery, device=device) as opened, listening(host, port) as listener, served_alone(opened) as alone:
        assert opened.embedder is not None  # its model is opened now: one that is gone is told here, and not to whoever searches
        if not alone:
            console.sentence(f"another rga serve serves {gallery} already: both share its database, and each limits requests by itself")
        app = application(opened, host=host, names=name, token=token)
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104  it is compared
        console.sentence(f"http://{shown}:{listener.getsockname()[1]}/ until Ctrl-C")
        config = uvicorn.Config(
            app, log_config=None, log_level="warning", server_header=False, proxy_headers=False, timeout_graceful_shutdown=3
        )
        with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again when it has ended
            uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def served_alone(gallery: Gallery) -> Iterator[bool]:
    """Whether no other process serves a gallery in a folder; true of one that is reached by its URL, of which it is not known."""
    server = gallery.database.server
    lock = None if server is None else server.serve()
    try:
        yield server is None or lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address is not one of this machine, or is in use.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InputError(f"nothing can listen on {host} port {port} ({error.strerror}): choose another --host or --port") from error
    return listener
