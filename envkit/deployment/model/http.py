"""The table [http]: what the world reaches, and how long each side waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envkit.deployment.model.described import described

Tls = Literal["off", "letsencrypt", "files", "upstream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each side waits; what depends on these is derived in `derived.py`."""

    request: float = described(
        "Longest time the app may take for one answer; nginx waits longer, on a server through a restart.",
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
