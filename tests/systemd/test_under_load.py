"""Restarts, reloads and kills while 32 connections ask without pause."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import pytest

from envkit.deployment.reading import load_description
from envkit.targets.registry import render_target
from tests.systemd.conftest import APP, KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systemd.machine import Load

CONNECTIONS = 32
TIMES = range(3)
BACK = 5
"""Seconds until a killed gunicorn serves again."""


@pytest.fixture
def version(machine):
    """Writes a version of the app to the disk of the server; the first one is put back at the end."""

    def write(number):
        text = (APP / "shop.py").read_text().replace('VERSION = "1"', f'VERSION = "{number}"')
        machine.write("/srv/shop/shop.py", text)

    yield write
    machine.write("/srv/shop/shop.py", (APP / "shop.py").read_text())
    machine.run("systemctl", "restart", "shop-web.service")


class Front(NamedTuple):
    """How a round of load reaches the app."""

    load: Callable[..., Load]
    get: Callable[..., tuple[int, str]]


@pytest.fixture(params=["first", "second", "third, over TLS"])
def front(machine, request):
    """Three rounds in a row, the last one over TLS: for it alone nginx has the same app's site with a certificate."""
    if "TLS" not in request.param:
        return Front(machine.load, machine.get)
    request.getfixturevalue("tls_site")
    return Front(partial(machine.load, "--tls", port=443), lambda: machine.ask(tls=True)[::2])


@pytest.fixture
def tls_site(machine):
    """The site with TLS; the one without is put back at the end."""
    site = "/etc/nginx/sites-available/shop.conf"
    plain = machine.path(site).read_text()
    chain, key = "/etc/envkit/shop/chain.pem", "/etc/envkit/shop/key.pem"
    made = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", chain)
    machine.run("openssl", "req", "-x509", "-subj", "/CN=shop.test", *made)
    shop = load_description(APP / "envkit.toml")
    secured = replace(shop, http=replace(shop.http, tls="files", certificate=chain, certificate_key=key))
    rendered = {artifact.path: artifact.text for artifact in render_target("nginx", secured).artifacts}
    machine.write(site, rendered["nginx/sites/shop.conf"])
    machine.run("nginx", "-t")
    machine.run("systemctl", "reload", "nginx.service")
    answers = "import socket; socket.create_connection(('127.0.0.1', 443))"
    machine.wait(lambda: machine.attempt("python3", "-c", answers)[0] == 0, "nginx does not listen")
    yield
    machine.write(site, plain)
    machine.run("systemctl", "reload", "nginx.service")
    machine.wait(lambda: machine.get("/health")[0] == 200, "it is not well")


def test_restart(machine, version, front, request):
    """A restart of the whole app brings the new version, and no request fails or has to be sent again."""
    number = f"2 {request.node.callspec.id}"
    version(number)
    with front.load() as load:
        machine.run("systemctl", "restart", "shop.target")
        machine.wait(lambda: front.get() == (200, f"version {number}"), "the new version is not there")
    assert (load.result["failed"], load.result["resent"]) == ({}, 0)
    assert load.result["requests"] >= 20_000
    assert load.result["bodies"].keys() >= {f"version {number}"}
    assert len(load.result["bodies"]) == 2


def test_nginx_reload(machine, front):
    """Nginx reads its files anew and no request fails."""
    with front.load() as load:
        workers = machine.run("sh", "-c", "cat /proc/$(cat /run/nginx.pid)/task/*/children")
        machine.run("systemctl", "reload", "nginx.service")
        now = "cat /proc/$(cat /run/nginx.pid)/task/*/children"
        machine.wait(lambda: not set(workers.split()) & set(machine.run("sh", "-c", now).split()), "old workers stay")
    assert load.result["failed"] == {}
    assert load.result["resent"] <= KEPT
    assert load.result["requests"] >= 20_000


def test_maintenance_off(machine, front):
    """Everyone is held while the flag is there; from the moment it is gone, no request fails."""
    flag = machine.path("/var/lib/envkit/shop/maintenance")
    flag.parent.mkdir(parents=True, exist_ok=True)
    flag.touch()
    with front.load("--maintenance") as load:
        flag.unlink()
    assert (load.result["failed"], load.result["resent"]) == ({}, 0)
    assert load.result["held"] >= CONNECTIONS
    assert load.result["requests"] >= 20_000


def test_worker_killed(machine):
    """A worker that is killed fails no more than the requests that it held, and is replaced."""
    with machine.load(requests=10_000) as load:
        worker = machine.get("/pid")[1].split()[0]
        # Stopped, it takes no more connections: what it has then is what it holds when it is killed.
        count = f"kill -STOP {worker} && ls -l /proc/{worker}/fd | grep -c socket: && kill -KILL {worker}"
        held = int(machine.run("sh", "-c", count))
        master = machine.show("shop-web.service", "MainPID")[0]
        children = f"/proc/{master}/task/{master}/children"
        machine.wait(lambda: len(machine.run("cat", children).split()) == 3, "the worker is not replaced")
    assert sum(load.result["failed"].values()) <= held <= CONNECTIONS
    assert load.result["requests"] >= 10_000


def test_master_killed(machine):
    """Gunicorn killed three times: back within 5 s each time, and who asks meanwhile waits in the socket, served."""
    with machine.load(requests=10_000) as load:
        for _ in TIMES:
            (master,) = machine.show("shop-web.service", "MainPID")
            killed = monotonic()
            machine.kill(master)
            assert machine.get() == (200, "version 1")
            machine.settle("shop-web.service")
            assert monotonic() - killed < BACK
            assert machine.show("shop-web.service", "MainPID") != [master]
    assert sum(load.result["failed"].values()) <= CONNECTIONS * len(TIMES)
    assert load.result["requests"] >= 10_000


def test_slow_clients(machine):
    """While 200 clients send or read byte by byte, all others are served."""
    shutil.copy(APP.parents[1] / "slow.py", machine.path("/root/slow.py"))
    command = [*machine.enter(), "python3", "/root/slow.py", "127.0.0.1:80", "shop.test", "--clients", "200"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdout.readline() == "running\n"
        with machine.load() as load:
            pass
        assert slow.poll() is None
        slow.communicate(timeout=60)
    assert load.result["failed"] == {}
    assert load.result["requests"] >= 20_000
    assert machine.get() == (200, "version 1")


SLOW_CLIENTS = 67
"""Of each kind, three of them."""
COLOUR = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
SLOWLY = {"headers": ["-H", "-i", "1"], "body": ["-B", "-i", "1", "-s", "100000"], "reading": ["-X", "-k", "10"]}


def test_slowhttptest(machine):
    """While slowhttptest holds 200 connections for 20 seconds, a normal client is served at all times."""
    machine.write("/etc/hosts", "127.0.0.1 localhost shop.test\n")
    many = ["-c", str(SLOW_CLIENTS), "-r", str(SLOW_CLIENTS), "-u", "http://shop.test/", "-v", "1", "-p", "20"]
    again = 'end=$(($(date +%s) + 20)); while left=$((end - $(date +%s))); [ $left -gt 0 ]; do "$@" -l $left; done'
    slow = [
        subprocess.Popen(
            [*machine.enter(), "sh", "-c", again, "sh", "slowhttptest", *options, *many],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for options in SLOWLY.values()
    ]
    with machine.load() as load:
        said = dict(zip(SLOWLY, [COLOUR.sub("", process.communicate(timeout=60)[0]) for process in slow], strict=True))
    assert load.result["failed"] == {}
    for way, printed in said.items():
        assert re.search(f"connected: +{SLOW_CLIENTS}\n", printed), way
        assert set(re.findall("service available: +(.*)", printed)) == {"YES"}, way
