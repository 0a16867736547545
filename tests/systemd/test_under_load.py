"""Restarts, reloads and kills while 32 connections ask without pause."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.systemd.conftest import APP

CONNECTIONS = 32
TIMES = range(3)


@pytest.fixture
def version(machine):
    """Writes a version of the app to the disk of the server; the first one is put back at the end."""

    def write(number):
        text = (APP / "shop.py").read_text().replace('VERSION = "1"', f'VERSION = "{number}"')
        machine.write("/srv/shop/shop.py", text)

    yield write
    shutil.copy(APP / "shop.py", machine.path("/srv/shop/shop.py"))
    machine.run("systemctl", "restart", "shop-web.service")


@pytest.mark.parametrize("time", TIMES)
def test_restart(machine, version, time):
    """A restart of the whole app brings the new version, and no request fails or has to be sent again."""
    version(f"2.{time}")
    with machine.load() as load:
        machine.run("systemctl", "restart", "shop.target")
        machine.wait(lambda: machine.get() == (200, f"version 2.{time}"), "the new version is not there")
    assert (load.result["failed"], load.result["resent"]) == ({}, 0)
    assert load.result["requests"] >= 20_000
    assert load.result["bodies"].keys() >= {f"version 2.{time}"}
    assert len(load.result["bodies"]) == 2


@pytest.mark.parametrize("time", TIMES)
def test_nginx_reload(machine, time):
    """Nginx reads its files anew and no request fails."""
    with machine.load() as load:
        workers = machine.run("sh", "-c", "cat /proc/$(cat /run/nginx.pid)/task/*/children")
        machine.run("systemctl", "reload", "nginx.service")
        now = "cat /proc/$(cat /run/nginx.pid)/task/*/children"
        machine.wait(lambda: not set(workers.split()) & set(machine.run("sh", "-c", now).split()), "old workers stay")
    assert load.result["failed"] == {}, time
    assert load.result["requests"] >= 20_000


@pytest.mark.parametrize("time", TIMES)
def test_maintenance_off(machine, time):
    """Everyone is held while the flag is there; from the moment it is gone, no request fails."""
    flag = machine.path("/var/lib/envkit/shop/maintenance")
    flag.parent.mkdir(parents=True, exist_ok=True)
    flag.touch()
    with machine.load("--maintenance") as load:
        flag.unlink()
    assert load.result["failed"] == {}, time
    assert load.result["held"] >= CONNECTIONS
    assert load.result["requests"] >= 20_000


def test_worker_killed(machine):
    """A worker that is killed fails no more than the requests that it held, and is replaced."""
    with machine.load(requests=10_000) as load:
        worker = machine.get("/pid")[1].split()[0]
        machine.run("sh", "-c", f"kill -KILL {worker}")
        master = machine.show("shop-web.service", "MainPID")[0]
        children = f"/proc/{master}/task/{master}/children"
        machine.wait(lambda: len(machine.run("cat", children).split()) == 3, "the worker is not replaced")
    assert sum(load.result["failed"].values()) <= CONNECTIONS
    assert load.result["requests"] >= 10_000


def test_master_killed(machine):
    """When gunicorn itself is killed, systemd starts it again; who asks meanwhile waits in the socket and is served."""
    (before,) = machine.show("shop-web.service", "NRestarts")
    with machine.load(requests=10_000) as load:
        master = machine.show("shop-web.service", "MainPID")[0]
        machine.run("sh", "-c", f"kill -KILL {master}")
        machine.wait(lambda: machine.show("shop-web.service", "NRestarts") != [before], "it is not started again")
        machine.settle("shop-web.service")
    assert sum(load.result["failed"].values()) <= CONNECTIONS
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
