"""Where the web process cannot listen, of which gunicorn gives no hint: a socket without its folder, and no port."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.deployment.number_kinds import LAST_PORT
from envkit.deployment.overrides import origin_and_name, variable_of
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment

_UPSTREAM = ("http", "upstream")
_ELSEWHERE = ("-b", "--bi", "-c", "--con", "--check", "--print", "-h", "-v", "--h", "--v")
"""Options by which gunicorn listens elsewhere or not at all; argparse takes any beginning of a name that is clear."""


def find_no_socket(
    deployment: Deployment, *, folder: Path, config: Path | None = None, arguments: Sequence[str] = ()
) -> list[Finding]:
    """What keeps the web process from making its socket.

    Args:
        deployment: the description.
        folder: where `envkit render` writes.
        config: gunicorn's file, instead of the rendered one.
        arguments: gunicorn's own.

    Returns:
        One finding, or none: also where gunicorn's arguments or files may tell it to listen elsewhere.
    """
    socket = derived.socket_path(deployment)
    if socket is None or derived.web(deployment).command:
        return []
    place = Path(socket).parent
    is_there = place.is_dir()
    if is_there and os.access(place, os.W_OK | os.X_OK):
        return []
    if _may_listen_elsewhere(socket, config or folder / "gunicorn.conf.py", arguments):
        return []
    problem = f"this user may not write in {place}" if is_there else f"there is no folder {place}"
    if deployment.http.upstream is None:
        hint = (
            'systemd makes it on a server; in a container give http.upstream = "web:8000", or '
            f"{variable_of(*_UPSTREAM)}=web:8000; on your own machine use `envkit up`"
        )
        return [Finding(deployment.origin, ".".join(_UPSTREAM), f"is unix:{socket} unless given, and {problem}", hint)]
    hint = f"{'let this user write there' if is_there else 'make the folder'}, or give a host and port"
    return [Finding(*origin_and_name(deployment, *_UPSTREAM), f"is a socket, and {problem}", hint)]


def find_no_port(deployment: Deployment, *, arguments: Sequence[str] = ()) -> list[Finding]:
    """A variable PORT that is no port, where gunicorn's file listens there.

    Args:
        deployment: the description.
        arguments: gunicorn's own, which may tell it to listen elsewhere.

    Returns:
        One finding, or none. Its text holds nothing of the value.
    """
    text = os.environ.get("PORT", "")
    if not text or derived.socket_path(deployment) is not None or derived.web(deployment).command:
        return []
    if _is_port(text.strip()) or any(option.startswith(_ELSEWHERE) for option in _options(arguments)):
        return []
    return [Finding("environment", "PORT", f"must be a port: a whole number from 1 to {LAST_PORT}, or unset")]


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LAST_PORT


def _options(arguments: Sequence[str]) -> tuple[str, ...]:
    return (*arguments, *os.environ.get("GUNICORN_CMD_ARGS", "").split())


def _may_listen_elsewhere(socket: str, file: Path, arguments: Sequence[str]) -> bool:
    if "LISTEN_FDS" in os.environ or any(option.startswith(_ELSEWHERE) for option in _options(arguments)):
        return True  # the variable: systemd has made the socket itself (sd_listen_fds(3))
    if file.with_name("gunicorn.local.py").exists():
        return True
    try:
        return socket not in file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # it is rendered at start, as the description says
