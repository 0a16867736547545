"""Every number and name that depends on another one, derived in one place as pure functions of the description.

Targets take them from here and never compute their own, so that two programs never disagree about a socket, a timeout
or a path. Durations are seconds.
"""

from __future__ import annotations

import re
from math import ceil
from typing import NamedTuple

from envkit.deployment.addresses import Address, parse_address
from envkit.deployment.model import FILE, Container, Deployment, Process

KEEP_ALIVE_MARGIN = 15
"""Seconds that gunicorn keeps an idle connection longer than nginx does. With the margin on the other side, 2 of 112
POSTs one second apart ended in 502 «upstream prematurely closed»; this way none did (nginx never retries a POST)."""
STOP_MARGIN = 10
"""Seconds between the end of the graceful stop and the kill by systemd, Docker or Kubernetes."""
READ_MARGIN = 5
"""Seconds that nginx waits longer for an answer than gunicorn lets a worker be silent."""
WORKER_MEMORY = 160 * 1024 * 1024
"""Bytes set aside for one worker when the number follows from the memory: a Flask app with an ORM and its threads."""
MAINTENANCE_PAGE = "maintenance.html"
"""Name of the page inside `maintenance_directory`."""
MAINTENANCE_ANNOUNCED, MAINTENANCE_UNTIL, MAINTENANCE_BYPASS = "announced.html", "until.html", "bypass"
"""Names inside `maintenance_state`: a page in place of the usual one, the same with its time of modification as the
time of return, and a folder of files named like the addresses that pass."""
CONTAINER_USER = "10001"
"""The user app of envkit-base and of the plain image, which is not root (image/Dockerfile)."""
CONTAINER_UPSTREAM = "web:8000"
"""Where the web process is reached in containers, unless the description says otherwise."""
_STAGING = "https://acme-staging"
"""Begins the address of Let's Encrypt's staging authority, with which a deployment is tried (letsencrypt.org/docs)."""

_PRIVATE_NETWORKS = ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class Certificate(NamedTuple):
    """The two files nginx reads for TLS."""

    chain: str
    key: str


# --- the web process ------------------------------------------------------------------------------------------------


def web(deployment: Deployment) -> Process:
    """The web process as described, or with every default."""
    return deployment.processes.get("web") or Process()


def workers(deployment: Deployment) -> int | None:
    """Workers of the web process: one for a singleton, those asked for, those that fit, or None: decided at start."""
    process = web(deployment)
    if process.singleton:
        return 1
    if process.workers is not None:
        return process.workers
    if process.cpus is None:
        return None
    return workers_that_fit(process.cpus, process.memory, process.worker_class)


def workers_that_fit(cpus: float, memory: int | None, worker_class: str = "gthread") -> int:
    """Workers for so many CPUs and bytes of memory.

    gthread: as many as cores, and never one alone where memory allows two, so that one stuck worker is not an outage;
    more than cores + 1 was measured to gain nothing (0.75-1.1×). sync: twice the cores and one, gunicorn's own advice.
    """
    by_cpus = 2 * ceil(cpus) + 1 if worker_class == "sync" else max(2, ceil(cpus))
    return by_cpus if memory is None else max(1, min(by_cpus, memory // WORKER_MEMORY))


def gunicorn_threads(deployment: Deployment) -> int:
    """Threads of each worker: sync workers have one."""
    process = web(deployment)
    return 1 if process.worker_class == "sync" else process.threads


def worker_connections(deployment: Deployment) -> int:
    """Connections of one gthread worker: it keeps as many idle ones as exceed its threads, and warns at 0."""
    return max(1000, 2 * gunicorn_threads(deployment))


# --- addresses ------------------------------------------------------------------------------------------------------


def upstream(deployment: Deployment) -> Address:
    """Where nginx reaches the web process: in containers by the name of its service."""
    socket = f"unix:{runtime_directory(deployment)}/web.sock"
    return parse_address(deployment.http.upstream or (socket if deployment.container is None else CONTAINER_UPSTREAM))


def canonical_domain(deployment: Deployment) -> str:
    """The host by which the app is asked for its health, as a visitor would: of a wildcard one that it covers.

    `localhost` where every host is answered.
    """
    domains = deployment.http.domains
    return domains[0].replace("*", "www") if domains else "localhost"


def public_scheme(deployment: Deployment) -> str:
    """How visitors reach the app: an app that insists on TLS answers plain HTTP by a redirection."""
    return "http" if deployment.http.tls == "off" else "https"


def gunicorn_bind(deployment: Deployment) -> str:
    """What gunicorn listens on: the upstream itself, or in a container every address at the upstream's port."""
    address = upstream(deployment)
    return f"0.0.0.0:{address.port}" if address.kind == "service" else str(address)


def runtime_directory(deployment: Deployment) -> str:
    """The folder of the app's sockets and flags, gone after a restart of the machine."""
    return f"/run/{deployment.name}"


def state_directory(deployment: Deployment) -> str:
    """The folder of what envkit keeps for the app on its server, there after a restart of the machine."""
    return f"/var/lib/envkit/{deployment.name}"


def socket_path(deployment: Deployment) -> str | None:
    """The web process's unix socket, or None when it listens on TCP."""
    return upstream(deployment).path or None


def forwarded_allow_ips(deployment: Deployment) -> tuple[str, ...]:
    """Peers whose X-Forwarded-Proto gunicorn believes.

    On a unix socket gunicorn trusts every peer whatever this says: the socket's mode is the boundary. Elsewhere nginx
    is on loopback, or on a container network, and those take their addresses from the private ranges.
    """
    address = upstream(deployment)
    return ("127.0.0.1", "::1") if address.kind == "unix" or address.is_loopback else _PRIVATE_NETWORKS


# --- time -----------------------------------------------------------------------------------------------------------


def gunicorn_timeout(deployment: Deployment) -> int:
    """Silence of a worker after which gunicorn kills it (for sync the longest request)."""
    return ceil(deployment.http.timeouts.request)


def proxy_read_timeout(deployment: Deployment) -> int:
    """Time nginx waits between two reads of an answer: longer than gunicorn, which knows better what went wrong.

    On a server a request may come while gunicorn stops: it waits in the socket until the longest one before it has
    ended and gunicorn has begun anew. In containers nobody listens meanwhile, and nothing waits.
    """
    waits = 0 if upstream(deployment).kind == "service" else graceful_timeout(deployment)
    return waits + gunicorn_timeout(deployment) + READ_MARGIN


def keeps_upstream_alive(deployment: Deployment) -> bool:
    """Whether nginx may reuse connections to the app: the sync worker closes each one."""
    return web(deployment).worker_class != "sync"


def upstream_keep_alive(deployment: Deployment) -> int:
    """Idle time after which nginx closes a connection to the app; 0: none is kept."""
    return ceil(deployment.http.timeouts.keep_alive) if keeps_upstream_alive(deployment) else 0


def gunicorn_keep_alive(deployment: Deployment) -> int:
    """Idle time after which gunicorn closes a connection: above nginx's, so that nginx is always the one to close."""
    return ceil(deployment.http.timeouts.keep_alive) + KEEP_ALIVE_MARGIN


def graceful_timeout(deployment: Deployment) -> int:
    """Time that running requests get when gunicorn stops."""
    return ceil(deployment.http.timeouts.graceful)


def stop_grace(deployment: Deployment) -> int:
    """Time from the request to stop until the kill, for systemd, Compose, Kubernetes and `envkit up`."""
    return graceful_timeout(deployment) + STOP_MARGIN


# --- containers -----------------------------------------------------------------------------------------------------


def container(deployment: Deployment) -> Container:
    """The container as described, or with every default."""
    return deployment.container or Container()


def container_user(process: Process) -> str | None:
    """The user and group of a process in its container; None where the image's own is meant."""
    return f"{process.user or CONTAINER_USER}:{process.group}" if process.group else process.user


def checks_settings(deployment: Deployment) -> bool:
    """Whether `envkit check` in the app's image, which holds envkit then, knows a settings class."""
    return container(deployment).base == "envkit" and deployment.settings is not None


def image(deployment: Deployment) -> str:
    """The app's image."""
    return (deployment.container and deployment.container.image) or f"{deployment.name}:latest"


def never_overlaps(deployment: Deployment, process: str) -> bool:
    """Whether this process is stopped before its successor starts, in every target.

    So is a singleton, and any process with data of the machine's mounted: two at a time would write the same SQLite
    file, perhaps with two schemas.
    """
    described = deployment.processes.get(process)
    has_data = deployment.container is not None and bool(deployment.container.data)
    return has_data or (described is not None and described.singleton)


def source(deployment: Deployment) -> str:
    """What the headers of rendered files call the description: its file's name, from wherever it is read."""
    name = deployment.origin.rpartition("/")[2]
    return name if re.fullmatch(r"[A-Za-z0-9._-]+\.toml", name) else FILE


# --- files ----------------------------------------------------------------------------------------------------------


def certificate(deployment: Deployment) -> Certificate | None:
    """The files of the certificate, where nginx ends TLS: those given, or those that certbot keeps (live/DOMAIN)."""
    http = deployment.http
    if http.tls == "files" and http.certificate and http.certificate_key:
        return Certificate(http.certificate, http.certificate_key)
    if http.tls == "letsencrypt":
        folder = f"/etc/letsencrypt/live/{http.domains[0]}"
        return Certificate(f"{folder}/fullchain.pem", f"{folder}/privkey.pem")
    return None


def replaced_at_once(deployment: Deployment) -> str | None:
    """By which line of certbot's file grep knows a certificate that does not wait for its end; None where each does.

    That is one of Let's Encrypt's staging authority, which no browser trusts, where the description names another one.
    """
    return None if (deployment.http.acme_server or "").startswith(_STAGING) else f"^server = {_STAGING}"


def maintenance_flag(deployment: Deployment) -> str:
    """The file whose presence turns every request into 503."""
    return deployment.maintenance.flag or f"{state_directory(deployment)}/maintenance"


def maintenance_state(deployment: Deployment) -> str:
    """The folder beside the flag in which one maintenance has its own page and its own bypass list."""
    return f"{maintenance_flag(deployment)}.d"


def maintenance_page(deployment: Deployment) -> str:
    """The page that nginx shows unless one maintenance has its own."""
    return deployment.maintenance.page or f"{maintenance_directory(deployment).rstrip('/')}/{MAINTENANCE_PAGE}"


def maintenance_directory(deployment: Deployment) -> str:
    """The folder in which nginx finds the maintenance page, `MAINTENANCE_PAGE`."""
    return deployment.maintenance.directory or f"/usr/share/envkit/{deployment.name}"


def is_backed_up(deployment: Deployment) -> bool:
    """Whether the description says which database is backed up."""
    return deployment.backup.database is not None or deployment.backup.postgres is not None


def backup_directory(deployment: Deployment) -> str:
    """The folder of the backups."""
    return deployment.backup.folder or f"/var/backups/{deployment.name}"


# --- a server without containers ------------------------------------------------------------------------------------


def server_directory(deployment: Deployment) -> str:
    """The folder of the app's code, the working directory of its processes."""
    return deployment.server.directory or f"/srv/{deployment.name}"


def virtualenv(deployment: Deployment) -> str:
    """The app's virtual environment on the server."""
    return deployment.server.virtualenv or f"{server_directory(deployment)}/.venv"


def configuration_directory(deployment: Deployment) -> str:
    """The folder on the server that holds gunicorn's file, the settings and the credentials."""
    return f"/etc/envkit/{deployment.name}"


def env_file(deployment: Deployment) -> str | None:
    """The file of settings on the server; None where the app has none."""
    if deployment.server.env_file:
        return deployment.server.env_file
    return f"{configuration_directory(deployment)}/env" if deployment.settings else None


def account(deployment: Deployment, process: Process) -> tuple[str, str]:
    """The user and group of a process on the server: its own, or those named after the app."""
    user = process.user or deployment.name
    return user, process.group or user
