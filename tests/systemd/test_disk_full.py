"""Full disks on a booted server: a clear error, every file the old or the new one, and the app serves throughout."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from tests.systemd.conftest import IDB, LIGHT, beside, posts

FULL = "cannot be written: no space left on device"
SPARE = 24
"""MB of each small disk, of which nothing is left unless a test says so."""


@pytest.fixture(scope="module", autouse=True)
def installed(idb):
    """The app as its own command installs it."""
    idb.run(*beside("idb"), "envkit", "install", "--force")  # over what the README put there


@contextmanager
def asked(machine):
    """The app is asked and written to all the time, and no request fails."""
    with machine.load(*LIGHT, *posts("name=loaded&calories=1"), host=IDB, requests=1) as load:
        yield
    assert load.result["failed"] == {}
    assert load.result["requests"] > 10


@pytest.fixture
def served(idb):
    """No request fails as long as the test goes on."""
    with asked(idb):
        yield


@contextmanager
def full(machine, folder, *, left=0, owner="root"):
    """A small disk in a folder's place, with its content and so many kB left; gives what makes space on it."""
    there = machine.path(folder)
    there.mkdir(parents=True, exist_ok=True)
    options = f"size={SPARE}m,mode={there.stat().st_mode & 0o7777:o}"
    machine.run("mkdir", "-p", "/run/small")
    machine.run("mount", "-t", "tmpfs", "-o", options, "small", "/run/small")
    machine.run("sh", "-c", f"chown {owner}: /run/small; cp -a {folder}/. /run/small/")
    machine.run("sh", "-c", f"cat /dev/zero >/run/small/filling 2>/dev/null; truncate -s -{left}k /run/small/filling")
    machine.run("mount", "--bind", "/run/small", folder)
    try:
        yield (there / "filling").unlink
    finally:
        (there / "filling").unlink(missing_ok=True)
        machine.run("umount", "--lazy", folder)  # a service may just have a file of it open
        machine.run("cp", "-a", "/run/small/.", folder)
        machine.run("umount", "--lazy", "/run/small")


def content(machine, *folders):
    """Every file and link of folders, byte for byte."""
    paths = [path for folder in folders for path in machine.path(folder).rglob("*") if path.name != "filling"]
    return {
        str(path).partition("/root/")[2]: path.readlink() if path.is_symlink() else path.read_bytes()
        for path in paths
        if path.is_symlink() or path.is_file()
    }


CHANGED = (
    (
        "[processes.web]\nworkers = 5",
        '[processes.tick]\ncommand = "true"\nschedule = "every 12h"\n[processes.web]\nworkers = 4',
    ),
    ("[http]", '[http]\nbody_limit = "7 MB"'),
)
"""Another unit, and other texts for files that there are."""


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("left", [0, 8])
def test_rendering(idb, left):
    """Nothing is rendered, at the first file or at a later one; with space, everything."""
    with full(idb, "/root/rendered", left=left) as make_space:
        code, said = idb.attempt(*beside("idb"), "envkit", "render", "systemd", "nginx", "--out", "/root/rendered")
        assert (code, said.splitlines()[-1].startswith("/root/rendered/"), FULL in said) == (1, True, True)
        assert content(idb, "/root/rendered") == {}
        make_space()
        idb.run(*beside("idb"), "envkit", "render", "systemd", "nginx", "--out", "/root/rendered")
        assert "root/rendered/systemd/etc/systemd/system/idb.target" in content(idb, "/root/rendered")
    idb.run("rm", "-rf", "/root/rendered")


FULL_FOLDERS = (
    ("/etc/systemd/system", 0),
    ("/etc/systemd/system", 8),
    ("/etc/nginx/sites-available", 4),
    ("/var/lib/envkit/idb", 0),
    ("/etc/envkit/idb", 0),
)


@pytest.mark.usefixtures("served")
def test_installing(idb):
    """Whichever disk is full, and whenever it becomes so, every file is as it was; with space, it is installed."""
    everything = ("/etc/systemd/system", "/etc/nginx", "/etc/envkit", "/usr/share/envkit", "/var/lib/envkit")
    described = idb.path("/srv/idb/envkit.toml").read_text()
    idb.write("/srv/idb/changed.toml", described.replace(*CHANGED[0]).replace(*CHANGED[1]))
    before = content(idb, *everything)
    for folder, left in FULL_FOLDERS:
        with full(idb, folder, left=left) as make_space:
            code, said = idb.attempt(*beside("idb"), "envkit", "install", "-f", "changed.toml")
            assert code == 1
            assert said.splitlines()[-1].startswith(folder)
            assert said.splitlines()[-1].endswith(FULL)
            assert content(idb, *everything) == before
            if (folder, left) == FULL_FOLDERS[-1]:
                make_space()
                idb.run(*beside("idb"), "envkit", "install", "-f", "changed.toml")
    assert idb.show("idb-tick.timer", "ActiveState") == ["active"]
    idb.run(*beside("idb"), "envkit", "install")
    assert content(idb, *everything) == before


GROW = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
database.execute("CREATE TABLE filling (bytes BLOB)")
database.executemany("INSERT INTO filling VALUES (randomblob(4000))", [()] * 500)
database.commit()
"""
SHRINK = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
database.execute("DROP TABLE filling")
database.execute("VACUUM")
"""


@pytest.fixture
def large(idb):
    """The database is somewhat large, and there is a backup of it; afterwards it is small."""
    idb.run("python3", "-c", GROW)
    idb.run(*beside("idb"), "envkit", "backup")
    yield
    idb.run("python3", "-c", SHRINK)


@pytest.mark.usefixtures("large", "served")
def test_backing_up(idb):
    """No backup is made and nothing is left, whether the copy or its compression has no space; earlier ones stay."""
    for left in (0, 1000, 3000):
        with full(idb, "/var/backups/idb", left=left, owner="idb") as make_space:
            before = content(idb, "/var/backups/idb")
            code, said = idb.attempt(*beside("idb"), "envkit", "backup")
            assert (code, said.splitlines()[-1]) == (1, f"/var/backups/idb: the backup {FULL}. no backup was made")
            assert content(idb, "/var/backups/idb") == before
            make_space()
            idb.run(*beside("idb"), "envkit", "backup")
            idb.run(*beside("idb"), "envkit", "backup", "list", "--verify")


@pytest.mark.usefixtures("large")
def test_restoring(idb):
    """The database is as it was, byte for byte, and served, whatever there was no space for; with space, restored."""
    path = "/var/lib/idb/idb.sqlite3"
    with full(idb, "/var/lib/idb", left=3000, owner="idb") as make_space:
        idb.run("systemctl", "restart", "idb-web.service")  # it is the small disk's from now on
        with asked(idb):  # SQLite refuses to write to a database below which the disk is changed
            idb.get("/", IDB, form="name=changed&calories=2")
            code, said = idb.attempt(*beside("idb"), "envkit", "restore", "latest")
            words = f"{path}: cannot be replaced: no space left on device. it is as it was"
            assert (code, said.splitlines()[-1]) == (1, words)
            assert "changed" in json.loads(idb.get("/", IDB)[1])
            assert {there.name for there in idb.path("/var/lib/idb").iterdir()} - {f"{path[13:]}-journal"} == {
                "idb.sqlite3",
                "filling",
            }
            make_space()
            idb.run(*beside("idb"), "envkit", "restore", "latest")
            assert "changed" not in json.loads(idb.get("/", IDB)[1])
    idb.run("systemctl", "restart", "idb-web.service")
