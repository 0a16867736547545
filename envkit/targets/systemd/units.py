"""The units of one app: which there are, and the values that their templates write."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from envkit.deployment import derived
from envkit.targets.systemd.calendar import on_calendar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment, Process

Template = Literal[
    "app.target",
    "web.socket",
    "web.service",
    "process.service",
    "process.timer",
    "check.service",
    "deploy.service",
    "certificate.service",
]

HEALTH_PATIENCE = 60
"""Seconds in which a started web process must answer its health path by 200."""
_BACK_OFF = 30
"""Seconds that a process waits at most which did not live long."""
_CHECK_PATIENCE = 60
"""Seconds for the checks before it starts, which import the app twice."""
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHECK_IF_THERE = 'if test -x "$1"; then exec "$@"; fi'
"""A rendered unit works without envkit; where it is installed, it names every wrong setting at once."""
_UNLESS_STAGING = 'if grep -qs "$1" "$2"; then shift 2; exec "$@" --force-renewal; fi; shift 2; exec "$@"'
"""A certificate of Let's Encrypt's staging authority, which no browser trusts, does not wait for its end."""

RESERVED = ("certificate", "check", "deploy")
"""Names of units that are no process's."""
SYSTEM_TARGETS = frozenset(
    {
        *("basic", "bluetooth", "boot-complete", "cryptsetup", "ctrl-alt-del", "default"),
        *("emergency", "exit", "factory-reset", "final", "first-boot-complete", "getty", "graphical"),
        *("halt", "hibernate", "hybrid-sleep", "initrd", "integritysetup", "kexec", "local-fs"),
        *("multi-user", "network", "network-online", "network-pre", "nss-lookup", "nss-user-lookup"),
        *("paths", "poweroff", "printer", "reboot", "remote-fs", "rescue", "rpcbind", "shutdown"),
        *("sigpwr", "sleep", "slices", "smartcard", "sockets", "sound", "suspend", "swap", "sysinit"),
        *("system-update", "time-set", "time-sync", "timers", "umount", "usb-gadget", "veritysetup"),
    }
)
"""Units of the system that an app's own would replace, and with them how the machine starts (systemd.special(7))."""


class Unit(NamedTuple):
    """One unit file."""

    name: str
    template: Template
    process: str = ""


def units_of(deployment: Deployment) -> Iterator[Unit]:
    """Every unit of the app, its target first."""
    name = deployment.name
    yield Unit(f"{name}.target", "app.target")
    for process, described in processes(deployment).items():
        if process == "web" and not described.command:
            yield Unit(f"{name}-web.socket", "web.socket", process)
            yield Unit(f"{name}-web.service", "web.service", process)
        else:
            yield Unit(f"{name}-{process}.service", "process.service", process)
        if described.schedule:
            yield Unit(f"{name}-{process}.timer", "process.timer", process)
    if checks(deployment):
        yield Unit(f"{name}-check.service", "check.service")
    yield Unit(f"{name}-deploy.service", "deploy.service")
    if deployment.http.tls == "letsencrypt":
        yield Unit(f"{name}-certificate.service", "certificate.service")
        yield Unit(f"{name}-certificate.timer", "process.timer")


def processes(deployment: Deployment) -> dict[str, Process]:
    """The app's processes, with web first and always there."""
    return {"web": derived.web(deployment), **deployment.processes}


def started(deployment: Deployment) -> list[str]:
    """The units that the app's target starts."""
    return [
        unit.name
        for unit in units_of(deployment)
        if unit.template in {"web.socket", "web.service", "process.timer"}
        or (unit.template == "process.service" and not _runs_to_its_end(deployment, unit.process))
    ]


def services(deployment: Deployment) -> list[str]:
    """The services that run all the time, and have new code when they are restarted."""
    return [unit for unit in started(deployment) if unit.endswith(".service")]


def checks(deployment: Deployment) -> list[list[str]]:
    """The commands that say whether the web process would start."""
    described = _service(deployment, "web", derived.web(deployment))
    check_config = None if derived.web(deployment).command else described["check_config"]
    return [command for command in (described["check"], check_config) if command]


def users(deployment: Deployment) -> list[str]:
    """The users of the app's processes, sorted."""
    return sorted({derived.account(deployment, process)[0] for process in processes(deployment).values()})


def groups(deployment: Deployment) -> list[str]:
    """The groups of the app's processes that are not named like a user, sorted."""
    return sorted(
        {derived.account(deployment, process)[1] for process in processes(deployment).values()} - {*users(deployment)}
    )


def programs(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Each program that a unit starts, after the key that says where it lies."""
    key = "server.virtualenv" if deployment.server.virtualenv else "server.directory"
    yield key, f"{derived.virtualenv(deployment)}/bin/python"
    for name, process in deployment.processes.items():
        for program in _absolute(process.command, derived.server_directory(deployment))[:1]:
            yield f"processes.{name}.command", program


def library(deployment: Deployment) -> str:
    """The folder of the scripts that units run."""
    return f"/usr/local/lib/envkit/{deployment.name}"


def in_home(path: str) -> bool:
    """Whether ProtectHome= would hide the path."""
    return path.startswith(("/home/", "/root/", "/run/user/"))


def context_of(deployment: Deployment, unit: Unit) -> dict[str, Any]:
    """The values of one unit's template."""
    context: dict[str, Any] = {"app": deployment.name, "target": f"{deployment.name}.target"}
    if unit.template == "app.target":
        return context | {"wants": started(deployment)}
    if unit.template == "deploy.service":
        return context | {"commands": list(_deploying(deployment))}
    if unit.template == "check.service":
        web = _service(deployment, "web", derived.web(deployment))
        return context | web | {"process": "check", "commands": checks(deployment)}
    if unit.template == "certificate.service":
        make_folder = ["/bin/mkdir", "-p", deployment.http.acme_root]
        return context | {
            "make_folder": make_folder,
            "acme_root": deployment.http.acme_root,
            "command": _certbot(deployment),
        }
    if not unit.process:
        # Twice a day, as Let's Encrypt asks for, at a time of this machine's own.
        return context | {"process": "certificate", "schedule": "", "calendar": ["*-*-* 00/12:00:00"], "delay": 3600}
    process = processes(deployment)[unit.process]
    context["process"] = unit.process
    if unit.template == "process.timer":
        schedule = process.schedule or ""
        return context | {"schedule": schedule, "calendar": on_calendar(schedule), "delay": 0}
    if unit.template == "web.socket":
        return context | {
            "address": derived.socket_path(deployment) or str(derived.upstream(deployment)),
            "is_path": derived.socket_path(deployment) is not None,
            "user": derived.account(deployment, process)[0],
            "group": deployment.server.proxy_group,
        }
    return context | _service(deployment, unit.process, process)


def health_context(deployment: Deployment) -> dict[str, Any]:
    """The values of the script that waits for the first healthy answer."""
    address = derived.upstream(deployment)
    return {
        "socket": derived.socket_path(deployment),
        "host": address.host,
        "port": address.port,
        "path": deployment.http.health_path,
        "domain": derived.canonical_domain(deployment),
        "scheme": derived.public_scheme(deployment),
        "patience": HEALTH_PATIENCE,
    }


def _deploying(deployment: Deployment) -> Iterator[list[str]]:
    if "release" in deployment.processes:
        yield ["/bin/systemctl", "start", f"{deployment.name}-release.service"]
    if checks(deployment):
        yield ["/bin/systemctl", "start", f"{deployment.name}-check.service"]
    yield ["/bin/systemctl", "restart", *services(deployment)]


def _service(deployment: Deployment, name: str, process: Process) -> dict[str, Any]:
    user, group = derived.account(deployment, process)
    owner, _ = derived.account(deployment, derived.web(deployment))
    virtualenv = derived.virtualenv(deployment)
    directory = derived.server_directory(deployment)
    gunicorn = [
        f"{virtualenv}/bin/gunicorn",
        "--config",
        f"{derived.configuration_directory(deployment)}/gunicorn.conf.py",
    ]
    return {
        "user": user,
        "group": group,
        # systemd gives a folder with all that is in it to whoever starts: users who share one would take it in turns.
        "folder": deployment.name if user == owner else f"{deployment.name}.{name}",
        "directory": directory,
        "path": f"PATH={virtualenv}/bin:{_SEARCH_PATH}",
        "env_file": derived.env_file(deployment),
        "credentials": [
            f"{setting}:{derived.configuration_directory(deployment)}/credentials/{setting}"
            for setting in deployment.server.credentials
        ],
        "check": _check(deployment),
        "gunicorn": [*gunicorn, deployment.app],
        "check_config": [gunicorn[0], "--check-config", *gunicorn[1:], deployment.app],
        "wait": [f"{virtualenv}/bin/python", f"{library(deployment)}/wait-until-healthy"],
        "command": _command(deployment, name, process),
        "writable": derived.backup_directory(deployment) if derived.is_backed_up(deployment) else None,
        "start_timeout": _BACK_OFF + _CHECK_PATIENCE + (HEALTH_PATIENCE if name == "web" else 0),
        "stop_timeout": derived.stop_grace(deployment),
        "runs_to_its_end": _runs_to_its_end(deployment, name),
        "back_off": [f"{library(deployment)}/back-off", name],
        "umask": process.umask,
        "memory": process.memory,
        "cpu_percent": ceil(process.cpus * 100) if process.cpus else None,
        "hides_homes": not in_home(directory) and not in_home(virtualenv),
    }


def _runs_to_its_end(deployment: Deployment, name: str) -> bool:
    return name == "release" or processes(deployment)[name].schedule is not None


def _check(deployment: Deployment) -> list[str] | None:
    if deployment.settings is None:
        return None
    envkit = f"{derived.virtualenv(deployment)}/bin/envkit"
    return ["/bin/sh", "-c", _CHECK_IF_THERE, "check-settings", envkit, "check", "--settings", deployment.settings]


def _command(deployment: Deployment, name: str, process: Process) -> list[str]:
    """The process's program and arguments; a release before which there is a backup is left to envkit."""
    if name == "release" and derived.is_backed_up(deployment) and deployment.backup.before_release:
        return [f"{derived.virtualenv(deployment)}/bin/envkit", "run", name]
    return _absolute(process.command, derived.server_directory(deployment))


def _absolute(command: tuple[str, ...], directory: str) -> list[str]:
    """The command with an absolute program, which is all that systemd-analyze verify of 252 finds.

    A name without a slash is looked up by env(1), which then becomes the program: first in the virtual environment.
    """
    if not command or command[0].startswith("/"):
        return list(command)
    if "/" in command[0]:
        return [f"{directory}/{command[0].removeprefix('./')}", *command[1:]]
    return ["/usr/bin/env", *command]


def _certbot(deployment: Deployment) -> list[str]:
    http = deployment.http
    account = ["--email", http.email] if http.email else ["--register-unsafely-without-email"]
    domains = [word for domain in http.domains for word in ("--domain", domain)]
    kept = f"/etc/letsencrypt/renewal/{http.domains[0]}.conf"
    staging = derived.replaced_at_once(deployment)
    return [
        *(("/bin/sh", "-c", _UNLESS_STAGING, "certificate", staging, kept) if staging else ()),
        *("/usr/bin/certbot", "certonly", "--non-interactive", "--agree-tos", "--keep-until-expiring"),
        *("--webroot", "--webroot-path", http.acme_root, "--cert-name", http.domains[0]),
        *account,
        *(["--server", http.acme_server] if http.acme_server else []),
        *domains,
        *("--deploy-hook", f"{library(deployment)}/certificate-renewed"),
    ]
