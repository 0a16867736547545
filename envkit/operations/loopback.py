"""The description changed so that one machine can serve it for itself: loopback, no TLS, no rights, one folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment.addresses import parse_address
from envkit.deployment.model import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.deployment.model import Deployment, StaticFiles

HOST = "127.0.0.1"


class Local(NamedTuple):
    """A description for loopback, and what is different from the one it was made of."""

    deployment: Deployment
    notes: tuple[str, ...]


def on_loopback(
    deployment: Deployment, folder: Path, port: int, *, nginx_version: str | None, free_port: Callable[[], int]
) -> Local:
    """The description as this machine serves it at 127.0.0.1.

    Args:
        deployment: the description.
        folder: an existing folder for the socket, the flag and the rendered files.
        port: where the app is to answer.
        nginx_version: of the nginx in front of the app; None where gunicorn answers alone.
        free_port: gives a port for gunicorn, should the folder's path be no good for a socket.
    """
    http = deployment.http
    notes = [] if http.tls == "off" else [f"TLS is off here; the description says {http.tls}"]
    static, missing = _static_files_here(http.static)
    if nginx_version is not None and missing:
        notes.append(f"no such folder on this machine, so the app itself serves {', '.join(missing)}")
    web = deployment.processes.get("web") or Process()
    local = replace(
        deployment,
        versions=replace(deployment.versions, nginx=nginx_version),
        http=replace(
            http,
            domains=(HOST, "localhost"),
            tls="off",
            certificate=None,
            certificate_key=None,
            http3=False,
            port=port,
            upstream=f"{HOST}:{port}" if nginx_version is None else _upstream(folder, free_port),
            static=static,
            acme_root=f"{folder}/acme",
            trusted_proxies=(),
        ),
        processes={**deployment.processes, "web": replace(web, user=None, group=None)},
        # People read the terminal. Without nginx nobody else would log the requests.
        logs=replace(deployment.logs, format="text", access="app" if nginx_version is None else deployment.logs.access),
        maintenance=replace(
            deployment.maintenance, flag=f"{folder}/maintenance", page=None, directory=f"{folder}/nginx"
        ),
    )
    return Local(local, tuple(notes))


def _upstream(folder: Path, free_port: Callable[[], int]) -> str:
    socket = f"unix:{folder}/web.sock"
    try:
        parse_address(socket)
    except ValueError:  # too long, or with characters that the two programs do not both take
        return f"{HOST}:{free_port()}"
    return socket


def _static_files_here(static: dict[str, StaticFiles]) -> tuple[dict[str, StaticFiles], list[str]]:
    """The folders of static files as they are on this machine, and the URL prefixes without one.

    /srv/teams/teams_app/static of the server is teams_app/static in the project's folder.
    """
    here: dict[str, StaticFiles] = {}
    missing: list[str] = []
    for prefix, files in static.items():
        parts = PurePosixPath(files.directory).parts[1:]
        candidates = [Path(files.directory), *(Path.cwd().joinpath(*parts[start:]) for start in range(len(parts)))]
        # pathlib raises where a folder on the way may not be searched.
        found = next((candidate for candidate in candidates if os.path.isdir(candidate)), None)  # noqa: PTH112
        if found is None:
            missing.append(prefix)
        else:
            here[prefix] = replace(files, directory=str(found))
    return here, missing
