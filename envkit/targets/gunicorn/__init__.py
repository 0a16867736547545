"""The target gunicorn: the description as `gunicorn.conf.py`, plain Python that imports nothing of envkit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envkit.deployment import derived
from envkit.deployment.versions import knows
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import Fragment
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding

LANGUAGE: Final[Language] = "python"
FILE = "gunicorn.conf.py"
COMMAND = "envkit render gunicorn"
LARGEST_REQUEST_LINE = 8190
"""Bytes: what gunicorn allows at most (its setting limit_request_line), and by default."""


def render(deployment: Deployment) -> Rendering:
    """The file `gunicorn.conf.py`.

    Raises:
        CannotQuote: a text of the description has no spelling in Python.
    """
    template = environment(LANGUAGE, Path(__file__).parent / "templates").get_template(f"{FILE}.j2")
    return Rendering((Artifact(FILE, template.render(_context(deployment))),), tuple(_findings(deployment)))


def _check(folder: Path, deployment: Deployment) -> list[str]:
    """Whether gunicorn accepts the file and can import the app."""
    return ["gunicorn", "--check-config", "--config", str(folder / FILE), deployment.app]


JUDGE = Judge("gunicorn", _check)


def _context(deployment: Deployment) -> dict[str, Any]:
    process = derived.web(deployment)
    address = derived.upstream(deployment)
    bind = derived.gunicorn_bind(deployment)
    return {
        "header": header(COMMAND, derived.source(deployment)),
        "app": deployment.app,
        "name": deployment.name,
        "bind": bind,
        "tcp_host": "" if address.kind == "unix" else bind.rpartition(":")[0],
        "is_service": address.kind == "service",
        "forwarded_allow_ips": ",".join(derived.forwarded_allow_ips(deployment)),
        "umask": Fragment(f"0o{int(process.umask, 8):03o}"),
        "user": process.user,
        "group": process.group,
        "header_limit": deployment.http.header_limit,
        "worker_class": process.worker_class,
        "threads": derived.gunicorn_threads(deployment),
        "worker_connections": derived.worker_connections(deployment),
        "preload": process.preload,
        "max_requests": process.max_requests,
        "max_requests_jitter": process.max_requests // 10,
        "singleton": process.singleton,
        "workers": derived.workers(deployment),
        "worker_memory": derived.WORKER_MEMORY,
        "memory": process.memory,
        "timeout": derived.gunicorn_timeout(deployment),
        "graceful_timeout": derived.graceful_timeout(deployment),
        "stop_grace": derived.stop_grace(deployment),
        "keepalive": derived.gunicorn_keep_alive(deployment),
        "nginx_keepalive": derived.upstream_keep_alive(deployment),
        "loglevel": deployment.logs.level,
        "access_log": deployment.logs.access == "app",
        "json_lines": deployment.logs.format == "json",
        "health_path": deployment.http.health_path,
    }


def _findings(deployment: Deployment) -> Iterator[Finding]:
    process = derived.web(deployment)
    gunicorn = deployment.versions.gunicorn
    if process.command:
        yield warning(
            deployment,
            "processes.web.command",
            "the web process has a command of its own, and nothing starts gunicorn with the rendered file",
            "let the command read it, or leave the command out",
        )
    if deployment.http.header_limit > LARGEST_REQUEST_LINE + 2:
        yield warning(
            deployment,
            "http.header_limit",
            f"gunicorn refuses every request line above {LARGEST_REQUEST_LINE} bytes by 414",
        )
    networks = any("/" in peer for peer in derived.forwarded_allow_ips(deployment))
    if networks and gunicorn is not None and not knows(gunicorn, "forwarded_networks"):
        yield warning(
            deployment, "versions.gunicorn", "before 24.1 it knows no networks, and believes no forwarded scheme here"
        )
    if process.max_requests and gunicorn is not None and not knows(gunicorn, "late_requests"):
        yield warning(
            deployment, "processes.web.max_requests", "gunicorn before 27.0.1 drops requests when it restarts a worker"
        )
