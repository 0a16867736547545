"""Backups of SQLite: while writers write, in little memory, on a full disk, killed at any moment; and restored."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from envkit.operations import sqlite_checks, sqlite_copies
from envkit.operations.backing_up import back_up
from envkit.operations.backups import backups_in, verify_checksum
from envkit.operations.restoring import restore
from envkit.operations.steps import OperationError, Steps
from tests.operations.kill_points import described, killed_at

DEADLINE = 30
MODES = ["wal", "delete"]


def fill(path, mode="wal", rows=1500, value="first"):
    """A database of a few lots of pages: `value` in each row."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE IF NOT EXISTS pages (value TEXT, filling BLOB)")
        database.execute("DELETE FROM pages")
        database.executemany("INSERT INTO pages VALUES (?, randomblob(4000))", [(value,)] * rows)
        database.commit()


def values(path):
    """The values in the rows, each once, and SQLite's verdict on the file."""
    with closing(sqlite3.connect(path, timeout=DEADLINE)) as database:
        found = {row[0] for row in database.execute("SELECT DISTINCT value FROM pages")}
        return found, database.execute("PRAGMA integrity_check").fetchone()[0]


def files(folder):
    """Every file below a folder, without the lock and what SQLite keeps beside an open database."""
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".shop.lock" and not path.name.endswith(("-wal", "-shm"))
    )


class Writer:
    """Writes all the time, always the same number into two tables, one transaction each."""

    def __init__(self, path):
        self.path, self.written, self.stopped = path, 0, threading.Event()
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE one (number INTEGER)")
            database.execute("CREATE TABLE two (number INTEGER)")
            database.commit()
        self.thread = threading.Thread(target=self.write)

    def __enter__(self):
        self.thread.start()
        self.wait_for_one_more()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(DEADLINE)

    def write(self):
        """Until it is stopped."""
        with closing(sqlite3.connect(self.path, timeout=DEADLINE, isolation_level=None)) as database:
            while not self.stopped.is_set():
                database.execute("BEGIN IMMEDIATE")
                database.execute("INSERT INTO one VALUES (?)", (self.written,))
                database.execute("INSERT INTO two VALUES (?)", (self.written,))
                database.execute("UPDATE pages SET filling = randomblob(4000) WHERE rowid = ?", (self.written % 1500,))
                database.execute("COMMIT")
                self.written += 1
                time.sleep(0.001)

    def wait_for_one_more(self):
        """Until another transaction was written."""
        before, end = self.written, time.monotonic() + DEADLINE
        while self.written == before:
            assert time.monotonic() < end
            time.sleep(0.001)


@pytest.mark.parametrize("mode", MODES)
def test_a_backup_while_a_writer_writes(tmp_path, mode):
    """The writer goes on while the copy is made, and the copy holds whole transactions only."""
    fill(tmp_path / "shop.db", mode)
    seen = []
    with Writer(tmp_path / "shop.db") as writer:

        def show(done, total):
            if len(seen) < 8 and done < total:
                writer.wait_for_one_more()
                seen.append(done)

        path = back_up(described(tmp_path), Steps(show=show))
        writer.wait_for_one_more()
    assert len(seen) > 1
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("DELETE FROM one")
        database.commit()
    restore(described(tmp_path), path.name, Steps())
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        one = database.execute("SELECT number FROM one").fetchall()
        two = database.execute("SELECT number FROM two").fetchall()
        kept = database.execute("PRAGMA journal_mode").fetchone()[0]
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert one == two == [(number,) for number in range(len(one))]
    assert 0 < len(one) < writer.written
    assert kept == mode


@pytest.mark.parametrize("mode", MODES)
def test_restored_under_those_who_have_it_open(tmp_path, mode):
    """A connection that was open before the restore sees the restored content; what was replaced is a backup."""
    fill(tmp_path / "shop.db", mode)
    back_up(described(tmp_path), Steps())
    fill(tmp_path / "shop.db", mode, rows=10, value="second")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as open_before:
        assert open_before.execute("SELECT count(*) FROM pages").fetchone() == (10,)
        replaced = restore(described(tmp_path), "latest", Steps())
        assert open_before.execute("SELECT DISTINCT value FROM pages").fetchall() == [("first",)]
        open_before.execute("INSERT INTO pages VALUES ('third', NULL)")
        open_before.commit()
    assert values(tmp_path / "shop.db") == ({"first", "third"}, "ok")

    restore(described(tmp_path), replaced.name, Steps())
    assert values(tmp_path / "shop.db") == ({"second"}, "ok")


def test_repeated_it_restores_the_same(tmp_path):
    """`latest` passes over what restores replaced, so that repeating does not swap the two."""
    fill(tmp_path / "shop.db")
    back_up(described(tmp_path), Steps())
    fill(tmp_path / "shop.db", value="second")
    for _ in range(2):
        restore(described(tmp_path), "latest", Steps())
        assert values(tmp_path / "shop.db") == ({"first"}, "ok")


def test_a_lost_database_is_made_again(tmp_path):
    """Without a database, the restore makes one, private, and there is nothing to keep."""
    fill(tmp_path / "shop.db")
    back_up(described(tmp_path), Steps())
    for path in tmp_path.glob("shop.db*"):
        path.unlink()
    assert restore(described(tmp_path), "latest", Steps()) is None
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")
    assert (tmp_path / "shop.db").stat().st_mode & 0o077 == 0


def test_a_damaged_database_is_moved_aside(tmp_path):
    """A database that SQLite cannot read is not backed up; a restore keeps it under another name, every byte."""
    fill(tmp_path / "shop.db", "delete")
    back_up(described(tmp_path), Steps())
    damaged = b"no database at all" * 1000
    (tmp_path / "shop.db").write_bytes(damaged)
    with pytest.raises(OperationError, match="cannot be copied"):
        back_up(described(tmp_path), Steps())
    told = []
    aside = restore(described(tmp_path), "latest", Steps(told.append))
    assert aside.name.startswith("shop.db.damaged-")
    assert aside.read_bytes() == damaged
    assert told[-1] == "restart the app: its processes have the damaged file open"
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")
    assert len(backups_in(tmp_path / "backups", "shop")) == 1


def test_what_takes_a_damaged_databases_place_is_its_like(tmp_path):
    """Where the path leads by a link, the damaged file is moved aside and not the link; the new one has its mode."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "shop.db").symlink_to("disk/real.db")
    fill(tmp_path / "shop.db", "delete", rows=10)
    back_up(described(tmp_path), Steps())
    (tmp_path / "shop.db").write_bytes(b"no database at all" * 1000)
    (tmp_path / "shop.db").chmod(0o660)
    aside = restore(described(tmp_path), "latest", Steps())
    assert aside.parent == tmp_path / "disk"
    assert (tmp_path / "shop.db").is_symlink()
    assert (tmp_path / "disk/real.db").stat().st_mode & 0o777 == 0o660
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")


LEFT = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA cache_size = 5")
database.execute("UPDATE pages SET value = 'never', filling = randomblob(4000)")
if sys.argv[2] == "wal":
    database.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("mode", MODES)
def test_what_outlived_a_lost_database_is_not_applied(tmp_path, mode):
    """A log or journal beside a database that is gone is moved aside: it would be applied to the restored one."""
    fill(tmp_path / "shop.db", mode, rows=100)
    back_up(described(tmp_path), Steps())
    fill(tmp_path / "shop.db", mode, rows=100, value="second")
    subprocess.run([sys.executable, "-c", LEFT, tmp_path / "shop.db", mode], check=False)
    ending = {"wal": "wal", "delete": "journal"}[mode]
    assert (tmp_path / f"shop.db-{ending}").stat().st_size
    (tmp_path / "shop.db").unlink()
    assert restore(described(tmp_path), "latest", Steps()) is None
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")
    assert len(list(tmp_path.glob(f"shop.db.damaged-*-{ending}"))) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_database_with_pages_of_another_size(tmp_path, mode):
    """What is restored into a database with a write-ahead log takes the size of its pages, which it cannot change."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("PRAGMA page_size = 16384")
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    fill(tmp_path / "shop.db", mode, rows=100)
    back_up(described(tmp_path), Steps())
    for path in tmp_path.glob("shop.db*"):
        path.unlink()
    fill(tmp_path / "shop.db", "wal", rows=10, value="second")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as open_before:
        assert open_before.execute("SELECT count(*) FROM pages").fetchone() == (10,)
        restore(described(tmp_path), "latest", Steps())
        assert open_before.execute("SELECT count(*) FROM pages").fetchone() == (100,)
        assert open_before.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert open_before.execute("PRAGMA page_size").fetchone() == (4096,)
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")
    assert not list(tmp_path.glob(".shop.db*"))


def test_what_only_the_app_can_compute(tmp_path):
    """An order or a function of the app's own, in an index or a CHECK, keeps no database from being backed up."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database:
        database.create_collation("german", lambda one, two: (one > two) - (one < two))
        database.create_function("price", 1, abs, deterministic=True)
        database.execute("CREATE TABLE a (n TEXT COLLATE german PRIMARY KEY, m CHECK (price(m) > 0)) WITHOUT ROWID")
        database.execute("CREATE INDEX i ON a (price(m))")
        database.executemany("INSERT INTO a VALUES (?, ?)", [(str(n), n) for n in range(1, 1000)])
        database.commit()
    back_up(described(tmp_path), Steps())
    restore(described(tmp_path), "latest", Steps())
    content = bytearray(path.read_bytes())
    content[8192:12288] = os.urandom(4096)
    path.write_bytes(content)
    with pytest.raises(OperationError, match="is damaged, so no backup was made"):
        back_up(described(tmp_path), Steps())
    assert restore(described(tmp_path), "latest", Steps()).read_bytes() == content
    with closing(sqlite3.connect(path)) as database:
        database.create_collation("german", lambda one, two: (one > two) - (one < two))
        assert database.execute("SELECT count(*) FROM a NOT INDEXED").fetchone() == (999,)


@pytest.mark.parametrize("mode", MODES)
def test_a_database_that_stays_locked(tmp_path, monkeypatch, mode):
    """It is neither backed up nor replaced, and the error says what to do."""
    fill(tmp_path / "shop.db", mode, rows=10)
    back_up(described(tmp_path), Steps())
    for module in (sqlite_checks, sqlite_copies):
        monkeypatch.setattr(module, "PATIENCE", 0.1)
    before = files(tmp_path / "backups")
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as owner:
        owner.execute("PRAGMA locking_mode = EXCLUSIVE")
        owner.execute("INSERT INTO pages VALUES ('second', NULL)")
        for action in (back_up, lambda shop, steps: restore(shop, "latest", steps)):
            with pytest.raises(OperationError, match=r"stayed locked for 0\.1 s\. stop what holds it, and try again"):
                action(described(tmp_path), Steps())
        assert files(tmp_path / "backups") == before
        assert not list(tmp_path.glob(".shop*"))


def test_a_backup_of_another_app(tmp_path):
    """It is refused, whatever it is called now, unless the call says that it is meant."""
    fill(tmp_path / "shop.db", rows=10)
    path = back_up(replace(described(tmp_path), name="blog"), Steps())
    moved = [tmp_path / path.name, tmp_path / path.name.replace("blog", "shop")]
    for new in moved:
        for ending in ("", ".sha256"):
            shutil.copy(f"{path}{ending}", f"{new}{ending}")
        with pytest.raises(OperationError, match="is a backup of blog, not of shop"):
            restore(described(tmp_path), str(new), Steps())
    fill(tmp_path / "shop.db", rows=10, value="second")
    restore(described(tmp_path), str(moved[0]), Steps(), foreign=True)
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")


def test_a_database_with_wrong_pages_is_no_backup(tmp_path):
    """A copy whose pages contradict each other is refused, and nothing is left of it."""
    path = tmp_path / "shop.db"
    fill(path, "delete", rows=100)
    content = bytearray(path.read_bytes())
    content[8192:12288] = os.urandom(4096)
    path.write_bytes(content)
    with pytest.raises(OperationError, match="is damaged, so no backup was made"):
        back_up(described(tmp_path), Steps())
    assert files(tmp_path / "backups") == []


@pytest.mark.parametrize("place", [100, -100, None])
def test_a_damaged_backup_changes_nothing(tmp_path, place):
    """A damaged or cut backup is refused before anything is touched."""
    fill(tmp_path / "shop.db")
    path = back_up(described(tmp_path), Steps())
    fill(tmp_path / "shop.db", value="second")
    content = bytearray(path.read_bytes())
    if place is None:
        del content[-1000:]
    else:
        content[place] ^= 1
    path.write_bytes(content)
    before = files(tmp_path)
    with pytest.raises(OperationError, match="is damaged: it differs from its checksum"):
        restore(described(tmp_path), path.name, Steps())
    assert values(tmp_path / "shop.db") == ({"second"}, "ok")
    assert files(tmp_path) == before


@pytest.mark.parametrize("content", [b"nothing compressed", b""])
def test_a_backup_that_only_its_checksum_vouches_for(tmp_path, content):
    """A file that is no compressed database is refused even with a checksum that fits."""
    fill(tmp_path / "shop.db")
    path = back_up(described(tmp_path), Steps())
    path.write_bytes(content)
    sums = subprocess.run(["sha256sum", path.name], cwd=path.parent, capture_output=True, check=True).stdout
    (path.parent / f"{path.name}.sha256").write_bytes(sums)
    with pytest.raises(OperationError, match="is damaged: it cannot be expanded"):
        restore(described(tmp_path), path.name, Steps())
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")


@pytest.mark.parametrize(("action", "mode"), [("back up", "wal"), ("restore", "delete")])
def test_killed_at_any_moment_it_can_be_repeated(tmp_path, action, mode):
    """SIGKILL at any step, or within one, leaves the old or the new content and whole backups; repeating finishes."""
    fill(tmp_path / "shop.db", mode, value="first")
    back_up(described(tmp_path), Steps())
    fill(tmp_path / "shop.db", mode, value="second")
    for last in range(1, 100):
        killed = killed_at(tmp_path, action, last)
        found, verdict = values(tmp_path / "shop.db")
        assert verdict == "ok"
        assert found in ({"first"}, {"second"})
        for backup in backups_in(tmp_path / "backups", "shop"):
            verify_checksum(backup.path, lambda _done, _total: None)
        if not killed:
            assert last > 8
            break
        if found == {"first"}:
            fill(tmp_path / "shop.db", mode, value="second")
    if action == "restore":
        restore(described(tmp_path), "latest", Steps())
        assert values(tmp_path / "shop.db") == ({"first"}, "ok")
    else:
        back_up(described(tmp_path), Steps())
    whole = [backup.path.name for backup in backups_in(tmp_path / "backups", "shop")]
    assert files(tmp_path) == sorted(["shop.db", *whole, *(f"{name}.sha256" for name in whole)])


MEASURED = r"""
import re, sys
from pathlib import Path
from envkit.operations.backing_up import back_up
from envkit.operations.restoring import restore
from envkit.operations.steps import Steps
from tests.operations.kill_points import described

folder = Path(sys.argv[1])
path = back_up(described(folder), Steps())
restore(described(folder), path.name, Steps())
# Not ru_maxrss, which begins with the memory of the process that started this one.
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""


@pytest.mark.parametrize("mode", MODES)
def test_memory_does_not_grow_with_the_database(tmp_path, mode):
    """150 MB are backed up and restored within 64 MB of memory."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE large (content BLOB)")
        database.executemany("INSERT INTO large VALUES (zeroblob(?))", [(1_000_000,)] * 150)
        database.commit()
    assert (tmp_path / "shop.db").stat().st_size > 150_000_000
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path], cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(done.stdout) < 64 * 1024 * 1024


LIMITED = """
import resource, sys
from pathlib import Path
from envkit.operations.backing_up import back_up
from envkit.operations.restoring import restore
from envkit.operations.steps import OperationError, Steps
from tests.operations.kill_points import described

folder, action, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    back_up(described(folder), Steps()) if action == "back up" else restore(described(folder), "latest", Steps())
except OperationError as error:
    print(error)
"""


def limited(folder, action, limit):
    """What an operation says that may write no file larger than `limit`."""
    command = [sys.executable, "-c", LIMITED, folder, action, str(limit)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_what_cannot_be_written_is_not_half_written(tmp_path):
    """Where a copy cannot be written, an error says so, nothing is left, and the database is as it was."""
    fill(tmp_path / "shop.db", "delete")
    first = back_up(described(tmp_path), Steps())
    before = files(tmp_path)
    assert "no backup was made" in limited(tmp_path, "back up", 1_000_000)
    assert files(tmp_path / "backups") == [first.name, f"{first.name}.sha256"]
    assert "cannot be replaced" in limited(tmp_path, "restore", 1_000_000)
    assert files(tmp_path) == before
    assert values(tmp_path / "shop.db") == ({"first"}, "ok")


@pytest.mark.needs("unshare")
def test_a_full_disk(tmp_path):
    """On a full disk the error says so, the app's database is as it was, and nothing is left."""
    fill(tmp_path / "shop.db", "delete")
    (tmp_path / "backups").mkdir()
    script = 'mount -t tmpfs -o size=2m tmpfs "$1/backups" && "$2" -c "$3" "$1" "back up" 0 && ls -A "$1/backups"'
    own_namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run(
        [*own_namespace, "sh", "-c", script, "sh", tmp_path, sys.executable, LIMITED],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, *left = done.stdout.splitlines()
    assert "disk is full" in said or "no space left" in said
    assert said.endswith("no backup was made")
    assert left == [".shop.lock"]


def test_before_the_first_release_there_is_nothing(tmp_path):
    """Before a release a database that is not there yet is passed over; at any other time it is missed."""
    told = []
    assert back_up(described(tmp_path), Steps(told.append), reason="release") is None
    assert told == [f"no backup: there is no {tmp_path}/shop.db yet"]
    with pytest.raises(OperationError, match="no such database"):
        back_up(described(tmp_path), Steps())


def test_a_database_in_flasks_instance_folder_is_named(tmp_path, monkeypatch):
    """Flask-SQLAlchemy has it there for three slashes: it is neither left out before a release nor restored here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///shop.db")
    shop = described(tmp_path)
    shop = replace(shop, backup=replace(shop.backup, database="DATABASE_URL"))
    assert back_up(shop, Steps(), reason="release") is None
    (tmp_path / "instance").mkdir()
    with closing(sqlite3.connect(tmp_path / "instance/shop.db")) as database:
        database.execute("CREATE TABLE things (name)")
    meant = replace(shop, backup=replace(shop.backup, database=f"{tmp_path}/instance/shop.db"))
    assert back_up(meant, Steps()) is not None
    for attempt in (
        lambda: back_up(shop, Steps()),
        lambda: back_up(shop, Steps(), reason="release"),
        lambda: restore(shop, "latest", Steps()),
    ):
        with pytest.raises(OperationError) as caught:
            attempt()
        assert str(caught.value) == (
            "shop.db: no such database. is instance/shop.db meant? then under [backup], "
            f'database = "{tmp_path}/instance/shop.db"'
        )
    assert not (tmp_path / "shop.db").exists()


def test_a_path_that_begins_in_this_folder_is_said(tmp_path, monkeypatch):
    """Three slashes begin here, where a database of a server seldom is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///shop.db\n")
    shop = described(tmp_path)
    with pytest.raises(OperationError) as caught:
        back_up(replace(shop, backup=replace(shop.backup, database="DATABASE_URL")), Steps())
    (finding,) = caught.value.findings
    assert str(finding) == "shop.db: no such database. its path begins in this folder; sqlite:////… begins at the root"


def test_a_rehearsal_changes_nothing(tmp_path):
    """Every step of a backup and of a restore is told, and none is taken."""
    fill(tmp_path / "shop.db")
    told = []
    assert back_up(described(tmp_path), Steps(told.append, rehearse=True)) is None
    assert [words.split()[0] for words in told] == ["copy", "check", "compress", "put"]
    assert not (tmp_path / "backups").exists()
    back_up(described(tmp_path), Steps())
    before = files(tmp_path)
    restore(described(tmp_path), "latest", Steps(told.append, rehearse=True))
    assert told[-1] == f"write it into {tmp_path}/shop.db"
    assert files(tmp_path) == before


def test_a_rehearsal_finds_a_damaged_backup(tmp_path):
    """Its checksum is verified then, too, for that changes nothing."""
    fill(tmp_path / "shop.db")
    made = back_up(described(tmp_path), Steps())
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(OperationError, match="checksum"):
        restore(described(tmp_path), "latest", Steps(rehearse=True))


def test_old_backups_go_when_a_new_one_is_made(tmp_path):
    """What [backup.keep] does not keep is removed after a backup, and only after it."""
    fill(tmp_path / "shop.db", rows=1)
    deployment = described(tmp_path, recent=0, daily=1, weekly=0, monthly=0)
    for _ in range(3):
        newest = back_up(deployment, Steps())
        assert files(tmp_path / "backups") == [newest.name, f"{newest.name}.sha256"]
