"""The example idb on a booted server, installed by the very commands of its README."""

from __future__ import annotations

import json

from tests.systemd.conftest import IDB, beside


def test_serves(idb):
    """Five workers answer behind nginx, by a socket of nginx's group, and keep what they are told."""
    assert idb.get("/health", IDB) == (200, "well")
    assert idb.get("/", IDB, form="name=rowing&calories=600")[0] == 201
    assert json.loads(idb.get("/", IDB)[1])["rowing"] == 600
    assert idb.run("stat", "-c", "%a %U %G", "/run/idb/web.sock") == "660 idb www-data\n"
    (master,) = idb.show("idb-web.service", "MainPID")
    workers = idb.run("cat", f"/proc/{master}/task/{master}/children").split()
    assert len(workers) == 5
    assert "Umask:\t0007" in idb.run("cat", f"/proc/{workers[0]}/status")
    assert idb.run("stat", "-c", "%U %a", "/var/lib/idb/idb.sqlite3") == "idb 640\n"


def test_backup(idb):
    """A backup is made by the unit that the timer starts every 48 hours, as the app's user."""
    assert idb.show("idb-backup.timer", "ActiveState") == ["active"]
    idb.run("systemctl", "start", "idb-backup.service")
    listed = json.loads(idb.run(*beside("idb"), "envkit", "backup", "list", "--verify", "--json"))
    assert listed[0]["whole"]
    assert listed[0]["age"] < 3600
    assert idb.run("stat", "-c", "%U", listed[0]["path"]) == "idb\n"


def test_restart_and_boot(idb):
    """One command restarts it, and after a power cut everything is back by itself, with what it had kept."""
    idb.run("systemctl", "restart", "idb.target")
    assert idb.get("/health", IDB)[0] == 200
    idb.run("sync")
    idb.halt()
    idb.boot()
    idb.settle("idb-web.service")
    assert json.loads(idb.get("/", IDB)[1])["rowing"] == 600
    assert idb.show("idb-backup.timer", "ActiveState") == ["active"]


def test_missing_settings(idb):
    """Without its settings the app does not start, ever more rarely, until they are there; the journal names each."""
    file = idb.path("/etc/envkit/idb/env")
    kept = file.read_text()
    file.write_text('DATABASE="/var/lib/idb/idb.sqlite3"\n')
    idb.run("systemctl", "restart", "idb-web.service", check=False)
    said = idb.run("journalctl", "-u", "idb-*", "--no-pager", "-b")
    assert "AppSettings: WGER_KEY: is not set" in said
    assert "AppSettings: SECRET_KEY: is not set, and its default is fit only for development" in said
    lives = idb.path("/run/idb/web/back-off")
    idb.wait(lambda: lives.exists() and int(lives.read_text().split()[0]) >= 4, "it is not tried again and again")
    file.write_text(kept)
    idb.wait(lambda: idb.show("idb-web.service", "ActiveState") == ["active"], "it does not start by itself")
    assert idb.get("/health", IDB)[0] == 200
    assert "canary" not in idb.run("journalctl", "--no-pager")
