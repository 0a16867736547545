"""What Compose cannot express of a description, and what contradicts containers altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.targets.compose.beside import PASSWORD
from envkit.targets.compose.services import NGINX_GROUP, RELEASE, flag_folder, makes_backups, process_names, run_once
from envkit.targets.findings import warning
from envkit.targets.labels import restart_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.targets.compose.form import Form
    from envkit.targets.settings import SettingNames

OWN_NAMES = ("nginx", "certbot", "redis", "postgres", "dynamodb-local", "watchtower")
"""Services that are not processes of the app."""


_SYSTEM = frozenset(
    {
        *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin"),
        *("/srv", "/sys", "/tmp", "/usr", "/usr/share", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"),  # noqa: S108
    }
)
"""Folders that hold much else, and in the container the programs and files that nginx needs."""


def problems_of(deployment: Deployment, form: Form) -> Iterator[Finding]:
    """What must change before the app can run in containers."""
    upstream = derived.upstream(deployment)
    if upstream.kind != "service" or upstream.host != "web":
        yield Finding(
            deployment.origin,
            "http.upstream",
            "is not the service web, where nginx's container reaches the app's",
            'leave it out, or write upstream = "web:8000"',
        )
    for name in deployment.processes:
        if name in OWN_NAMES:
            yield Finding(
                deployment.origin, f"processes.{name}", "is the name of a service that is not the app's", "rename it"
            )
    if flag_folder(deployment) in _SYSTEM:
        yield Finding(
            deployment.origin,
            "maintenance.flag",
            "lies in a folder of the system, and nginx's container would see that instead of its own",
            f"give it a folder of its own, such as /srv/{deployment.name}/maintenance/on",
        )
    if not form.alone:
        return
    if RELEASE in deployment.processes:
        # inertia 0.7, daemon/inertiad/project/deployment.go: Watch() takes each end of a container for a failure.
        yield Finding(
            deployment.origin,
            f"processes.{RELEASE}",
            "runs to its end, and Inertia stops every container when one of them ends",
            "leave it out, and let the web process do this when it starts; or use the target compose",
        )
    for index, mount in enumerate(derived.container(deployment).data):
        if not mount.startswith("/"):
            yield Finding(
                deployment.origin,
                f"container.data[{index}]",
                "is a relative folder, which Inertia's Compose does not see",
                "write an absolute path of the server",
            )


def warnings_of(deployment: Deployment, settings: SettingNames | None, form: Form) -> Iterator[Finding]:
    """What the files say less of than the description, in the order of the model."""
    if settings is None:
        yield warning(
            deployment,
            "settings",
            "names no class, so no setting is passed to the app",
            'add settings = "module:Class"',
            "compose-no-settings",
        )
    if deployment.http.tls == "files":
        # A bind mount of a file stays with the inode that it found, and follows a symbolic link once.
        yield warning(
            deployment,
            "http.certificate",
            "is mounted as a file, so nginx's container does not see one that is put in its place by mv, or by a link",
            f"write new ones into the same files (cp does), or run: docker compose -p {deployment.name} restart nginx",
            "compose-certificate-files",
        )
        yield warning(
            deployment,
            "http.certificate_key",
            f"is read by nginx's container as user and group {NGINX_GROUP}, not as root",
            f"let that group read it: chgrp {NGINX_GROUP} FILE, chmod 640 FILE",
            "compose-certificate-key",
        )
    if deployment.http.static:
        yield warning(
            deployment,
            "http.static",
            "nginx's container mounts these folders from the machine, where the app's image does not put them",
            "copy them there with each release, or let the app serve them",
            "compose-static-folders",
        )
    if RELEASE in deployment.processes:
        yield warning(
            deployment,
            f"processes.{RELEASE}",
            "`docker compose up` alone takes the old containers away before this has run",
            "start and replace by deploy.sh, which runs it first",
            "compose-release",
        )
    for name, process in deployment.processes.items():
        if process.schedule is not None:
            yield warning(
                deployment,
                f"processes.{name}.schedule",
                "Compose keeps no time, so nothing starts the process",
                "let a process keep it that never ends: Inertia stops every container when one of them ends"
                if form.alone
                else f"let the machine's own scheduler run: {run_once(deployment, name)}",
                "compose-no-schedule",
            )
    if flag_folder(deployment) is None:
        flag = derived.maintenance_flag(deployment)
        yield warning(
            deployment,
            "maintenance.flag",
            "is kept in a volume of nginx's container, where `envkit maintenance` on the machine does not reach it",
            f"name one in a folder of the machine's, such as /srv/{deployment.name}/maintenance/on; or run: "
            f"docker compose -p {deployment.name} exec nginx install -D /dev/null {flag}",
            "compose-maintenance-flag",
        )
    yield from restart_findings(deployment)
    yield from _backups(deployment)
    if deployment.services.postgres and not form.alone and not any(s.name == PASSWORD for s in settings or ()):
        yield warning(
            deployment,
            "services.postgres",
            f"takes its password from {PASSWORD}, which the settings class does not declare",
            "write it into secrets/ as well: envkit export --all --to files takes it along"
            if derived.container(deployment).secrets == "files"
            else "write it into .env as well: envkit export --all --to compose takes it along",
            "compose-postgres-password",
        )
    if form.alone:
        yield from _alone(deployment, settings)
    else:
        yield warning(
            deployment,
            "processes.web",
            "Compose stops the old container before it starts the new one",
            "nginx shows the maintenance page meanwhile",
            "compose-stop-first",
        )
    if deployment.services.dynamodb_local:
        yield warning(
            deployment,
            "services.dynamodb_local",
            "keeps its tables in memory and checks no credentials",
            "it is for development",
            "compose-dynamodb-local",
        )


def _backups(deployment: Deployment) -> Iterator[Finding]:
    backup = deployment.backup
    if not any(makes_backups(deployment, name) for name in process_names(deployment)):
        return
    if backup.postgres is not None or "/" not in (backup.database or ""):
        yield warning(
            deployment,
            "backup",
            "where the database is PostgreSQL, the image's own pg_dump makes it, which envkit-base has not",
            "install postgresql-client in the app's Dockerfile, of the server's major version or a newer one",
            "compose-backup-client",
        )


def _alone(deployment: Deployment, settings: SettingNames | None) -> Iterator[Finding]:
    if derived.container(deployment).secrets == "files":
        yield warning(
            deployment,
            "container.secrets",
            "Inertia's Compose sees no files, so secrets come by name",
            "",
            "inertia-secret-files",
        )
    keeping = [setting.name for setting in settings or () if setting.keeps_empty]
    if keeping:
        yield warning(
            deployment,
            "settings",
            f"unset becomes empty under Inertia, which is a value for {', '.join(keeping)}",
            "",
            "inertia-unset-is-empty",
        )
