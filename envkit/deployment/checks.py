"""What the keys of a description must satisfy together, each key being right by itself."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment import derived
from envkit.deployment.versions import knows

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from envkit.deployment.model import Deployment, Http, Process

ACME_PREFIX = "/.well-known/acme-challenge/"
"""Where a certificate authority looks for the answer to its challenge (RFC 8555, section 8.3)."""
OWN_PREFIX = "/.envkit/"
"""Where nginx's own pages lie, such as that of maintenance."""
_LEAST_HEADER = 1024
"""Bytes: nginx refuses less than its 512 of a connection's pool, and no browser's cookies fit."""
_LEAST_MEMORY = 32 * 1024 * 1024
_YEAR = 31_536_000
_SINGLETON = "the process is a singleton, and whatever runs inside it, such as a scheduler, would run once per worker"
_GUNICORN_ONLY = ("workers", "threads", "worker_class", "preload", "max_requests", "umask")


class Problem(NamedTuple):
    """A contradiction, at the key that should change or the variable that asks for it."""

    place: tuple[str | int, ...]
    text: str
    hint: str = ""
    variable: str = ""


def check(
    deployment: Deployment,
    environ: Mapping[str, str],
    *,
    given: Callable[..., bool],
    overridden: Container[tuple[str, ...]] = (),
) -> list[Problem]:
    """Every contradiction in the description, in the order of the model.

    `given(*key)` says whether a key was written at all, `overridden` holds those that the environment set: a stage may
    turn TLS off without taking the certificate out of the file.
    """
    return [
        *_name(deployment.name),
        *_domains(deployment.http),
        *_tls(deployment.http, given, overridden),
        *_http3(deployment),
        *_ports(deployment),
        *_paths(deployment.http),
        *_limits(deployment.http),
        *_hsts(deployment.http),
        *_timeouts(deployment),
        *_processes(deployment, given),
        *_web(deployment, environ, given),
        *_mounts(deployment),
        *_backup(deployment),
    ]


def _name(name: str) -> Iterator[Problem]:
    if re.fullmatch("catch-all(-tls)?(-[0-9]+)?", name):
        yield Problem(("name",), "is the name of nginx's files that refuse foreign hosts", "give the app another name")


def _domains(http: Http) -> Iterator[Problem]:
    for index, domain in enumerate(http.domains):
        if domain in http.domains[:index]:
            yield Problem(("http", "domains", index), "stands in the list twice")
        if http.tls != "letsencrypt":
            continue
        place = ("http", "domains", index)
        if domain.startswith("*."):
            yield Problem(
                place,
                "is a wildcard, which Let's Encrypt does not certify by a file on the server",
                'name each domain, or use tls = "files"',
            )
        elif "." not in domain or domain.replace(".", "").isdigit():
            yield Problem(place, "is no public domain, and Let's Encrypt certifies no other")


def _tls(http: Http, given: Callable[..., bool], overridden: Container[tuple[str, ...]]) -> Iterator[Problem]:
    if not http.domains and http.tls in {"letsencrypt", "files"}:
        yield Problem(("http", "domains"), f"is empty, and tls {http.tls} needs the domains of the certificate")
    if http.tls == "files":
        for key in ("certificate", "certificate_key"):
            if getattr(http, key) is None:
                yield Problem(("http", key), "is missing, and tls files needs it")
    elif ("http", "tls") not in overridden:
        for key in ("certificate", "certificate_key"):
            if given("http", key):
                yield Problem(("http", key), f"is read with tls files only, and tls is {http.tls}")
    if http.certificate is not None and http.certificate == http.certificate_key:
        yield Problem(("http", "certificate_key"), "is the same file as the certificate")
    if http.tls == "upstream" and not http.trusted_proxies:
        yield Problem(
            ("http", "trusted_proxies"),
            "is empty, and tls upstream needs the networks of the load balancer",
            "without them nobody could tell its X-Forwarded-Proto from a client's",
        )


def _http3(deployment: Deployment) -> Iterator[Problem]:
    if not deployment.http.http3:
        return
    if deployment.http.tls in {"off", "upstream"}:
        yield Problem(("http", "http3"), f"needs TLS in nginx, and tls is {deployment.http.tls}")
    if not knows(deployment.versions.nginx, "http3"):
        yield Problem(("http", "http3"), "needs nginx 1.25 or later", "declare it in versions.nginx")


def _ports(deployment: Deployment) -> Iterator[Problem]:
    http = deployment.http
    own_tls = http.tls in {"letsencrypt", "files"}
    if own_tls and http.port == http.tls_port:
        yield Problem(("http", "tls_port"), "is the port for plain HTTP as well")
    address = derived.upstream(deployment)
    if address.is_loopback and address.port in ({http.port, http.tls_port} if own_tls else {http.port}):
        yield Problem(("http", "upstream"), "has a port that nginx listens on itself")


def _paths(http: Http) -> Iterator[Problem]:
    for prefix in http.static:
        place = ("http", "static", prefix)
        if f"{http.health_path}/".startswith(prefix):
            yield Problem(place, "covers the health path, which the app must answer")
        if ACME_PREFIX.startswith(prefix) or prefix.startswith(ACME_PREFIX):
            yield Problem(place, f"covers {ACME_PREFIX}, which belongs to the certificate authority")
        if prefix.startswith(OWN_PREFIX):
            yield Problem(place, f"lies in {OWN_PREFIX}, where nginx's own pages are")
    if http.health_path == "/":
        hint = "name one of its own, such as /health"
        yield Problem(("http", "health_path"), "is the home page, which would never be logged", hint)
    if f"{http.health_path}/".startswith(ACME_PREFIX):
        yield Problem(("http", "health_path"), f"lies in {ACME_PREFIX}, which belongs to the certificate authority")
    if http.health_path.startswith(OWN_PREFIX):
        yield Problem(("http", "health_path"), f"lies in {OWN_PREFIX}, where nginx's own pages are")


def _limits(http: Http) -> Iterator[Problem]:
    if http.header_limit < _LEAST_HEADER:
        yield Problem(("http", "header_limit"), "is less than a request needs", "was the unit forgotten? write 8 KiB")


def _hsts(http: Http) -> Iterator[Problem]:
    if http.hsts.preload and not (http.hsts.include_subdomains and http.hsts.max_age >= _YEAR):
        yield Problem(
            ("http", "hsts", "preload"),
            "needs include_subdomains and a max_age of a year, or browsers do not take the domain into their list",
        )


def _timeouts(deployment: Deployment) -> Iterator[Problem]:
    timeouts = deployment.http.timeouts
    for field in fields(timeouts):
        if getattr(timeouts, field.name) <= 0:
            yield Problem(("http", "timeouts", field.name), "must be above 0")
    if deployment.maintenance.retry_after < 1:
        yield Problem(("maintenance", "retry_after"), "must be at least one second")


# --- processes ------------------------------------------------------------------------------------------------------


def _processes(deployment: Deployment, given: Callable[..., bool]) -> Iterator[Problem]:
    for name, process in deployment.processes.items():
        if not process.command and name != "web":
            yield Problem(("processes", name, "command"), "is missing", "only web is served by gunicorn without one")
        if process.command:
            for key in _GUNICORN_ONLY:
                if given("processes", name, key):
                    yield Problem(("processes", name, key), "is for gunicorn, and this process has its own command")
        if name == "web" and process.schedule is not None:
            yield Problem(("processes", name, "schedule"), "is for other processes: web runs all the time")
        yield from _memory(name, process)


def _memory(name: str, process: Process) -> Iterator[Problem]:
    if process.memory is None:
        return
    place = ("processes", name, "memory")
    if process.memory < _LEAST_MEMORY:
        yield Problem(place, "is less than a Python process needs", "was the unit forgotten? write 512 MiB")
    elif process.workers is not None and process.memory < process.workers * _LEAST_MEMORY:
        yield Problem(place, f"is too little for {process.workers} workers")


def _web(deployment: Deployment, environ: Mapping[str, str], given: Callable[..., bool]) -> Iterator[Problem]:
    process = derived.web(deployment)
    concurrency = environ.get("WEB_CONCURRENCY", "")
    if process.singleton and not process.command:
        if process.workers is not None and process.workers > 1:
            yield Problem(("processes", "web", "workers"), f"must be 1: {_SINGLETON}")
        if _asks_for_more(concurrency):
            yield Problem((), f"must be 1 or unset: {_SINGLETON}", variable="WEB_CONCURRENCY")
    if not process.command and concurrency.strip() and not concurrency.strip().isdecimal():
        yield Problem((), "must be a whole number of workers", variable="WEB_CONCURRENCY")  # gunicorn dies of others
    if process.worker_class == "sync" and given("processes", "web", "threads") and process.threads > 1:
        yield Problem(("processes", "web", "threads"), "must be 1 or unset: a sync worker has one thread")


def _asks_for_more(concurrency: str) -> bool:
    text = concurrency.strip()
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 1


# --- containers and backups -------------------------------------------------------------------------------------------


def _mounts(deployment: Deployment) -> Iterator[Problem]:
    """Docker takes one mount for a folder of the container."""
    folders = (
        [mount.rpartition(":")[2].rstrip("/") for mount in deployment.container.data] if deployment.container else []
    )
    for index, folder in enumerate(folders):
        if folder in folders[:index]:
            yield Problem(("container", "data", index), f"mounts {folder}, as one before it does")


def _backup(deployment: Deployment) -> Iterator[Problem]:
    if deployment.backup.database is not None and deployment.backup.postgres is not None:
        yield Problem(("backup", "postgres"), "is given beside backup.database", "keep the one that the app goes by")
