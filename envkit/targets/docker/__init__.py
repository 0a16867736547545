"""The target docker: one container of the app by `docker run`, with nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.deployment.errors import DescriptionError
from envkit.findings import Finding
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import Fragment
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning
from envkit.targets.labels import no_table, restart_findings, update_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Container, Deployment

LANGUAGE: Language = "shell"
FILE = "docker-run.sh"
_LOOPBACK = "127."
_STATE = "{{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
"""What the script asks the engine, in its own language of templates: `running 0 healthy`."""


def render(deployment: Deployment) -> Rendering:
    """The file `docker-run.sh`, which starts the web process or replaces the one that runs.

    The settings come by `--env-file`, whose lines docker takes as they stand; no value is in an argument.

    Raises:
        DescriptionError: the app listens on an address that another machine's network does not reach.
        CannotQuote: a text of the description has no spelling in a shell.
    """
    if derived.upstream(deployment).kind != "service" and deployment.http.upstream is not None:
        problem = "is not a service, so the app would listen where docker cannot publish it"
        raise DescriptionError(
            [Finding(deployment.origin, "http.upstream", problem, 'leave it out, or write "web:8000"')]
        )
    template = environment(LANGUAGE, Path(__file__).parent / "templates").get_template(f"{FILE}.j2")
    return Rendering((Artifact(FILE, template.render(_context(deployment)), 0o755),), tuple(_findings(deployment)))


JUDGE = Judge("sh", lambda folder, _: ["sh", "-n", str(folder / FILE)])


def _context(deployment: Deployment) -> dict[str, Any]:
    container = derived.container(deployment)
    process = derived.web(deployment)
    port = _port(deployment)
    user = derived.container_user(process)
    return {
        "header": header("envkit render docker", derived.source(deployment)),
        "name": deployment.name,
        "state": _STATE,
        "image": derived.image(deployment),
        "pull": "/" in derived.image(deployment),
        "make": _make(container, process.user),
        # Else the app would listen where nothing is published.
        "port": f"PORT={port}",
        "checked": derived.checks_settings(deployment),
        "mounts": [_mount(mount) for mount in container.data],
        "has_relative_mounts": any(not mount.startswith("/") for mount in container.data),
        "options": [
            ["--restart", container.restart],
            ["--publish", f"{container.address}:{container.port or port}:{port}"],
            # Else a program without a handler of its own would not see the signal to stop; gunicorn has one.
            *([["--init"]] if process.command else []),
            ["--stop-timeout", str(derived.stop_grace(deployment))],
            *([["--read-only"], ["--tmpfs", "/tmp"]] if container.read_only else []),  # noqa: S108 - the container's own
            ["--cap-drop", "ALL"],
            ["--security-opt", "no-new-privileges:true"],
            ["--log-driver", "json-file"],
            ["--log-opt", f"max-size={container.log_size}", "--log-opt", f"max-file={container.log_files}"],
            *([["--memory", str(process.memory)]] if process.memory is not None else []),
            *([["--cpus", str(process.cpus)]] if process.cpus is not None else []),
            *([["--user", user]] if user else []),
            *(["--label", f"{name}={value}"] for name, value in update_labels(deployment)),
        ],
        "grace": str(derived.stop_grace(deployment)),
        "command": ["web"] if container.base == "envkit" else list(process.command),
    }


def _make(container: Container, user: str | None) -> Fragment:
    """How to make a folder that the container's user may write, for a message; $folder is the script's."""
    if user or container.base != "envkit":  # by name, or of an image that envkit does not know
        return Fragment("make it, owned by the container's user")
    return Fragment(f"install -d -o {derived.CONTAINER_USER} -g {derived.CONTAINER_USER} '$folder'")


def _mount(mount: str) -> tuple[str, str, str]:
    """What comes before the host's folder, that folder, and what comes after it."""
    source, target = mount.split(":", 1)
    return "type=bind,source=", source.removeprefix("./"), f",target={target}"


def _port(deployment: Deployment) -> int:
    """The port on which the app listens in its container."""
    address = derived.upstream(deployment)
    return address.port or int(derived.CONTAINER_UPSTREAM.rpartition(":")[2])


def _findings(deployment: Deployment) -> Iterator[Finding]:
    container = derived.container(deployment)
    if deployment.container is None and deployment.http.upstream is None:
        yield no_table(deployment)
    if not container.address.startswith(_LOOPBACK):
        yield warning(
            deployment,
            "container.address",
            "the app itself is published, without TLS, limits, static files and maintenance page",
            'put a proxy before it and write address = "127.0.0.1"',
        )
    others = [name for name in deployment.processes if name != "web"]
    if others:
        yield warning(
            deployment, "processes", f"one container runs web alone, and not {', '.join(others)}", "render compose"
        )
    if container.secrets == "files":
        yield warning(
            deployment, "container.secrets", "docker run knows no secrets, so they come by the env file as well"
        )
    yield from restart_findings(deployment)
    yield warning(deployment, "processes.web", "the old container is stopped before the new one starts")
