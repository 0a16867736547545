"""The description as frozen dataclasses: what `envkit.toml` can say, its types, its defaults and its words of help.

Nothing here reads, checks or derives; `reading.py` does the first two, `derived.py` computes numbers that depend on
each other. A field's metadata `doc` is its entry in the JSON Schema and in `envkit schema`; `kind` names the syntax of
a text or number where the Python type alone does not say it (see `reading.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from envkit import __version__

FILE = "envkit.toml"
"""Where the description usually stands."""

Tls = Literal["off", "letsencrypt", "files", "upstream"]
AccessLog = Literal["nginx", "app", "off"]
LogFormat = Literal["json", "text"]
WorkerClass = Literal["gthread", "sync"]
Base = Literal["envkit", "plain"]
Restart = Literal["unless-stopped", "always", "on-failure", "no"]
SecretsBy = Literal["environment", "files"]


def described(doc: str, *, kind: str = "", default: Any = ..., factory: Any = ...) -> Any:
    """A dataclass field with its documentation and the kind of text it holds."""
    metadata = {"doc": doc, "kind": kind}
    if factory is not ...:
        return field(default_factory=factory, metadata=metadata)
    if default is not ...:
        return field(default=default, metadata=metadata)
    return field(metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The programs that will read the files; where one is not given, the form that every version reads is rendered."""

    python: str | None = described("Python of the app, such as 3.13.", kind="version", default=None)
    nginx: str | None = described("nginx that reads the files, such as 1.22.1 or 1.29.", kind="version", default=None)
    openssl: str | None = described("OpenSSL that this nginx is built with.", kind="version", default=None)
    gunicorn: str | None = described("gunicorn that reads the file.", kind="version", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each side waits; what depends on these is derived in `derived.py`."""

    request: float = described(
        "Longest time the app may take for one answer; nginx waits a little longer.",
        kind="duration",
        default=30.0,
    )
    graceful: float = described(
        "Time that running requests get to finish when a process stops; every stop grace is longer.",
        kind="duration",
        default=30.0,
    )
    keep_alive: float = described(
        "Idle time after which nginx closes its connection to the app; gunicorn keeps it longer.",
        kind="duration",
        default=60.0,
    )
    client: float = described(
        "Time between two reads of a slow client's header or body.", kind="duration", default=15.0
    )
    send: float = described("Time between two writes to a slow client.", kind="duration", default=30.0)
    connect: float = described("Time to reach the app.", kind="duration", default=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFiles:
    """A folder that nginx serves itself."""

    directory: str = described("Folder on the machine that runs nginx.", kind="path")
    hashed: bool = described(
        "The file names change with their content (app.3f2a91c0.css): cache them for a year, immutable.",
        default=False,
    )
    max_age: float = described("How long browsers may keep files that are not hashed.", kind="duration", default=3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsts:
    """The Strict-Transport-Security header, sent over TLS only."""

    max_age: float = described("0 sends none.", kind="duration", default=63072000.0)
    include_subdomains: bool = described("Every subdomain must have TLS as well.", default=False)
    preload: bool = described("Allow browsers to build the rule in; hard to undo.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """What the world reaches: domains, TLS, static files, limits, trust and timeouts."""

    domains: tuple[str, ...] = described(
        "Host names that are answered, the canonical one first; every other host is refused. Empty answers every host, "
        "which only TLS off and upstream allow.",
        kind="domain",
        default=(),
    )
    tls: Tls = described(
        "off; letsencrypt (certbot's folders); files (certificate and certificate_key); upstream (a load balancer "
        "in front ends TLS and is named in trusted_proxies).",
        default="off",
    )
    certificate: str | None = described("Full chain, PEM, for tls files.", kind="path", default=None)
    certificate_key: str | None = described("Private key, PEM, for tls files.", kind="path", default=None)
    email: str | None = described("Contact for Let's Encrypt.", kind="email", default=None)
    acme_server: str | None = described(
        "Directory of another ACME authority than Let's Encrypt, such as its staging one.",
        kind="https_url",
        default=None,
    )
    port: int = described("Port for plain HTTP.", kind="port", default=80)
    tls_port: int = described("Port for HTTPS.", kind="port", default=443)
    http3: bool = described("Also speak HTTP/3 (nginx 1.25 and later, UDP port open).", default=False)
    upstream: str | None = described(
        "Where nginx reaches the web process: unix:/run/NAME/web.sock, 127.0.0.1:8000, or a Compose service such as "
        "web:8000, which is looked up again when its container is recreated. Unless given, the socket, or web:8000 "
        "where there is a table [container].",
        kind="address",
        default=None,
    )
    resolver: str = described("DNS server that looks up a service name.", kind="resolver", default="127.0.0.11")
    static: dict[str, StaticFiles] = described(
        "Folders that nginx serves, by URL prefix such as /static/.", kind="url_prefix", factory=dict
    )
    acme_root: str = described("Folder in which the ACME challenge files appear.", kind="path", default="/var/www/acme")
    body_limit: int = described("Largest request body; more is answered by 413.", kind="size", default=1024 * 1024)
    header_limit: int = described("Largest single request header line.", kind="size", default=8 * 1024)
    trusted_proxies: tuple[str, ...] = described(
        "Networks of proxies in front of nginx, whose X-Forwarded-For is believed.",
        kind="network",
        default=(),
    )
    real_ip_header: str = described(
        "Header in which those proxies name the client.", kind="header", default="X-Forwarded-For"
    )
    health_path: str = described(
        "Path that answers 200 when the app is well; not logged.", kind="url_path", default="/health"
    )
    content_security_policy: str | None = described(
        "Value of the Content-Security-Policy header; none is sent unless given.",
        kind="header_value",
        default=None,
    )
    gzip: bool = described("Compress what the app sends, and send precompressed static files.", default=True)
    hsts: Hsts = described("Strict-Transport-Security.", factory=Hsts)
    timeouts: Timeouts = described("How long each side waits.", factory=Timeouts)


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
    cpus: float | None = described("CPUs this process may use.", kind="positive", default=None)
    memory: int | None = described("Memory this process may use.", kind="size", default=None)
    preload: bool = described(
        "Import the app before the workers start; unsafe with threads begun at import.", default=False
    )
    max_requests: int = described("Restart a web worker after so many requests; 0 never does.", kind="whole", default=0)
    umask: str = described("File mode mask, octal, such as 007.", kind="umask", default="007")
    user: str | None = described("User the process runs as, where the target sets one.", kind="account", default=None)
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
class Maintenance:
    """While the flag file exists, every request gets 503 and the page; the same page appears when the app is down."""

    flag: str | None = described(
        "The flag file; unless given, /var/lib/envkit/NAME/maintenance, which outlives a restart of the machine.",
        kind="path",
        default=None,
    )
    page: str | None = described(
        "An HTML file of your own for the maintenance page; unless given, one is rendered.",
        kind="path",
        default=None,
    )
    directory: str | None = described(
        "Folder in which nginx finds the page; unless given, /usr/share/envkit/NAME.",
        kind="path",
        default=None,
    )
    retry_after: float = described("Value of Retry-After.", kind="duration", default=300.0)
    on_error: bool = described(
        "Show the page, too, in place of a 502, 503 or 504 of the app's own; its answer on the health path stays.",
        default=False,
    )
    bypass: tuple[str, ...] = described(
        "Addresses or networks that reach the app all the same.", kind="network", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the app lies on a server that runs it without containers, under systemd."""

    directory: str | None = described(
        "Folder of the app's code, its working directory; unless given, /srv/NAME.", kind="path", default=None
    )
    virtualenv: str | None = described(
        "The app's virtual environment; unless given, .venv in the directory.", kind="path", default=None
    )
    env_file: str | None = described(
        "File of settings, mode 0600, as envkit export systemd writes it; unless given, /etc/envkit/NAME/env for an "
        "app with a settings class, and else none.",
        kind="path",
        default=None,
    )
    credentials: tuple[str, ...] = described(
        "Settings that the app reads as files, which only its processes see (LoadCredential=); they lie in "
        "/etc/envkit/NAME/credentials, each under its name.",
        kind="setting",
        default=(),
    )
    proxy_group: str = described(
        "Group of the nginx that connects to the web process's socket.", kind="account", default="www-data"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of the containers beside the app: pinned, and named here to take them from another registry."""

    nginx: str = described("The proxy, built by nginx/Dockerfile.", kind="image", default=f"envkit-nginx:{__version__}")
    certbot: str = described("For tls letsencrypt.", kind="image", default="certbot/certbot:v5.7.0")
    redis: str = described("For services.redis.", kind="image", default="redis:8-alpine")
    postgres: str = described(
        "For services.postgres, up to 17: from 18 on the image keeps its files elsewhere.",
        kind="image",
        default="postgres:17-alpine",
    )
    dynamodb_local: str = described("For services.dynamodb_local.", kind="image", default="amazon/dynamodb-local:3.1.0")
    watchtower: str = described("For updates.", kind="image", default="nickfedor/watchtower:1.21.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """How the app runs in containers: every process from one image."""

    image: str | None = described(
        "Image of the app with its registry and tag; unless given, NAME:latest.", kind="image", default=None
    )
    build: str | None = described(
        "Folder with the app's Dockerfile, seen from the Compose file; unless given, the image is pulled.",
        kind="folder",
        default=None,
    )
    base: Base = described(
        "envkit: the image's entry point is `envkit run` (FROM envkit-base). plain: it starts the web process by "
        "itself, and the other commands are written out.",
        default="envkit",
    )
    data: tuple[str, ...] = described(
        "Bind mounts for what the app keeps, as HOST:CONTAINER, such as /srv/shop:/data or ./data:/data. With them no "
        "process ever runs twice, not even while it is replaced.",
        kind="mount",
        default=(),
    )
    read_only: bool = described("The root file system cannot be written; /tmp can.", default=True)
    address: str = described(
        "Address of the machine on which ports are published; 127.0.0.1 keeps them to itself.",
        kind="ip4",
        default="0.0.0.0",  # noqa: S104 - what the world reaches is nginx
    )
    port: int | None = described(
        "For the target docker: port of the machine at which the app is reached; unless given, the app's own.",
        kind="port",
        default=None,
    )
    restart: Restart = described("When the engine starts a container again.", default="unless-stopped")
    log_size: int = described("Size at which a container's log is rotated.", kind="size", default=10 * 1024 * 1024)
    log_files: int = described("Rotated logs that are kept of each container.", kind="count", default=5)
    secrets: SecretsBy = described(
        "How secret settings reach the app under Compose: by name from Compose's own environment, or as files in "
        "/run/secrets, one for each in the folder secrets beside the Compose file.",
        default="environment",
    )
    images: Images = described("Images of the other containers.", factory=Images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the app needs beside it, as containers that only the app reaches."""

    redis: bool = described("At redis://redis:6379/0; it keeps its data.", default=False)
    postgres: bool = described(
        "At postgresql://NAME@postgres:5432/NAME, with dashes as _; its password is in POSTGRES_PASSWORD.",
        default=False,
    )
    dynamodb_local: bool = described(
        "At http://dynamodb-local:8000; it keeps its tables in memory, for development.", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """New images of the app are looked for in the registry, and taken, by Watchtower."""

    schedule: str = described(
        "every 10m, or a cron line of five fields, or of six with seconds first; UTC. It is always rendered with six.",
        kind="update_schedule",
        default="0 */10 * * * *",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inertia:
    """A project of the deployment tool Inertia."""

    url: str | None = described("The git repository that Inertia clones.", kind="git_url", default=None)
    branch: str = described("The branch that is deployed.", kind="branch", default="main")
    version: str = described("The oldest Inertia that may deploy it.", kind="version", default="0.7.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which backups stay when a new one was made: the newest of each day, week and month (UTC), so many of each."""

    recent: float = described("Every backup younger than this stays.", kind="duration", default=86400.0)
    daily: int = described("Days.", kind="whole", default=7)
    weekly: int = described("Weeks.", kind="whole", default=4)
    monthly: int = described("Months.", kind="whole", default=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPostgres:
    """The settings that say together where the app's PostgreSQL database is: each key is the name of a setting.

    For an app that has no setting with a URL. What is left out is as libpq has it without: the socket of this machine,
    port 5432, the user who runs the backup, no password.
    """

    name: str = described("The setting that holds the database's name.", kind="setting")
    host: str | None = described(
        "The setting that holds the server's host name or address, or the folder of its socket.",
        kind="setting",
        default=None,
    )
    port: str | None = described("The setting that holds the server's port.", kind="setting", default=None)
    user: str | None = described("The setting that holds the role.", kind="setting", default=None)
    password: str | None = described("The setting that holds the role's password.", kind="setting", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Backups of the app's database, made by `envkit backup`; where no database is named, there are none."""

    database: str | None = described(
        "The setting that holds the URL of the database (sqlite or postgresql), such as DATABASE_URL, or the path of a "
        "SQLite file.",
        kind="database",
        default=None,
    )
    postgres: BackupPostgres | None = described(
        "Instead of database, for an app whose PostgreSQL is in several settings: each key is the name of a setting, "
        "such as DATABASE_HOST.",
        default=None,
    )
    folder: str | None = described("Folder of the backups; unless given, /var/backups/NAME.", kind="path", default=None)
    before_release: bool = described("Also make one before `envkit run release`.", default=True)
    keep: Keep = described("Which backups stay.", factory=Keep)


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
