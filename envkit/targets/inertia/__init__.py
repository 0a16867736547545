"""The target inertia: a project that Inertia builds and starts by Compose, and the commands that set its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.deployment.model import Inertia
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import Fragment
from envkit.targets import compose
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding
    from envkit.targets.settings import SettingNames

LANGUAGE: Language = "toml"
COMMAND = "envkit render inertia --out ."
KILL_AFTER = 10
"""Seconds from SIGTERM to SIGKILL (inertia 0.7, daemon/inertiad/containers/containers.go: StopActiveContainers)."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(deployment: Deployment, settings: SettingNames | None = None) -> Rendering:
    """The files of a project that Inertia deploys; they belong in the project's own folder: `--out .`.

    - `inertia.toml`, and `docker-compose.yml`, the only name that Inertia finds when it starts the services.
    - `inertia-settings.sh` sets every setting that the class declares, read from a file or a prompt.
    - `inertia-send.sh` sends a file that only its owner may read.
    - `inertia-proxy/`: nginx's image, built from the project.

    Raises:
        DescriptionError: the description does not fit containers.
        CannotQuote: a language of the files cannot hold a text of the description.
    """
    inertia = deployment.inertia or Inertia()
    toml = environment("toml", _TEMPLATES).get_template("inertia.toml.j2")
    project = toml.render(
        header=header(COMMAND, derived.source(deployment)),
        version=f"v{inertia.version}",
        name=deployment.name,
        url=inertia.url or "",
        branch=inertia.branch,
        buildfile=compose.INERTIA.file,
    )
    services = compose.render(deployment, settings, compose.INERTIA)
    artifacts = (
        Artifact("inertia.toml", project),
        Artifact("inertia-settings.sh", _settings_script(deployment, settings), 0o755),
        Artifact(
            "inertia-send.sh", _shell("inertia-send.sh.j2", header=header(COMMAND, derived.source(deployment))), 0o755
        ),
        *services.artifacts,
    )
    return Rendering(artifacts, (*services.findings, *_findings(deployment)))


JUDGE = Judge("docker", compose.judge_inertia)


def _settings_script(deployment: Deployment, settings: SettingNames | None) -> str:
    names = [(setting.name, _manner(required=setting.required, secret=setting.secret)) for setting in settings or ()]
    if deployment.services.postgres and not any(name == compose.PASSWORD for name, _ in names):
        names.append((compose.PASSWORD, _manner(required=True, secret=True)))
    return _shell("inertia-settings.sh.j2", header=header(COMMAND, derived.source(deployment)), names=names)


def _manner(*, required: bool, secret: bool) -> Fragment:
    return Fragment(f"{'required' if required else 'optional'} {'hidden' if secret else 'shown'}")


def _shell(template: str, **context: object) -> str:
    return environment("shell", _TEMPLATES).get_template(template).render(context)


def _findings(deployment: Deployment) -> Iterator[Finding]:
    if deployment.inertia is None or deployment.inertia.url is None:
        yield warning(
            deployment, "inertia.url", "is missing, and Inertia needs the repository that it clones", "add it"
        )
    if deployment.http.timeouts.graceful > KILL_AFTER:
        yield warning(
            deployment,
            "http.timeouts.graceful",
            f"Inertia kills a container {KILL_AFTER} s after SIGTERM, whatever its file says",
            "requests and jobs that take longer are cut off",
        )
    yield warning(
        deployment,
        "settings",
        "`inertia env set` takes each value as an argument, which others on the machine that runs it can see",
        "run inertia-settings.sh where nobody else is logged in",
    )
    yield warning(
        deployment,
        "inertia",
        "Inertia stops every container of its server before it builds, and again when any one of them ends",
        "expect an outage with each deployment, and keep nothing else on that server",
    )
    if lost := _in_volumes(deployment):
        # inertia 0.7, daemon/inertiad/containers/containers.go: Prune() removes stopped containers first, then volumes.
        yield warning(
            deployment,
            "inertia",
            "Inertia removes volumes that no container uses, with `down` and when it deploys after a container has "
            f"ended, and with them {' and '.join(lost)}",
            "keep data in folders of the server (container.data) or on another server",
        )


def _in_volumes(deployment: Deployment) -> list[str]:
    services = deployment.services
    kept = {
        "the certificate": deployment.http.tls == "letsencrypt",
        "PostgreSQL's database": services.postgres,
        "what Redis keeps": services.redis,
    }
    return [what for what, is_there in kept.items() if is_there]
