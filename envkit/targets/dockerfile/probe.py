"""The health probe of a container: exit code 0 where its process is well, 1 and the reason where it is not.

The web process is asked for its health path; any other process is well while it runs. It runs every few seconds for
as long as the container lives, so it imports no package and little of Python itself: `python3 -I -S probe.py`, in the
folder of the description.
"""

from __future__ import annotations

import _socket  # what socket is made of, whose import would be a third of the probe's time
import os
import sys

TYPE_CHECKING = False  # as in typing, whose import would be half of the probe's time
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 4
"""Seconds for the answer: less than HEALTHCHECK's timeout, so that the reason is still told."""
_LONGEST = 200
"""Bytes of the answer that are looked at: its first line."""
_MEMORY = "/dev/shm"  # noqa: S108  a file system in memory that every container has, read-only or not


def main() -> int:
    """Says what was answered; the exit code is Docker's: 0 is healthy, 1 is not."""
    upstream, path, host, scheme, *command = facts(_MEMORY)
    with open("/proc/1/cmdline", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  pathlib takes 10 ms
        words = file.read().split("\0")[:-1]
    if not is_web(words, command):
        return 0
    # As nginx would ask, so that an app that insists on its name or on HTTPS answers the same; of a wildcard one name.
    host = (first_of(os.environ.get("ENVKIT_HTTP__DOMAINS", "")) or host).replace("*", "www")
    scheme = scheme_of(os.environ["ENVKIT_HTTP__TLS"]) if os.environ.get("ENVKIT_HTTP__TLS") else scheme
    request = (
        f"GET {os.environ.get('ENVKIT_HTTP__HEALTH_PATH') or path} HTTP/1.1\r\n"
        f"Host: {host}\r\nX-Forwarded-Proto: {scheme}\r\nConnection: close\r\n\r\n"
    )
    try:
        answer = _answer(address(os.environ.get("ENVKIT_HTTP__UPSTREAM") or upstream, os.environ.get("PORT")), request)
    except (OSError, ValueError) as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0 if answer.partition(" ")[2].startswith("2") else 1


def facts(memory: str) -> list[str]:
    """Upstream, health path, host, scheme and the web process's own command, from the description.

    They are remembered in a file in the folder `memory`, as reading TOML takes longer than all else.
    """
    for name, keys in (("envkit.toml", ()), ("pyproject.toml", ("tool", "envkit"))):
        try:
            state = os.stat(name)  # noqa: PTH116
        except OSError:
            continue
        remembered = f"{memory}/envkit-probe-{os.getuid()}-{state.st_ino}-{state.st_size}-{state.st_mtime_ns}"
        try:
            with open(remembered, encoding="utf-8") as file:  # noqa: PTH123
                return file.read().split("\n")
        except OSError:
            pass
        found = _facts_in(name, keys)
        if not any("\n" in fact for fact in found):
            _remember(remembered, "\n".join(found))
        return found
    return _facts_of({})


def is_web(words: list[str], command: list[str]) -> bool:
    """Whether these words, the command line of the container's first process, are those of the web process.

    Args:
        words: the command line.
        command: the web process's own, empty where it is gunicorn.
    """
    if any("gunicorn" in word for word in words) or words[-2:] == ["run", "web"]:  # the latter below --init
        return True
    tail = command[1:]  # a script's command line begins with its interpreter
    return bool(command) and words[len(words) - len(tail) :] == tail


def address(upstream: str, port: str | None) -> str | tuple[str, int]:
    """Where the web process listens, as a path or as host and port; the latter may be changed by PORT."""
    if upstream.startswith("unix:"):
        return upstream.removeprefix("unix:")
    host, _, usual = upstream.rpartition(":")
    # A service's name stands for every address of this container.
    host = host.strip("[]") if host[:1].isdigit() or host.startswith("[") else "127.0.0.1"
    return host, int(port or usual)


def first_of(domains: str) -> str:
    """The first of a list from the environment, separated by commas or in JSON."""
    return next(iter(domains.translate(dict.fromkeys(map(ord, '[],"'), " ")).split()), "")


def scheme_of(tls: str) -> str:
    """How users reach the app."""
    return "http" if tls == "off" else "https"


def _facts_in(name: str, keys: tuple[str, ...]) -> list[str]:
    import tomllib

    with open(name, "rb") as file:  # noqa: PTH123
        found = tomllib.load(file)
    for key in keys:
        found = found.get(key, {})
    return _facts_of(found)


def _facts_of(description: dict[str, Any]) -> list[str]:
    http = description.get("http", {})
    usual = "web:8000" if "container" in description else f"unix:/run/{description.get('name')}/web.sock"
    command = description.get("processes", {}).get("web", {}).get("command") or ()
    return [
        http.get("upstream") or usual,
        http.get("health_path") or "/health",
        next(iter(http.get("domains", ())), "localhost"),
        scheme_of(http.get("tls", "off")),
        *(command.split() if isinstance(command, str) else command),
    ]


def _remember(file: str, text: str) -> None:
    """Writes a file at once or, where there is no such folder, not at all."""
    own = f"{file}-{os.getpid()}"
    try:
        with open(own, "x", encoding="utf-8") as opened:  # noqa: PTH123
            opened.write(text)
        os.rename(own, file)  # noqa: PTH104
    except OSError:
        pass


def _answer(where: str | tuple[str, int], request: str) -> str:
    """The first line of the answer."""
    family = _socket.AF_UNIX if isinstance(where, str) else _socket.AF_INET6 if ":" in where[0] else _socket.AF_INET
    connection = _socket.socket(family)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(where)
        connection.sendall(request.encode())
        answer = b""
        while b"\n" not in answer and len(answer) < _LONGEST:
            part = connection.recv(_LONGEST)
            if not part:
                break
            answer += part
    finally:
        connection.close()
    return answer.partition(b"\r\n")[0].decode("latin-1")


if __name__ == "__main__":
    sys.exit(main())
