"""The services of a Compose file as names, lists and numbers: everything that its templates write, and nothing else."""

from __future__ import annotations

import re
from posixpath import dirname
from typing import TYPE_CHECKING, Any

from envkit.deployment import commands, derived
from envkit.deployment.model import Container, Process
from envkit.rendering.quoting import CannotQuote
from envkit.targets.compose.beside import beside
from envkit.targets.labels import update_labels
from envkit.targets.nginx.place import CONTAINER, CONTAINER_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment
    from envkit.targets.compose.form import Form
    from envkit.targets.settings import SettingName, SettingNames

NGINX_GROUP = "101"
"""The group of nginx in its image, which is that of the official image."""
RELEASE = "release"
_FILE = re.compile(r"[A-Za-z0-9._-]+")
"""What Compose's schema takes as the name of a secret."""


def process_names(deployment: Deployment) -> list[str]:
    """The processes, web first."""
    return ["web", *(name for name in deployment.processes if name != "web")]


def runs_always(deployment: Deployment, name: str) -> bool:
    """Whether the process is neither the one that runs once nor one that runs by a schedule."""
    return name != RELEASE and _process_of(deployment, name).schedule is None


def secret_files(deployment: Deployment, settings: SettingNames | None, form: Form) -> list[str]:
    """The settings that reach the app as files of their own.

    Raises:
        CannotQuote: Compose takes no such name for a secret.
    """
    if form.alone or derived.container(deployment).secrets == "environment":
        return []
    names = [setting.name for setting in settings or () if setting.secret]
    for name in names:
        if not _FILE.fullmatch(name):
            raise CannotQuote("a Compose file", f"a secret called {name}: its name may have letters, digits and . _ -")
    return names


def run_once(deployment: Deployment, name: str) -> str:
    """The command that runs a process beside those that run, in their project, and never two of it at a time.

    Without --no-deps it would run the release process again.
    """
    project = deployment.name
    return f"docker compose -p {project} run --rm -T --no-deps --name {project}-{name} {name}"


def flag_folder(deployment: Deployment) -> str | None:
    """The folder of the machine in which nginx's container looks for the flag; None where that is in its volume."""
    folder = dirname(derived.maintenance_flag(deployment))
    return None if f"{folder}/".startswith(f"{CONTAINER.state}/") else folder


def mounts_of(deployment: Deployment, name: str) -> list[tuple[str, str]]:
    """The folders of the machine that a process sees, and where: the app's data, and for who makes backups those."""
    mounts = [
        (host, inside) for host, _, inside in (mount.partition(":") for mount in derived.container(deployment).data)
    ]
    folder = derived.backup_directory(deployment)
    is_seen = any(f"{folder}/".startswith(f"{inside.rstrip('/')}/") for _, inside in mounts)
    if makes_backups(deployment, name) and not is_seen:
        mounts.append((folder, folder))
    return mounts


def makes_backups(deployment: Deployment, name: str) -> bool:
    """Whether envkit backs the database up in this process's container."""
    if not derived.is_backed_up(deployment):
        return False
    command = _command(deployment, name)
    if name == RELEASE and deployment.backup.before_release:
        return derived.container(deployment).base == "envkit" or command[:2] == ["envkit", "run"]
    return commands.makes_backups(_process_of(deployment, name).command)


def services_context(deployment: Deployment, settings: SettingNames | None, form: Form) -> dict[str, Any]:
    """The values of the templates, quoted nowhere but by the templates' environment.

    Raises:
        CannotQuote: a setting's name cannot stand in the file.
    """
    container = derived.container(deployment)
    files = secret_files(deployment, settings, form)
    services = beside(deployment, form, secret_files=container.secrets == "files" and not form.alone)
    passed = [setting for setting in settings or () if setting.name not in files]
    names = process_names(deployment)
    others = [service["name"] for service in services]
    has_certbot = deployment.http.tls == "letsencrypt"
    return {
        "project": deployment.name,
        "image": derived.image(deployment),
        "build": _build(container, form, "Dockerfile"),
        "read_only": container.read_only,
        "restart": container.restart,
        "log_size": container.log_size,
        "log_files": container.log_files,
        "stop_grace": f"{derived.stop_grace(deployment)}s",
        "secret_files": files,
        "processes": [
            _process(deployment, name, _environment(deployment, name, passed, form), others) for name in names
        ],
        "nginx": _nginx(deployment, form),
        "state": CONTAINER.state,
        "acme_root": deployment.http.acme_root,
        "certbot": has_certbot,
        "certbot_image": container.images.certbot,
        "beside": services,
        "has_back": bool(others) or len(names) > 1,
        "all_secret_files": list(dict.fromkeys([*files, *(s["secret"] for s in services if s["secret"])])),
        "volumes": [
            "state",
            *(("letsencrypt", "certbot", "acme") if has_certbot else ()),
            *(service["keeps"] for service in services if service["keeps"]),
        ],
    }


def _environment(deployment: Deployment, name: str, passed: Sequence[SettingName], form: Form) -> list[str]:
    """The settings of a process, all but one by name: the web process listens at PORT, and nginx asks there."""
    port = f"PORT={derived.upstream(deployment).port}"
    return [port if (name, setting.name) == ("web", "PORT") else form.variable(setting) for setting in passed]


def _process(deployment: Deployment, name: str, environment: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    process = _process_of(deployment, name)
    runs = runs_always(deployment, name)
    container = derived.container(deployment)
    with_back = bool(others) or len(process_names(deployment)) > 1
    return {
        "name": name,
        "command": _command(deployment, name),
        "alone": f"{deployment.name}-{name}" if derived.never_overlaps(deployment, name) else None,
        "scheduled": process.schedule is not None,
        # A program that is process 1 and has no handler of its own would not see the signal to stop; gunicorn has one.
        "init": name != "web" or bool(process.command),
        "user": derived.container_user(process),
        "environment": environment,
        "mounts": mounts_of(deployment, name),
        "port": derived.upstream(deployment).port if name == "web" else None,
        "memory": process.memory,
        "cpus": process.cpus,
        "restart": container.restart if runs else "no",
        "healthy": runs,
        "depends_on": _needs(deployment, name, others),
        "labels": update_labels(deployment) if runs else (),
        "networks": (["front"] if name == "web" else []) + (["back"] if with_back else []),
    }


def _needs(deployment: Deployment, name: str, others: Sequence[str]) -> list[tuple[str, str]]:
    needs = [(other, "service_healthy") for other in others]
    if RELEASE in deployment.processes and name != RELEASE:
        needs.append((RELEASE, "service_completed_successfully"))
    return needs


def _process_of(deployment: Deployment, name: str) -> Process:
    return deployment.processes.get(name) or Process()


def _command(deployment: Deployment, name: str) -> list[str]:
    """What follows the image's entry point; nothing where the image starts the process by itself."""
    process = _process_of(deployment, name)
    if derived.container(deployment).base == "envkit":
        return [name]
    if name == "web" and not process.command:
        return []
    return ["envkit", "run", name] if deployment.settings is not None else list(process.command)


def _build(container: Container, form: Form, dockerfile: str) -> dict[str, str] | None:
    """Where an image is built. Inertia's `up` has the Compose file's folder and nothing in it."""
    if form.alone:
        return {"context": ".", "dockerfile": dockerfile}
    return None if container.build is None else {"context": container.build}


def _nginx(deployment: Deployment, form: Form) -> dict[str, Any]:
    http = deployment.http
    container = derived.container(deployment)
    ports = [http.port, *([http.tls_port] if http.tls in {"letsencrypt", "files"} else [])]
    host = "" if container.address == "0.0.0.0" else f"{container.address}:"  # noqa: S104 - what Docker takes it for
    published = [f"{host}{port}:{port}" for port in ports]
    if http.http3:
        published.append(f"{host}{http.tls_port}:{http.tls_port}/udp")
    binds = [] if form.alone else [(f"./{form.proxy}", CONTAINER_FOLDER)]
    return {
        "image": f"{deployment.name}-nginx" if form.alone else container.images.nginx,
        "build": _build(container, form, f"{form.proxy}/Dockerfile") if form.alone else None,
        "ports": published,
        "binds": [*binds, *((path, path) for path in nginx_paths(deployment))],
    }


def nginx_paths(deployment: Deployment) -> list[str]:
    """Folders and files of the machine that nginx's container sees at the same place."""
    flag = flag_folder(deployment)
    page = deployment.maintenance.page
    certificate = derived.certificate(deployment) if deployment.http.tls == "files" else None
    folders = [static.directory for static in deployment.http.static.values()]
    paths = [*(certificate or ()), *((flag,) if flag else ()), *((page,) if page else ()), *folders]
    return list(dict.fromkeys(paths))
