"""A database of 1 GB backed up and restored by the real command: in little memory, under writers, with a bar."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess

from tests.systemd.conftest import IDB, LIGHT, beside, posts

MOST = 64 * 1024 * 1024
"""Bytes of memory."""
GROW = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
database.execute("PRAGMA journal_mode = WAL")  # without, its restore keeps writers out for seconds
database.execute("CREATE TABLE filling (bytes BLOB)")
database.executemany("INSERT INTO filling VALUES (zeroblob(1000000))", [()] * 1000)
database.commit()
"""
LOSE = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
database.execute("DELETE FROM filling WHERE rowid > 10")
database.commit()
"""
COUNT = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
print(*database.execute("SELECT count(*), sum(length(bytes)) FROM filling").fetchone())
"""
SHRINK = """
import sqlite3
database = sqlite3.connect("/var/lib/idb/idb.sqlite3", timeout=60)
database.execute("DROP TABLE filling")
database.execute("VACUUM")
database.execute("PRAGMA journal_mode = DELETE")
"""
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, flush=True)
sys.exit(code)
"""
"""The peak of the command's own memory, and of what it started."""


def in_terminal(machine, *command):
    """What a command prints on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*machine.enter(), *command], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        printed = bytearray()
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # the other end is closed: that is how a terminal ends
                break
            if not block:
                break
            printed += block
        assert process.wait(60) == 0
    os.close(ours)
    return printed.decode()


def test_a_gigabyte(idb):
    """Writers write meanwhile and none fails; the bar is on a terminal only; what is restored is whole."""
    idb.run("python3", "-c", GROW)
    assert idb.path("/var/lib/idb/idb.sqlite3").stat().st_size > 1_000_000_000
    with idb.load(*LIGHT, *posts("name=loaded&calories=1"), host=IDB, requests=1) as load:
        printed = in_terminal(idb, *beside("idb"), "python3", "-c", MEASURED, "envkit", "backup")
    assert load.result["failed"] == {}
    assert load.result["requests"] > 20
    assert int(printed.split()[-1]) < MOST
    bars = {int(percent) for percent in re.findall("[█░] +(\\d+)%", printed)}
    assert len(bars) > 5
    assert max(bars) <= 100

    idb.run("python3", "-c", LOSE)
    said = idb.run(*beside("idb"), "python3", "-c", MEASURED, "envkit", "restore", "latest")
    assert int(said.split()[-1]) < MOST
    assert "\x1b" not in said
    assert "█" not in said
    assert idb.run("python3", "-c", COUNT).split() == ["1000", "1000000000"]
    idb.run("python3", "-c", SHRINK)
    shutil.rmtree(idb.path("/var/backups/idb"))
    idb.run("install", "-d", "-o", "idb", "-g", "idb", "-m", "0700", "/var/backups/idb")
