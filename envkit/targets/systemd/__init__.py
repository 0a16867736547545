"""The target systemd: units of a server without containers; `systemd/PATH` is the file `/PATH` of the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envkit.deployment import derived
from envkit.deployment.errors import DescriptionError
from envkit.deployment.overrides import origin_and_name, variable_of
from envkit.findings import Finding
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import CannotQuote, Fragment, systemd_command
from envkit.targets import gunicorn
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning
from envkit.targets.systemd import units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment

LANGUAGE: Final[Language] = "systemd"
FOLDER = "systemd"
"""The folder of the artifacts: below it they lie as on the server."""
UNITS = f"{FOLDER}/etc/systemd/system"
_TEMPLATES = Path(__file__).parent / "templates"
_COMMAND = "envkit render systemd"


def render(deployment: Deployment) -> Rendering:
    """The units, and the files on which they rely.

    - `NAME.target` starts and stops the whole app; it is the only unit that has to be enabled.
    - `NAME-web.socket` and `NAME-web.service`: the socket stays while gunicorn restarts.
    - `NAME-PROCESS.service` for each other process, `NAME-PROCESS.timer` for each that has a schedule.
    - `NAME-release.service` runs to its end when it is started, by a deployment.
    - `NAME-deploy.service` is started by hand when there is new code: the release, then a restart of every service.
    - `NAME-certificate.service` and `.timer` (tls letsencrypt) issue and renew the certificate.
    - `/etc/sysusers.d/NAME.conf`: the accounts; `/etc/tmpfiles.d/NAME.conf`: the folder of backups, if there are any.
    - `/etc/envkit/NAME/gunicorn.conf.py`: gunicorn's file; in `/usr/local/lib/envkit/NAME` the scripts of the units.

    Raises:
        CannotQuote: a text of the description has no spelling in a unit.
        DescriptionError: the description needs containers, or a program's path has no spelling in a unit.
    """
    if refused := tuple(_refused_upstream(deployment)):
        raise DescriptionError(refused)
    if refused := (*_refused_names(deployment), *_refused_users(deployment), *_refused_programs(deployment)):
        raise DescriptionError(refused)
    artifacts = [*_units(deployment), *_accounts(deployment), *_gunicorn(deployment), *_scripts(deployment)]
    return Rendering(tuple(artifacts), tuple(_findings(deployment)))


def _judge(folder: Path, _: Deployment) -> list[str]:
    return [sys.executable, "-m", "envkit.operations.systemd_judge", str(folder / FOLDER)]


JUDGE = Judge("systemd-analyze", _judge)


def _refused_upstream(deployment: Deployment) -> Iterator[Finding]:
    if derived.upstream(deployment).kind == "service":
        problem = "target systemd: names a service of containers, and systemd starts none"
        hint = "leave it out, or use compose"
        if deployment.http.upstream is None:
            problem = f"{problem}: where there is a table [container], it is {derived.CONTAINER_UPSTREAM} unless given"
            variable = variable_of("http", "upstream")
            hint = f"for systemd alone, render with {variable}=unix:/run/{deployment.name}/web.sock, or use compose"
        yield Finding(*origin_and_name(deployment, "http", "upstream"), problem, hint)


def _refused_names(deployment: Deployment) -> Iterator[Finding]:
    if deployment.name in units.SYSTEM_TARGETS:
        problem = f"target systemd: {deployment.name}.target is a unit of systemd's own"
        yield Finding(deployment.origin, "name", problem, "give the app another name")
    for name in units.RESERVED:
        if name in deployment.processes:
            problem = f"target systemd: {deployment.name}-{name}.service is a unit of its own"
            yield Finding(deployment.origin, f"processes.{name}", problem, "give the process another name")


def _refused_users(deployment: Deployment) -> Iterator[Finding]:
    """An app that visitors talk to never runs as root; nor as nginx, whose group alone may open the app's socket.

    Files of nobody are of whoever is root elsewhere (NFS), and systemd warns of a service that could change them.
    """
    for name, process in units.processes(deployment).items():
        user = derived.account(deployment, process)[0]
        if user in {"root", "nobody", deployment.server.proxy_group}:
            place = f"processes.{name}.user" if process.user else "name"
            whose = user if user in {"root", "nobody"} else "nginx"
            hint = "name a user of the app's own" if process.user else "give the app another name"
            yield Finding(deployment.origin, place, f"target systemd: {name} would run as {whose}'s user", hint)


def _refused_programs(deployment: Deployment) -> Iterator[Finding]:
    """A program's path is the one text that no quotes help: findings name its key."""
    for key, program in units.programs(deployment):
        try:
            systemd_command((program,))
        except CannotQuote as error:
            yield Finding(deployment.origin, key, f"target systemd: {error}")


def _units(deployment: Deployment) -> Iterator[Artifact]:
    jinja = environment(LANGUAGE, _TEMPLATES)
    for unit in units.units_of(deployment):
        context = units.context_of(deployment, unit)
        text = jinja.get_template(f"{unit.template}.j2").render(header=_header(deployment), unit=unit, **context)
        yield Artifact(f"{UNITS}/{unit.name}", text)


def _accounts(deployment: Deployment) -> Iterator[Artifact]:
    template = environment(LANGUAGE, _TEMPLATES).get_template("sysusers.conf.j2")
    text = template.render(
        header=_header(deployment), name=deployment.name, users=units.users(deployment), groups=units.groups(deployment)
    )
    yield Artifact(f"{FOLDER}/etc/sysusers.d/{deployment.name}.conf", text)
    if derived.is_backed_up(deployment):
        user, group = derived.account(deployment, derived.web(deployment))
        text = (
            environment(LANGUAGE, _TEMPLATES)
            .get_template("tmpfiles.conf.j2")
            .render(header=_header(deployment), folder=derived.backup_directory(deployment), user=user, group=group)
        )
        yield Artifact(f"{FOLDER}/etc/tmpfiles.d/{deployment.name}.conf", text)


def _gunicorn(deployment: Deployment) -> Iterator[Artifact]:
    if not derived.web(deployment).command:
        (artifact,) = gunicorn.render(deployment).artifacts
        text = artifact.text.replace(gunicorn.COMMAND, _COMMAND, 1)
        yield Artifact(f"{FOLDER}{derived.configuration_directory(deployment)}/{gunicorn.FILE}", text)


def _scripts(deployment: Deployment) -> Iterator[Artifact]:
    place = f"{FOLDER}{units.library(deployment)}"
    if not derived.web(deployment).command:
        template = environment("python", _TEMPLATES).get_template("wait-until-healthy.j2")
        text = template.render(header=_header(deployment), **units.health_context(deployment))
        yield Artifact(f"{place}/wait-until-healthy", text, 0o755)
    shell = environment("shell", _TEMPLATES)
    text = shell.get_template("back-off.j2").render(header=_header(deployment), app=deployment.name)
    yield Artifact(f"{place}/back-off", text, 0o755)
    if deployment.http.tls == "letsencrypt":
        from envkit.targets import nginx

        text = shell.get_template("certificate-renewed.j2").render(
            header=_header(deployment), ensure=f"{units.library(deployment)}/ensure-certificate.sh"
        )
        yield Artifact(f"{place}/certificate-renewed", text, 0o755)
        for artifact in nginx.render(deployment).artifacts:
            if artifact.path == "nginx/ensure-certificate.sh":
                yield Artifact(f"{place}/ensure-certificate.sh", artifact.text, artifact.mode)


def _header(deployment: Deployment) -> Fragment:
    return header(_COMMAND, derived.source(deployment))


def _findings(deployment: Deployment) -> Iterator[Finding]:
    if derived.web(deployment).command:
        yield warning(
            deployment,
            "processes.web.command",
            "a web process with a command of its own gets no socket unit, so requests fail while it restarts",
            "leave the command out, and gunicorn serves the app",
        )
    for key, path in (
        ("directory", derived.server_directory(deployment)),
        ("virtualenv", derived.virtualenv(deployment)),
    ):
        if units.in_home(path):
            yield warning(
                deployment,
                f"server.{key}",
                "lies in a home folder, so the app's processes can read all of those",
                "move it to /srv or /opt",
            )
    group = derived.account(deployment, derived.web(deployment))[1]
    for prefix, static in deployment.http.static.items():
        if Path(static.directory).is_relative_to(f"/var/lib/{deployment.name}"):
            yield warning(
                deployment,
                f'http.static."{prefix}".directory',
                "lies in the folder that only the app may enter, so nginx answers 403",
                f"keep the files beside the code, or let nginx in: usermod --append --groups {group} "
                f"{deployment.server.proxy_group}, and restart it",
            )
