"""The names under which a server may be asked: a page of somebody else, whose name was bent to this address, is refused.

DNS rebinding: a page from ``evil.example`` lets its own name point to 127.0.0.1, and is then of the same origin as what listens there. But
its browser sends ``Host: evil.example``. Addresses in digits cannot be bent.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")


class Hosts:
    """The hosts that are answered for.

    Args:
        bound: the address or the name that the server listens on.
        names: others under which it is reached, such as that of a proxy.
    """

    def __init__(self, bound: str, names: Iterable[str] = ()) -> None:
        self.names = {*LOCAL, *(name.lower() for name in names)}
        self.addresses = False
        if not is_loopback(bound):
            self.addresses = True
            self.names |= {bound.lower(), socket.gethostname().lower()}

    def allows(self, header: str | None) -> bool:
        """Whether a request with this ``Host`` is for this server.

        Example:
            >>> hosts = Hosts("127.0.0.1")
            >>> [hosts.allows(each) for each in ("localhost:8000", "[::1]:8000", "evil.example:8000", "192.168.0.7", "", None)]
            [True, True, False, False, False, False]
            >>> Hosts("0.0.0.0").allows("192.168.0.7:8000"), Hosts("0.0.0.0").allows("evil.example")
            (True, False)
        """
        name = host_of(header or "")
        return bool(name) and (name in self.names or (self.addresses and is_address(name)))


def host_of(netloc: str) -> str:
    """The host of ``host:port``, in lower case and without brackets; empty where it is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        parts.port  # noqa: B018  raises for what is not a number
    except ValueError:
        return ""
    whole = parts.netloc == netloc and "@" not in netloc
    return (parts.hostname or "").removesuffix(".") if whole else ""


def is_address(name: str) -> bool:
    """Whether a host is an address in digits."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether what listens there is reached from this machine alone.

    Example:
        >>> [is_loopback(each) for each in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "gallery.example")]
        [True, True, True, False, False]
    """
    return name.lower() == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)
