"""The description as frozen dataclasses: what `envkit.toml` can say, its types, its defaults and its words of help.

Nothing here reads, checks or derives; `reading.py` does the first two, `derived.py` computes numbers that depend on
each other. A field's metadata `doc` is its entry in the JSON Schema and in `envkit schema`; `kind` names the syntax of
a text or number where the Python type alone does not say it (see `kinds.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from envkit.deployment.model.containers import Container, Images, Inertia, Services, Updates
from envkit.deployment.model.described import described
from envkit.deployment.model.http import Hsts, Http, StaticFiles, Timeouts
from envkit.deployment.model.server import Backup, BackupPostgres, Keep, Maintenance, Server

__all__ = [
    "FILE",
    "Backup",
    "BackupPostgres",
    "Container",
    "Deployment",
    "Hsts",
    "Http",
    "Images",
    "Inertia",
    "Keep",
    "Logs",
    "Maintenance",
    "Process",
    "Server",
    "Services",
    "StaticFiles",
    "Timeouts",
    "Updates",
    "Versions",
]

FILE = "envkit.toml"
"""Where the description usually stands."""

AccessLog = Literal["nginx", "app", "off"]
LogFormat = Literal["json", "text"]
WorkerClass = Literal["gthread", "sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The programs that will read the files; where one is not given, the form that every version reads is rendered."""

    python: str | None = described("Python of the app, such as 3.13.", kind="version", default=None)
    nginx: str | None = described("nginx that reads the files, such as 1.22.1 or 1.29.", kind="version", default=None)
    openssl: str | None = described("OpenSSL that this nginx is built with.", kind="version", default=None)
    gunicorn: str | None = described("gunicorn that reads the file.", kind="version", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One program of the app.

    `web` is what nginx reaches, served by gunicorn unless it has a command of its own. `release` runs once, to its end,
    before new code takes traffic. Any other runs all the time.
    """

    command: tuple[str, ...] = described(
        "Program and arguments, as a list or one line in shell words; no shell runs it. web needs none.",
        kind="command",
        default=(),
    )
    workers: int | None = described(
        "Worker processes of the web process; unless given, from cpus and memory, or else from the container's limits "
        "when it starts.",
        kind="count",
        default=None,
    )
    threads: int = described("Threads of each web worker (gthread).", kind="count", default=16)
    worker_class: WorkerClass = described("gthread, or sync for apps that are not thread-safe.", default="gthread")
    schedule: str | None = described(
        "When the process runs, instead of all the time: every 48h, or a cron line such as 30 4 * * mon-fri. A missed "
        "run is caught up; two never overlap.",
        kind="schedule",
        default=None,
    )
    singleton: bool = described(
        "Never two at a time, in any target: say so for a scheduler, or for a web process with one inside.",
        default=False,
    )
    cpus: float | None = described("CPUs this process may use.", kind="cpus", default=None)
    memory: int | None = described("Memory this process may use.", kind="size", default=None)
    preload: bool = described(
        "Import the app before the workers start; unsafe with threads begun at import.", default=False
    )
    max_requests: int = described("Restart a web worker after so many requests; 0 never does.", kind="whole", default=0)
    umask: str = described("File mode mask, octal, such as 007.", kind="umask", default="007")
    user: str | None = described(
        "User the process runs as, where the target sets one; on a server, one that is not web's has folders of its "
        "own: /var/lib/NAME.PROCESS and /var/log/NAME.PROCESS.",
        kind="account",
        default=None,
    )
    group: str | None = described(
        "Group the process runs as; nginx must be in it to reach a unix socket.", kind="account", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """One stream: each request is logged once, errors go to standard error."""

    access: AccessLog = described(
        "Who writes the line for each request: nginx, the app's gunicorn, or nobody.", default="nginx"
    )
    format: LogFormat = described(
        "json, one object a line, or text: of the requests, and of what gunicorn says and the app leaves to it. "
        "`envkit up` always takes text.",
        default="json",
    )
    level: Literal["debug", "info", "warning", "error", "critical"] = described("gunicorn's log level.", default="info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The whole description."""

    name: str = described(
        "Name of the app: lower-case letters, digits and dashes; names files, sockets and units.", kind="name"
    )
    app: str = described("The WSGI application as module:callable; a factory as module:create_app().", kind="app")
    settings: str | None = described("The settings class as module:Class.", kind="class", default=None)
    targets: tuple[str, ...] = described(
        "What `envkit render` renders when no target is named; unless given, gunicorn and nginx.",
        kind="target",
        default=(),
    )
    versions: Versions = described("Programs that read the files.", factory=Versions)
    http: Http = described("Domains, TLS, static files, limits.", factory=Http)
    processes: dict[str, Process] = described(
        "The app's programs by name; web is always there.",
        kind="process",
        factory=dict,
    )
    logs: Logs = described("Who logs, and how.", factory=Logs)
    maintenance: Maintenance = described("The maintenance page.", factory=Maintenance)
    backup: Backup = described("Backups of the database.", factory=Backup)
    container: Container | None = described("The app in containers.", default=None)
    services: Services = described("Containers beside the app.", factory=Services)
    updates: Updates | None = described("New images, taken as they appear.", default=None)
    inertia: Inertia | None = described("For the target inertia.", default=None)
    server: Server = described("A server without containers.", factory=Server)
    origin: str = field(default=FILE, compare=False)
    """The file in which all this stands, for messages and for the headers of rendered files; it is no key of it."""
