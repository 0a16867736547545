"""`install`, `backup` and `restore` killed between any two steps on a booted server: run again, they finish."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from envkit.channels.systemd import CHANNEL
from tests.systemd.conftest import AMY, APP, IDB, LIGHT, SECRET, add_envkit, beside, posts
from tests.systemd.machine import HERE

TOUCHED = ("etc/systemd/system", "etc/nginx", "etc/sysusers.d", "etc/tmpfiles.d", "etc/envkit", "usr/share/envkit")
TOUCHED += ("usr/local/lib/envkit", "var/lib/envkit")
ANOTHER = """
[processes.tick]
command = ["/bin/true"]
schedule = "every 12h"
"""


def kill(machine, name, line, *command):
    """Runs envkit in an app's folder and kills it as soon as it has told this step."""
    shutil.copy(HERE / "kill_at_line.py", machine.path("/root/kill_at_line.py"))
    machine.run(*beside(name), "python3", "/root/kill_at_line.py", line, "envkit", *command)


def told(machine, name, *command):
    """Runs envkit to its end; returns the steps that it told."""
    return machine.run(*beside(name), "envkit", *command).splitlines()


# --- install --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(booted):
    """A server with the app's code and settings, two descriptions of it, envkit, and nothing installed."""
    machine = booted()
    add_envkit(machine)
    shutil.copytree(APP, machine.path("/srv/shop"))
    first = machine.path("/srv/shop/envkit.toml").read_text()
    second = first.replace("[http]", '[http]\nbody_limit = "7 MB"').replace("workers = 3", "workers = 2")
    machine.write("/srv/shop/second.toml", second + ANOTHER)
    machine.path("/etc/envkit/shop/credentials").mkdir(mode=0o700, parents=True)
    machine.write("/etc/envkit/shop/env", CHANNEL.write({"COLOUR": SECRET}), mode=0o600)
    machine.write("/etc/envkit/shop/credentials/TOKEN", SECRET, mode=0o600)
    yield machine
    machine.halt()


def state(machine):
    """Every file and link that an installation may touch, and what systemd says of the units."""
    there = {}
    for folder in TOUCHED:
        for path in machine.path(f"/{folder}").rglob("*"):
            name = str(path).partition("/root/")[2]
            if path.is_symlink():
                there[name] = str(path.readlink())
            elif path.is_file():
                there[name] = (oct(path.stat().st_mode), path.read_bytes())
    listed = machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "shop*", "nginx.service")
    return there, sorted(" ".join(line.split()[:4]) for line in listed.splitlines())


FIRST = ("install",)
SECOND = ("install", "-f", "second.toml")


def steps_of(machine, command):
    """The steps of an installation, of the files that are told to be written one."""
    lines = [line for line in told(machine, "shop", *command) if line != "installed"]
    written = [line for line in lines if line.startswith("write ")]
    return [line for line in lines if line not in written[1:]]


def test_the_first_installation(shop):
    """Killed at one step after the other, it comes to its end at last, and nobody repairs anything."""
    rehearsed = [line.removeprefix("dry run: ") for line in told(shop, "shop", "install", "--dry-run")]
    writing = [line for line in rehearsed if line.startswith("write ")]
    for line in [line for line in rehearsed if line not in writing][::2]:
        kill(shop, "shop", line, "install")
    told(shop, "shop", "install")
    shop.wait(lambda: shop.get("/health")[0] == 200, "it is not well")
    expected = json.loads(shop.path("/var/lib/envkit/shop/installed.json").read_text())["files"]
    files, _ = state(shop)
    assert set(expected) <= files.keys()
    assert not [name for name in files if re.search(r"/\.[^/]*$|tmp$|installing", name)]


ENDS = ("note what stands", "put them in place", "nginx -t", "systemctl restart")
"""Steps after whose kill the installation is brought to its end; after all others it is killed at the next one."""


def test_another_installation(shop):
    """Killed at any step, the app serves without a failed request; run again, all is as without the kill."""
    told(shop, "shop", *FIRST)
    steps = steps_of(shop, SECOND)
    undisturbed = {SECOND: state(shop)}
    told(shop, "shop", *FIRST)
    undisturbed[FIRST] = state(shop)
    shop.wait(lambda: shop.get("/health")[0] == 200, "it is not well")
    with shop.load(*LIGHT, requests=1) as load:
        for line in steps:
            kill(shop, "shop", line, *SECOND)
        told(shop, "shop", *SECOND)
        assert state(shop) == undisturbed[SECOND]
        present, goal = SECOND, FIRST
        for beginning in ENDS:
            kill(shop, "shop", next(line for line in steps if line.startswith(beginning)), *goal)
            told(shop, "shop", *goal)
            assert state(shop) == undisturbed[goal], beginning
            present, goal = goal, present
    assert load.result["failed"] == {}
    assert load.result["requests"] > 100


# --- backup and restore ---------------------------------------------------------------------------------------------


def listed(machine, name):
    """The backups, each compared with its checksum; none is damaged."""
    return json.loads(machine.run(*beside(name), "envkit", "backup", "list", "--verify", "--json"))


def names(machine, folder):
    """Every file of a folder."""
    return sorted(path.name for path in machine.path(folder).iterdir())


def killed_at_each_step(machine, name, *command, after=lambda: None):
    """Kills a command at each of its steps, runs it to its end, and finds nothing but whole backups."""
    steps = [line for line in told(machine, name, *command) if not line.startswith("/")]
    for line in steps:
        beginning = re.split(r"[^ ]*\d{8}T\d{6}Z|/usr", line)[0]
        kill(machine, name, beginning, *command)
        assert all(backup["whole"] for backup in listed(machine, name))
        after()
    told(machine, name, *command)
    expected = [f"{backup['name']}{end}" for backup in listed(machine, name) for end in ("", ".sha256")]
    assert names(machine, f"/var/backups/{name}") == sorted([f".{name}.lock", *expected])
    return len(steps)


def test_backup_and_restore_of_sqlite(idb):
    """Killed at any step, the app has the old or the new content and serves; run again, the new; nothing is left."""
    idb.get("/", IDB, form="name=kept&calories=1")
    assert killed_at_each_step(idb, "idb", "backup") >= 4
    seen = []

    def change():
        seen.append(json.loads(idb.get("/", IDB)[1]).keys() & {"kept", "changed"})
        assert idb.get("/", IDB, form="name=changed&calories=2")[0] == 201

    change()
    with idb.load(*LIGHT, *posts("name=loaded&calories=3"), host=IDB, requests=1) as load:
        assert killed_at_each_step(idb, "idb", "restore", "latest", after=change) >= 8
    assert load.result["failed"] == {}
    assert {frozenset(keys) for keys in seen} == {frozenset({"kept"}), frozenset({"kept", "changed"})}
    assert "changed" not in json.loads(idb.get("/", IDB)[1])
    assert set(names(idb, "/var/lib/idb")) == {"idb.sqlite3"}
    assert idb.run("stat", "-c", "%U %a", "/var/lib/idb/idb.sqlite3") == "idb 640\n"


def test_backup_and_restore_of_postgresql(amy):
    """The same with pg_dump, pg_restore and psql, which do not outlive the killed envkit."""

    def content():
        return json.loads(amy.ask("/", AMY, tls=True)[2]).keys() & {"kept", "changed"}

    def change():
        assert content() in ({"kept"}, {"kept", "changed"})
        assert amy.ask("/", AMY, form="name=changed", tls=True)[0] == 201

    amy.ask("/", AMY, form="name=kept", tls=True)
    assert killed_at_each_step(amy, "amy", "backup") >= 3
    change()
    with amy.load(*LIGHT, "--tls", *posts("name=loaded"), host=AMY, port=443, requests=1) as load:
        assert killed_at_each_step(amy, "amy", "restore", "latest", after=change) >= 7
    assert load.result["failed"] == {}
    assert content() == {"kept"}
