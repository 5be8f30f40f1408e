"""The token of a server, and the cookie that stands for it in a browser.

Programs send the token itself (``Authorization: Bearer``). A browser gets a cookie instead, which holds until when it is valid and a
signature by the token: the server keeps no list, and another token makes all cookies invalid.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from rga.errors import InputError, MissingFileError

COOKIE = "rga_session"
SECONDS = 12 * 3600
"""A browser must show the token again after this time."""
SHORTEST = 16


class Token:
    """What a client must know.

    Args:
        value: at least 16 visible ASCII characters.

    Raises:
        InputError: it is shorter, or holds others.
    """

    def __init__(self, value: str) -> None:
        if len(value) < SHORTEST or not all("!" <= each <= "~" for each in value):
            raise InputError(
                f"a token has at least {SHORTEST} visible ASCII characters and no spaces, got {len(value)} characters: "
                "make one with python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        self.value = value
        self.key = hashlib.sha256(b"rga gallery session " + value.encode()).digest()

    @classmethod
    def make(cls) -> Token:
        """A new one, of 256 random bits."""
        return cls(secrets.token_urlsafe(32))

    @classmethod
    def read(cls, path: Path) -> Token:
        """The one in a file, which holds nothing else.

        Raises:
            MissingFileError: there is no such file.
            InputError: what it holds is no token.
        """
        if not path.is_file():
            raise MissingFileError(f"there is no file {path} that holds a token")
        return cls(path.read_text(encoding="utf-8", errors="replace").strip())

    def is_right(self, offered: str) -> bool:
        """Whether it was offered, in a time that does not depend on what was."""
        return hmac.compare_digest(self.value.encode(), offered.encode("utf-8", "replace"))

    def cookie(self, now: float) -> str:
        """The value of a cookie that is valid from now on."""
        until = str(int(now) + SECONDS)
        return f"{until}.{self.signature(until)}"

    def signed(self, cookie: str, now: float) -> bool:
        """Whether a cookie is of this token, and still valid."""
        until, _, signature = cookie.partition(".")
        right = hmac.compare_digest(self.signature(until).encode(), signature.encode("utf-8", "replace"))
        return right and until.isascii() and until.isdigit() and int(until) > now

    def signature(self, until: str) -> str:
        """Of a time."""
        return hmac.new(self.key, until.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
