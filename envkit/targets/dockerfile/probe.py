"""The health probe of a container: exit code 0 where its process is well, 1 and the reason where it is not.

The web process is asked for its health path; any other process is well while it runs. It runs every few seconds for
as long as the container lives, so it imports no package and little of Python itself: `python3 -I -S probe.py`, in the
folder of the description.
"""

from __future__ import annotations

import os
import socket
import sys
import tomllib
from typing import Any  # tomllib does so, too

PATIENCE = 4
"""Seconds for the answer: less than HEALTHCHECK's timeout, so that the reason is still told."""
_LONGEST = 200
"""Bytes of the answer that are looked at: its first line."""


def main() -> int:
    """Says what was answered; the exit code is Docker's: 0 is healthy, 1 is not."""
    description = _description()
    with open("/proc/1/cmdline", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  pathlib takes 10 ms
        words = file.read().split("\0")[:-1]
    if not is_web(words, description):
        return 0
    try:
        status = _status(description)
    except (OSError, ValueError) as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    sys.stdout.write(f"{status}\n")
    return 0 if status.partition(" ")[2].startswith("2") else 1


def is_web(words: list[str], description: dict[str, Any]) -> bool:
    """Whether these words, the command line of the container's first process, are those of the web process."""
    if any("gunicorn" in word for word in words) or words[-2:] == ["run", "web"]:  # the latter below --init
        return True
    own = description.get("processes", {}).get("web", {}).get("command") or ()
    tail = (own.split() if isinstance(own, str) else own)[1:]
    return bool(own) and words[len(words) - len(tail) :] == list(tail)


def address_and_path(description: dict[str, Any], environ: Any) -> tuple[str | tuple[str, int], str]:
    """Where the web process listens, as a path or as host and port, and its health path."""
    http = description.get("http", {})
    upstream = environ.get("ENVKIT_HTTP__UPSTREAM") or http.get("upstream")
    upstream = upstream or (
        "web:8000" if "container" in description else f"unix:/run/{description.get('name')}/web.sock"
    )
    path = environ.get("ENVKIT_HTTP__HEALTH_PATH") or http.get("health_path") or "/health"
    if upstream.startswith("unix:"):
        return upstream.removeprefix("unix:"), path
    host, _, port = upstream.rpartition(":")
    # A service's name stands for every address of this container.
    host = host.strip("[]") if host[:1].isdigit() or host.startswith("[") else "127.0.0.1"
    return (host, int(environ.get("PORT") or port)), path


def _description() -> dict[str, Any]:
    for file, keys in (("envkit.toml", ()), ("pyproject.toml", ("tool", "envkit"))):
        try:
            with open(file, "rb") as opened:  # noqa: PTH123
                found = tomllib.load(opened)
        except OSError:
            continue
        for key in keys:
            found = found.get(key, {})
        return found
    return {}


def _status(description: dict[str, Any]) -> str:
    """The first line of the answer."""
    address, path = address_and_path(description, os.environ)
    http = description.get("http", {})
    # As nginx would ask, so that an app that insists on its name or on HTTPS answers the same.
    host = next(iter(http.get("domains", ())), "localhost")
    scheme = "http" if http.get("tls", "off") == "off" else "https"
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\nConnection: close\r\n\r\n"
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.sendall(request.encode())
        answer = b""
        while b"\n" not in answer and len(answer) < _LONGEST:
            part = connection.recv(_LONGEST)
            if not part:
                break
            answer += part
    return answer.partition(b"\r\n")[0].decode("latin-1")


if __name__ == "__main__":
    sys.exit(main())
