"""Where one program reaches another: a unix socket, an address and port, or the name of a service and a port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from envkit.deployment.number_kinds import LAST_PORT

SOCKET_PATH_LIMIT = 107
"""Bytes of a socket's path: `sun_path` has 108 with the closing NUL (unix(7))."""

_SERVICE = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*"
)
_SOCKET = re.compile(r"/[A-Za-z0-9._/@+-]*[A-Za-z0-9._@+-]")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address."""

    kind: Literal["unix", "tcp", "service"]
    """`tcp` has an IP address as its host, `service` a name that DNS or the container engine knows."""
    path: str = ""
    """Of the socket; empty for the other kinds."""
    host: str = ""
    """IP address without brackets, or the service's name."""
    port: int = 0

    def __str__(self) -> str:
        """The form in which nginx and gunicorn both read it: `unix:/path`, `127.0.0.1:80`, `[::1]:80`, `web:80`."""
        if self.kind == "unix":
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it by the network."""
        return self.kind == "tcp" and ip_address(self.host).is_loopback


def parse_address(text: str) -> Address:
    """`unix:/run/shop/web.sock`, `127.0.0.1:8000`, `[::1]:8000` or `web:8000` as an `Address`.

    Raises:
        ValueError: with what is wrong; the message does not repeat the text.
    """
    if text.startswith("unix:"):
        return Address("unix", path=_socket_path(text.removeprefix("unix:")))
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError("is none of unix:/run/web.sock, 127.0.0.1:8000, [::1]:8000 and web:8000")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > LAST_PORT:
        raise ValueError(f"the port after the last colon is not a number from 1 to {LAST_PORT}")
    return _host_and_port(host, int(port))


def _host_and_port(host: str, port: int) -> Address:
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    address = _ip_address(bare)
    if address is not None:
        if bracketed != (":" in bare):
            raise ValueError("an IPv6 address, and no other, stands in brackets: [::1]:8000")
        return Address("tcp", host=address, port=port)
    if host == "localhost":
        raise ValueError("localhost may mean 127.0.0.1 or ::1, not the same to every program; write the address")
    if not _SERVICE.fullmatch(host) or re.fullmatch(r"[0-9.]+", host):
        raise ValueError("before the port stands neither an IP address nor the name of a service")
    return Address("service", host=host, port=port)


def _ip_address(text: str) -> str | None:
    if "%" in text:
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _socket_path(path: str) -> str:
    if not _SOCKET.fullmatch(path) or "//" in path or {".", ".."} & set(path.split("/")):
        raise ValueError(
            "unix: needs an absolute path of letters, digits and . _ @ + -, without empty, . or .. folders"
        )
    if len(path) > SOCKET_PATH_LIMIT:
        raise ValueError(f"the socket's path is {len(path)} bytes long, and the system allows {SOCKET_PATH_LIMIT}")
    return path
