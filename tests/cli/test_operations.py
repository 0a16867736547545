"""`envkit maintenance`, `backup`, `restore` and the backup before `envkit run release`."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest

DESCRIPTION = """\
name = "shop"
app = "shop:create_app()"

[processes.release]
command = ["python", "-c", "import sqlite3; sqlite3.connect('shop.db').execute('CREATE TABLE orders (id)')"]

[maintenance]
flag = "{folder}/state/flag"

[backup]
database = "DATABASE_URL"
folder = "{folder}/backups"
"""


@pytest.fixture
def shop(project, monkeypatch):
    """The project with a database in SQLite and a place for maintenance and backups."""
    (project / "envkit.toml").write_text(DESCRIPTION.format(folder=project))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{project}/shop.db")
    with closing(sqlite3.connect(project / "shop.db")) as database:
        database.execute("CREATE TABLE things (name)")
        database.execute("INSERT INTO things VALUES ('first')")
        database.commit()
    return project


def things(folder):
    """The names in the database."""
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        return [row[0] for row in database.execute("SELECT name FROM things")]


def test_maintenance_on_status_off(envkit, shop):
    """Each step is told; status says the state as text and JSON, and by its exit code."""
    done = envkit("maintenance", "on", "--message", "A larger disk.", "--until", "45m", "--allow", "192.0.2.7")
    assert done.code == 0
    assert [line for line in done.err.splitlines() if not line.startswith("warning")] == [
        f"make the folder {shop}/state/flag.d",
        f"write the page {shop}/state/flag.d/until.html",
        "let 192.0.2.7 in",
        f"make the flag {shop}/state/flag",
    ]
    status = envkit("maintenance", "status")
    assert status.code == 1
    assert re.fullmatch(r"on since [\d-]+ [\d:]+ UTC, until [\d-]+ [\d:]+ UTC, open to 192\.0\.2\.7\n", status.out)
    shown = json.loads(envkit("maintenance", "status", "--json").out)
    assert (shown["on"], shown["message"], shown["addresses"]) == (True, "A larger disk.", ["192.0.2.7"])
    assert envkit("maintenance", "off").code == 0
    assert envkit("maintenance", "status") == (0, "off\n", "")


@pytest.mark.parametrize(
    ("user", "hint"),
    [
        (0, "root does this as the owner of the folder, who may not: look at who has it, and what lies in it"),
        (1000, "run it as root, or as the owner of the folder"),
    ],
)
def test_maintenance_without_the_rights_for_it(envkit, shop, monkeypatch, user, hint):
    """Whoever may not write there is told who may."""

    def refuse(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.getuid", lambda: user)
    with monkeypatch.context() as patched:
        patched.setattr("envkit.operations.maintaining.place", refuse)
        done = envkit("maintenance", "on")
    flag = f"{shop}/state/flag"
    assert (done.code, done.err.splitlines()[-1]) == (1, f"{flag}: cannot be written: permission denied. {hint}")
    assert envkit("maintenance", "on").code == 0
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    done = envkit("maintenance", "off")
    assert (done.code, done.err.splitlines()[-1]) == (1, f"{flag}: cannot be removed: permission denied. {hint}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["on", "--until", "tomorrow"], "must be a duration such as 45m or 2h, or a time such as"),
        (["off", "--message", "x"], "belong to `envkit maintenance on`"),
        (["maybe"], "'maybe' is not one of"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_maintenance_called_wrongly(envkit, arguments, words):
    """A wrong call exits 2 and says what is wrong."""
    done = envkit("maintenance", *arguments)
    assert done.code == 2
    assert words in " ".join(done.err.split())


def test_a_time_of_this_machine(envkit, shop):
    """A time without a zone is this machine's."""
    until = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=300)
    elsewhere = until.astimezone(timezone(timedelta(hours=2)))
    assert envkit("maintenance", "on", "--until", elsewhere.isoformat(timespec="minutes")).code == 0
    shown = json.loads(envkit("maintenance", "status", "--json").out)
    assert shown["until"] == until.isoformat()
    assert (shop / "state/flag.d/until.html").exists()


def test_backup_list_and_restore(envkit, shop):
    """A backup is made, listed with age and size, verified, restored; each step is told on standard error."""
    assert envkit("backup", "list") == (1, "", f"{shop}/backups: there is no backup yet\n")
    assert envkit("backup", "list", "--json") == (1, "[]\n", "")
    made = envkit("backup")
    name = made.out.strip().rpartition("/")[2]
    assert re.fullmatch(r"shop-\d{8}T\d{6}Z-backup\.sqlite\.gz", name)
    assert made.err.splitlines()[:3] == [f"copy {shop}/shop.db", "check the copy", "compress it"]
    listed = envkit("backup", "list", "--verify")
    assert listed.code == 0
    assert re.fullmatch(rf"{re.escape(name)} +\d+ \w+ ago +[\d.]+ k?B\n", listed.out)
    (entry,) = json.loads(envkit("backup", "list", "--verify", "--json").out)
    assert (entry["name"], entry["reason"], entry["whole"]) == (name, "backup", True)
    assert entry["size"] == (shop / "backups" / name).stat().st_size
    assert entry["age"] >= 0

    with closing(sqlite3.connect(shop / "shop.db")) as database:
        database.execute("DELETE FROM things")
        database.commit()
    rehearsed = envkit("restore", name, "--dry-run")
    assert (rehearsed.code, things(shop)) == (0, [])
    assert all(line.startswith("dry run: ") for line in rehearsed.err.splitlines())
    assert envkit("restore", name).code == 0
    assert things(shop) == ["first"]
    replaced, first = envkit("backup", "list").out.splitlines()
    assert replaced.index(" ago") == first.index(" ago")  # though one name is longer


def test_a_damaged_backup_is_shown_and_refused(envkit, shop):
    """`list --verify` and `restore` exit 1 and name the file."""
    path = shop / "backups" / envkit("backup").out.strip().rpartition("/")[2]
    path.write_bytes(path.read_bytes() + b"more")
    listed = envkit("backup", "list", "--verify")
    assert (listed.code, "damaged" in listed.out) == (1, True)
    (entry,) = json.loads(envkit("backup", "list", "--verify", "--json").out)
    assert entry["whole"] is False
    refused = envkit("restore", "latest")
    assert refused.code == 1
    assert refused.err.splitlines()[-1] == (f"{path}: is damaged: it differs from its checksum. take another one")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://canary:canary@db/canary", "is the URL of a database that envkit cannot back up"),
        ("canary no url", "DATABASE_URL"),
        ("sqlite://", "names no file of SQLite"),
        ("", "DATABASE_URL"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_url_that_will_not_do(envkit, monkeypatch, url, words):
    """The setting is named and its value is not."""
    monkeypatch.setenv("DATABASE_URL", url)
    done = envkit("backup")
    assert done.code == 1
    assert words in done.err
    assert "canary" not in done.err


def test_without_a_database(envkit, shop):
    """A description without one says what to write."""
    (shop / "envkit.toml").write_text('name = "shop"\napp = "shop:app"\n')
    done = envkit("backup")
    assert done.code == 1
    assert "envkit.toml: backup.database: is missing, so it is not known which database is meant" in done.err


def test_the_url_from_a_file(envkit, shop, monkeypatch):
    """The database's URL is found where the app finds it: in `.env` as well, or in the file named."""
    monkeypatch.delenv("DATABASE_URL")
    (shop / ".env").write_text(f"DATABASE_URL=sqlite:///{shop}/shop.db\n")
    assert envkit("backup").code == 0
    (shop / ".env").rename(shop / "other.env")
    assert envkit("backup").code == 1
    assert envkit("backup", "--env-file", "other.env").code == 0


def _release(folder):
    """`envkit run release` in a process of its own, which becomes the release process."""
    return subprocess.run(
        [sys.executable, "-m", "envkit", "run", "release"],
        cwd=folder,
        env={**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"},  # noqa: PTH120
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_backup_before_every_release(envkit, shop):
    """The database is backed up before the release process runs, and the backup says so."""
    done = _release(shop)
    assert (done.returncode, "put it in place as" in done.stderr) == (0, True)
    (entry,) = json.loads(envkit("backup", "list", "--json").out)
    assert entry["reason"] == "release"
    assert envkit("restore", "latest").code == 0
    with closing(sqlite3.connect(shop / "shop.db")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("things",)]


def test_without_the_backup_no_release(shop):
    """A release whose backup fails does not run."""
    (shop / "shop.db").write_bytes(b"no database" * 1000)
    done = _release(shop)
    assert done.returncode == 1
    assert "cannot be copied" in done.stderr
    assert (shop / "shop.db").read_bytes() == b"no database" * 1000


def test_before_a_release_the_settings_of_the_database_are_asked_for(shop):
    """With [backup.postgres], too, no release runs without a backup; what is not set is named."""
    description = shop / "envkit.toml"
    text = re.sub(
        r"\[backup\]\ndatabase = .*\n", '[backup.postgres]\nname = "DB_NAME"\n[backup]\n', description.read_text()
    )
    description.write_text(text)
    done = _release(shop)
    assert done.returncode == 1
    assert "backup.postgres: DB_NAME: is not set" in done.stderr


def test_the_first_release_has_nothing_to_back_up(shop):
    """Before the first release there is no database, and before_release = false asks for no backup at all."""
    (shop / "shop.db").unlink()
    done = _release(shop)
    assert (done.returncode, done.stderr) == (0, f"no backup: there is no {shop}/shop.db yet\n")

    (shop / "shop.db").unlink()
    with (shop / "envkit.toml").open("a") as file:
        file.write("before_release = false\n")
    done = _release(shop)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("shop")
def test_status(envkit):
    """One screen, and the same as JSON; exits 1 because this app does not run."""
    made = envkit("backup").out.strip().rpartition("/")[2]
    status = envkit("status")
    assert status.code == 1
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in status.out.splitlines())
    assert rows["shop"] == "version unknown"
    assert rows["maintenance"] == "off"
    assert rows["last backup"].endswith(f"B: {made}")
    assert rows["health"].startswith("cannot be reached: ")
    assert "/health: cannot be reached: " in status.err
    shown = json.loads(envkit("status", "--json").out)
    assert (shown["health"]["well"], shown["backup"]["name"], shown["maintenance"]["on"]) == (False, made, False)
    assert [finding["name"] for finding in shown["findings"]][-1] == "/health"


@pytest.mark.needs("nginx", "systemd-analyze")
@pytest.mark.usefixtures("project")
def test_install_below_a_folder_says_what_is_left_to_do(envkit, tmp_path):
    """No command runs there, so nothing is enabled, and the settings may come later; the messages say how."""
    root = tmp_path / "image"
    root.mkdir()
    done = envkit("install", "--root", str(root))
    assert done.code == 0, done.err
    *_, missing, enable = done.err.splitlines()
    assert missing == (
        "before the app can start: /etc/envkit/shop/env: no such file, and the app needs its settings. "
        f"write it: envkit export --to systemd --out {root}/etc/envkit/shop/env"
    )
    assert enable == f"installed; to start it at boot: systemctl --root={root} enable shop.target nginx.service"
