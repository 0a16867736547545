"""Numbers and names that depend on each other, for every description."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import envkit
from envkit.deployment import derived
from envkit.deployment.model import Deployment, Http, Maintenance, Process, Timeouts
from envkit.deployment.versions import FACTS, knows, parse_version

MIB = 1024 * 1024
SECONDS = st.floats(0.001, 10000)


def shop(web=None, **http):
    """A deployment with these keys of [http] and this web process."""
    return Deployment(name="shop", app="shop:app", http=Http(**http), processes={"web": web} if web else {})


@given(SECONDS, SECONDS, SECONDS, st.sampled_from(["gthread", "sync"]))
def test_order_of_times(request, graceful, keep_alive, worker_class):
    """Idle, gunicorn outlasts nginx, waiting, nginx outlasts gunicorn, and every stop grace outlasts both."""
    timeouts = Timeouts(request=request, graceful=graceful, keep_alive=keep_alive)
    deployment = shop(Process(worker_class=worker_class), timeouts=timeouts)
    assert derived.gunicorn_keep_alive(deployment) > derived.upstream_keep_alive(deployment)
    assert derived.proxy_read_timeout(deployment) > derived.gunicorn_timeout(deployment) >= request
    stopping = derived.proxy_read_timeout(deployment) - derived.gunicorn_timeout(deployment)
    assert stopping > derived.graceful_timeout(deployment)  # what comes while it stops waits in the socket
    contained = shop(Process(worker_class=worker_class), timeouts=timeouts, upstream="web:8000")
    assert derived.proxy_read_timeout(deployment) > derived.proxy_read_timeout(contained) > request
    assert derived.stop_grace(deployment) > derived.graceful_timeout(deployment) >= graceful
    assert derived.gunicorn_timeout(deployment) >= 1  # gunicorn reads 0 as «never»
    assert (derived.upstream_keep_alive(deployment) > 0) is (worker_class == "gthread")


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (None, None),
        (Process(memory=512 * MIB), None),
        (Process(workers=7, cpus=1.0), 7),
        (Process(singleton=True, cpus=8.0), 1),
        (Process(cpus=0.5), 2),
        (Process(cpus=2.5), 3),
        (Process(cpus=8.0, memory=512 * MIB), 3),
        (Process(cpus=8.0, memory=64 * MIB), 1),
        (Process(cpus=2.0, worker_class="sync"), 5),
    ],
)
def test_workers(process, expected):
    """Workers follow from what is declared; None leaves it to the start."""
    assert derived.workers(shop(process)) == expected


@given(st.integers(1, 5000), st.sampled_from(["gthread", "sync"]))
def test_threads(threads, worker_class):
    """A sync worker has one thread, and each gthread worker keeps more connections than it has threads."""
    deployment = shop(Process(threads=threads, worker_class=worker_class))
    assert derived.gunicorn_threads(deployment) == (1 if worker_class == "sync" else threads)
    assert derived.worker_connections(deployment) > derived.gunicorn_threads(deployment)


@pytest.mark.parametrize(
    ("upstream", "kind", "bind", "socket"),
    [
        (None, "unix", "unix:/run/shop/web.sock", "/run/shop/web.sock"),
        ("127.0.0.1:8000", "tcp", "127.0.0.1:8000", None),
        ("[::1]:8000", "tcp", "[::1]:8000", None),
        ("web:8000", "service", "0.0.0.0:8000", None),
    ],
)
def test_upstream(upstream, kind, bind, socket):
    """Where nginx connects, gunicorn listens."""
    deployment = shop(upstream=upstream)
    assert derived.upstream(deployment).kind == kind
    assert derived.gunicorn_bind(deployment) == bind
    assert derived.socket_path(deployment) == socket
    assert "*" not in derived.forwarded_allow_ips(deployment)
    assert ("10.0.0.0/8" in derived.forwarded_allow_ips(deployment)) is (kind == "service")


@pytest.mark.parametrize(
    ("domains", "host"),
    [((), "localhost"), (("b.example", "a.example"), "b.example"), (("*.a.example",), "www.a.example")],
)
def test_the_app_is_asked_by_a_name_of_its_own(domains, host):
    """No app that insists on its name takes the * of a wildcard for one."""
    assert derived.canonical_domain(shop(domains=domains)) == host


def test_certificate():
    """The certificate is the one given, certbot's, or none where nginx ends no TLS."""
    assert derived.certificate(shop()) is None
    assert derived.certificate(shop(tls="files", certificate="/c", certificate_key="/k")) == ("/c", "/k")
    assert derived.certificate(shop(tls="letsencrypt", domains=("a.example", "b.example"))) == (
        "/etc/letsencrypt/live/a.example/fullchain.pem",
        "/etc/letsencrypt/live/a.example/privkey.pem",
    )


def test_maintenance():
    """Flag and page have a place of their own, or the one given."""
    assert derived.maintenance_flag(shop()) == "/var/lib/envkit/shop/maintenance"
    assert derived.maintenance_directory(shop()) == "/usr/share/envkit/shop"
    given_paths = Deployment(name="a", app="a:b", maintenance=Maintenance(flag="/f", directory="/d"))
    assert (derived.maintenance_flag(given_paths), derived.maintenance_directory(given_paths)) == ("/f", "/d")


@pytest.mark.parametrize("fact", FACTS)
def test_versions(fact):
    """A fact holds from its version on, not before, and not for an unknown version."""
    since = FACTS[fact].version
    text = ".".join(map(str, since))
    assert knows(text, fact)
    assert knows(f"{since[0] + 1}", fact)
    assert not knows(f"{since[0] - 1}.99.99", fact)
    assert not knows(None, fact)
    assert FACTS[fact].source


def test_every_fact_is_asked_for():
    """The table holds what decides something about a rendered file, and nothing else."""
    code = "".join(file.read_text() for file in Path(envkit.__file__).parent.rglob("*.py"))
    assert [fact for fact in FACTS if f', "{fact}")' not in code] == []


def test_version_cut_short():
    """A version without its last numbers is the oldest it may mean."""
    assert not knows("1.25", "http2_directive")
    assert knows("1.25.1", "http2_directive")
    assert parse_version("1.29") == parse_version("1.29.0") < parse_version("1.29.10")
    with pytest.raises(ValueError, match="is not a version"):
        parse_version("1.29-rc1")
