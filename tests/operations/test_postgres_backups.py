"""Backups of a real PostgreSQL server: dumped and restored whole, in one transaction, with a hidden password."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from envkit.deployment.model import Backup, BackupPostgres, Deployment
from envkit.operations import postgres_clients, postgres_programs
from envkit.operations.backing_up import back_up
from envkit.operations.backups import backups_in
from envkit.operations.databases import find_database
from envkit.operations.restoring import restore
from envkit.operations.steps import OperationError, Steps
from tests.operations.postgres_server import PASSWORD, Server
from tests.operations.test_acting import LOOKING

pytestmark = pytest.mark.needs("pg_dump")

SCHEMA = """
CREATE SCHEMA stock;
CREATE TYPE state AS ENUM ('new', 'sold');
CREATE FUNCTION doubled(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE TABLE things (id serial PRIMARY KEY, name text UNIQUE, state state DEFAULT 'new', twice integer);
CREATE TABLE stock.places (id integer PRIMARY KEY, thing integer REFERENCES things (id) ON DELETE RESTRICT);
CREATE VIEW sold AS SELECT * FROM things WHERE state = 'sold';
CREATE MATERIALIZED VIEW names AS SELECT name FROM things;
CREATE INDEX ON things (doubled(id));
INSERT INTO things (name, twice) SELECT 'thing \\t ''' || n, doubled(n) FROM generate_series(1, 5000) n;
INSERT INTO stock.places SELECT id, id FROM things WHERE id <= 10;
"""
CONTENT = """
SELECT md5(string_agg(things::text, ',' ORDER BY id)) FROM things;
SELECT count(*), sum(thing) FROM stock.places;
SELECT nextval('things_id_seq');
SELECT relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname IN ('public', 'stock') ORDER BY 1;
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1;
SELECT collname FROM pg_collation WHERE collnamespace = 'public'::regnamespace
    UNION SELECT oprname FROM pg_operator WHERE oprnamespace = 'public'::regnamespace
    UNION SELECT cfgname FROM pg_ts_config WHERE cfgnamespace = 'public'::regnamespace
    UNION SELECT dictname FROM pg_ts_dict WHERE dictnamespace = 'public'::regnamespace;
"""
NOISE = "CREATE TABLE noise AS SELECT md5(random()::text) AS word FROM generate_series(1, 50000)"
"""More than a pipe holds, also compressed: the programs are at work while somebody looks."""
NEWER_VERSION = """
ALTER TABLE things DROP COLUMN twice CASCADE;
DELETE FROM stock.places;
DELETE FROM things WHERE id > 100;
CREATE SCHEMA bills;
CREATE TYPE money_kind AS (amount integer, currency text);
CREATE TABLE bills.all_of_them (id integer REFERENCES things (id), cost money_kind);
CREATE TABLE orders (id serial, thing integer REFERENCES things (id));
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE TABLE years (n integer) PARTITION BY LIST (n);
CREATE TABLE year PARTITION OF years FOR VALUES IN (1);
CREATE COLLATION german FROM "C";
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE TEXT SEARCH CONFIGURATION shop (COPY = english);
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple);
"""
MANY = [
    statement
    for n in range(12)
    for statement in (
        f"CREATE FUNCTION f{n}(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'",
        f"CREATE AGGREGATE z{n}(integer) (SFUNC = f{n}, STYPE = integer)",
    )
]
"""More than a cursor fetches at a time, of which some go with others."""


@pytest.fixture(scope="module")
def server():
    """One server for all tests of the module."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def shop(server, tmp_path, monkeypatch):
    """A description whose database has content; a fresh database for each test."""
    server.ask("DROP DATABASE shop WITH (FORCE)")
    server.ask("CREATE DATABASE shop OWNER shop")
    server.shop(SCHEMA)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", server.url())
    return Deployment(name="shop", app="shop:app", backup=Backup(database="DATABASE_URL", folder=f"{tmp_path}/backups"))


def test_what_was_backed_up_is_restored(server, shop):
    """Tables, rows, sequences, views, types and functions come back, and what a newer version added goes."""
    path = back_up(shop, Steps())
    before = server.shop(CONTENT)
    server.shop(";".join([NEWER_VERSION, *sorted(MANY, reverse=True)]))
    server.ask("ALTER ROLE shop IN DATABASE shop SET default_transaction_read_only = on")
    newer = server.shop("SELECT count(*) FROM things")
    replaced = restore(shop, "latest", Steps())
    server.ask("ALTER ROLE shop IN DATABASE shop RESET ALL")
    assert server.shop(CONTENT) == before
    assert server.shop("SELECT to_regtype('money_kind') IS NULL, to_regproc('nothing') IS NULL") == "t|t"
    assert path.stat().st_mode & 0o777 == 0o600

    restore(shop, replaced.name, Steps())
    assert (newer, server.shop("SELECT count(*) FROM things")) == ("100", "100")
    assert server.shop("SELECT to_regclass('bills.all_of_them') IS NOT NULL") == "t"
    restore(shop, path.name, Steps())
    assert server.shop(CONTENT) == before


def test_what_the_administrator_made_stays(server, shop):
    """Extensions that the app's role may not drop, in public or a schema of their own, keep no dump out."""
    extensions = 'CREATE EXTENSION citext; CREATE SCHEMA ext; CREATE EXTENSION "uuid-ossp" SCHEMA ext'
    server.ask(f"{extensions}; GRANT USAGE ON SCHEMA ext TO shop", database="shop")
    server.shop(
        "CREATE EXTENSION hstore; CREATE TABLE words (id uuid DEFAULT ext.uuid_generate_v4(), w citext, h hstore)"
    )
    server.shop("INSERT INTO words (w, h) VALUES ('One', 'a=>1')")
    back_up(shop, Steps())
    server.shop("DROP TABLE words; DROP EXTENSION hstore")
    restore(shop, "latest", Steps())
    assert server.shop("SELECT h FROM words WHERE w = 'ONE'") == '"a"=>"1"'
    assert server.shop("SELECT count(*) FROM pg_extension WHERE NOT pg_has_role(extowner, 'USAGE')") == "3"


def test_a_dump_while_writers_write(server, shop):
    """A writer that writes during the dump is not delayed, and the dump holds whole transactions."""
    server.shop("CREATE TABLE a (n integer); CREATE TABLE b (n integer)")
    written = []

    def tell(_words):
        server.shop("BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT")
        written.append(1)

    back_up(shop, Steps(tell, show=lambda _done, _total: tell("")))
    restore(shop, "latest", Steps())
    a, b = server.shop("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)").split("|")
    assert a == b
    assert 0 < int(a) < len(written)


def test_the_password_is_nowhere_to_be_seen(server, shop):
    """Neither the arguments nor the environment of any process hold it, and it is in no file."""
    seen = []

    def look(_done, _total):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                mine = int((process / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
                texts = [(process / name).read_bytes() for name in ("cmdline", "environ")] if mine else []
            except OSError:
                continue
            seen.extend(texts)

    server.shop(NOISE)
    os.environ.pop("DATABASE_URL")
    Path(".env").write_text(f'DATABASE_URL="{server.url()}"\n')
    back_up(shop, Steps(show=look))
    restore(shop, "latest", Steps(show=look))
    assert any(b"pg_dump" in text for text in seen)
    assert any(b"pg_restore" in text for text in seen)
    assert any(b"PGPASSFILE=/proc/self/fd/" in text for text in seen)
    assert not [text for text in seen if PASSWORD.encode() in text or quote(PASSWORD, safe="").encode() in text]
    left = [path for path in Path().rglob("*") if path.is_file() and path.name != ".env"]
    assert not [path for path in left if PASSWORD.encode() in path.read_bytes()]


def test_a_wrong_password_is_not_repeated(server, shop, monkeypatch):
    """The error says what the server said, with the names of the settings' parts instead of their texts."""
    monkeypatch.setenv("DATABASE_URL", server.url(password="wrong-word"))
    with pytest.raises(OperationError) as caught:
        back_up(shop, Steps())
    text = str(caught.value)
    assert "the server cannot be reached" in text
    assert "password authentication failed" in text
    assert not [word for word in ("wrong-word", '"shop"', str(server.folder)) if word in text]
    assert [path.name for path in Path("backups").iterdir()] == [".shop.lock"]


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_dump_changes_nothing(server, shop, damage):
    """With a checksum that fits it as well, a damaged dump is refused, or rolled back."""
    path = back_up(shop, Steps())
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(OperationError, match="differs from its checksum"):
        restore(shop, path.name, Steps())
    server.shop("DELETE FROM stock.places")
    before = server.shop(CONTENT)
    sums = subprocess.run(["sha256sum", path.name], cwd=path.parent, capture_output=True, check=True).stdout
    (path.parent / f"{path.name}.sha256").write_bytes(sums)
    with pytest.raises(OperationError, match="damaged"):
        restore(shop, path.name, Steps())
    assert server.shop(CONTENT).splitlines()[1:2] == before.splitlines()[1:2] == ["0|"]


def test_what_the_server_refuses_is_rolled_back(server, shop):
    """An error in the middle of a restore leaves everything as it was."""
    path = back_up(shop, Steps())
    server.ask(
        "CREATE SCHEMA of_another; CREATE TABLE of_another.one (thing integer REFERENCES things (id));"
        "GRANT USAGE ON SCHEMA of_another TO shop; GRANT SELECT ON of_another.one TO shop",
        database="shop",
    )
    server.shop("DELETE FROM stock.places")
    with pytest.raises(OperationError, match="the dump was not restored, nothing was changed"):
        restore(shop, path.name, Steps())
    assert server.shop("SELECT count(*) FROM things") == "5000"
    assert server.shop("SELECT count(*) FROM stock.places") == "0"


def test_a_list_of_contents_that_breaks_off_changes_nothing(server, shop, tmp_path, monkeypatch):
    """What is restored goes by pg_restore's own list: a part of that would be a part of the content."""
    back_up(shop, Steps())
    server.shop("DELETE FROM stock.places")
    present = postgres_programs.programs_for(find_database(shop))
    broken = tmp_path / "pg_restore"
    cut = f'case $* in *--list*) "{present.restore}" "$@" | head -n 20; exit 1 ;; esac'
    broken.write_text(f'#!/bin/sh\n{cut}\nexec "{present.restore}" "$@"\n')
    broken.chmod(0o755)
    monkeypatch.setattr(postgres_programs, "_installed", lambda: [present._replace(restore=str(broken))])
    with pytest.raises(OperationError, match="the dump was not restored, nothing was changed"):
        restore(shop, "latest", Steps())
    assert server.shop("SELECT count(*) FROM things") == "5000"
    assert server.shop("SELECT count(*) FROM stock.places") == "0"


KILLED = """
import os, signal, sys
from envkit.deployment.model import Backup, Deployment
from envkit.operations.backing_up import back_up
from envkit.operations.restoring import restore
from envkit.operations.steps import Steps

action, last = sys.argv[1], int(sys.argv[2])
shop = Deployment(name="shop", app="shop:app", backup=Backup(database="DATABASE_URL", folder="backups"))
signs = 0

def sign(*_):
    global signs
    signs += 1
    if signs == last:
        os.kill(os.getpid(), signal.SIGKILL)

steps = Steps(sign, show=sign)
back_up(shop, steps) if action == "back up" else restore(shop, "latest", steps)
"""


@pytest.mark.parametrize("action", ["back up", "restore"])
def test_killed_at_any_moment_it_can_be_repeated(server, shop, action):
    """SIGKILL at any step, or while data flows, leaves the old or the new content; repeating finishes."""
    back_up(shop, Steps())
    server.shop("DELETE FROM stock.places")
    root = Path(__file__).parents[2]
    for last in range(1, 50):
        command = [sys.executable, "-c", KILLED, action, str(last)]
        done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(root)})
        found = server.shop("SELECT count(*) FROM stock.places")
        if done.returncode == 0:
            assert last > 4
            assert found == ("0" if action == "back up" else "10")
            break
        assert done.returncode == -signal.SIGKILL
        assert found == "0"
    whole = [backup.path.name for backup in backups_in(Path("backups"), "shop")]
    present = sorted(path.name for path in Path("backups").iterdir() if path.name != ".shop.lock")
    assert present == sorted([*whole, *(f"{name}.sha256" for name in whole)])


def test_the_programs_fit_the_server(server, shop):
    """The client programs are those of the server's major version."""
    programs = postgres_programs.programs_for(find_database(shop))
    assert f"/{programs.major}/" in programs.dump
    assert str(programs.major) == server.ask("SHOW server_version").partition(".")[0]


def test_without_a_fitting_program(shop, monkeypatch):
    """Programs older than the server are not used; the package that has the right ones is named."""
    (present, *_) = postgres_programs._installed()
    monkeypatch.setattr(postgres_programs, "_installed", lambda: [present._replace(major=9)])
    with pytest.raises(OperationError, match=r"pg_dump of version \d+, the server's, is not installed. install postg"):
        back_up(shop, Steps())
    monkeypatch.setattr(postgres_programs, "_installed", list)
    with pytest.raises(OperationError, match="pg_dump is not installed"):
        back_up(shop, Steps())


# --- in several settings --------------------------------------------------------------------------------------------

HOSTILE = 'R: o\\l\'e "x"=%s héllo @/?'
"""The name of a role and of a database."""


@pytest.fixture
def separate(server, tmp_path, monkeypatch):
    """A database and a role of hostile names, in settings of their own."""
    identifier = '"' + HOSTILE.replace('"', '""') + '"'
    word = PASSWORD.replace("'", "''")
    server.ask(f"CREATE ROLE {identifier} LOGIN PASSWORD '{word}'")
    server.ask(f"CREATE DATABASE {identifier} OWNER {identifier}")
    values = {"HOST": str(server.folder), "PORT": "5432", "NAME": HOSTILE, "USER": HOSTILE, "PASSWORD": PASSWORD}
    for name, value in values.items():
        monkeypatch.setenv(f"AMY_DATABASE_{name}", value)
    monkeypatch.chdir(tmp_path)
    parts = BackupPostgres(**{name.lower(): f"AMY_DATABASE_{name}" for name in values})
    yield Deployment(name="amy", app="amy:app", backup=Backup(postgres=parts, folder=f"{tmp_path}/backups"))
    server.ask(f"DROP DATABASE {identifier} WITH (FORCE)")
    server.ask(f"DROP ROLE {identifier}")


def test_a_database_in_several_settings(server, separate):
    """Dumped, changed, restored; the settings are in no other process's arguments or environment."""
    server.ask("CREATE TABLE things AS SELECT generate_series(1, 5000) n", role=HOSTILE, database=HOSTILE)
    server.ask(NOISE, role=HOSTILE, database=HOSTILE)
    seen = []

    def look(_done, _total):
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    seen.extend((process / name).read_bytes() for name in ("cmdline", "environ"))

    back_up(separate, Steps(show=look), reason="release")
    server.ask("DELETE FROM things", role=HOSTILE, database=HOSTILE)
    restore(separate, "latest", Steps(show=look))
    assert server.ask("SELECT count(*) FROM things", role=HOSTILE, database=HOSTILE) == "5000"
    assert any(b"PGPASSFILE=/proc/self/fd/" in text for text in seen)
    assert not [text for text in seen if PASSWORD.encode() in text or b"AMY_DATABASE" in text]
    assert [backup.reason for backup in backups_in(Path("backups"), "amy")] == ["restore", "release"]


@pytest.mark.parametrize("part", ["NAME", "USER", "PASSWORD", "HOST"])
def test_a_wrong_part_is_not_repeated(separate, monkeypatch, part):
    """The server's or libpq's own words, without the settings'."""
    wrong = "/no/such:folder" if part == "HOST" else f"wrong-{HOSTILE}"
    monkeypatch.setenv(f"AMY_DATABASE_{part}", wrong)
    with pytest.raises(OperationError, match="the server cannot be reached") as caught:
        back_up(separate, Steps())
    assert not [text for text in (wrong, HOSTILE, PASSWORD, "héllo", "such:folder") if text in str(caught.value)]


def test_what_the_programs_are_given(monkeypatch):
    """What libpq reads, where programs are and who calls; no password, and no setting of the app."""
    given = {"PATH": "/bin", "HOME": "/root", "PGSSLMODE": "require", "PGCONNECT_TIMEOUT": "5", "PGPASSFILE": "/x"}
    not_given = dict.fromkeys(
        ["PGPASSWORD", "PG_PASSWORD", "PGADMIN_PASSWORD", "SECRET_KEY", "SSL_KEY", "LANG"], "canary"
    )
    monkeypatch.setattr(os, "environ", {**given, **not_given})
    assert postgres_clients.own_environment() == {**given, "LC_ALL": "C"}


def test_the_password_of_libpqs_own_variable(separate, monkeypatch):
    """An app without a setting for it may have it in PGPASSWORD, which no program is started with."""
    parts = BackupPostgres(name="AMY_DATABASE_NAME", user="AMY_DATABASE_USER", host="AMY_DATABASE_HOST")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    described = Deployment(name="amy", app="amy:app", backup=Backup(postgres=parts, folder=separate.backup.folder))
    assert back_up(described, Steps()).exists()


@pytest.mark.parametrize(("environ", "query"), [({"PGSERVICE": "other"}, ""), ({}, "?service=other")])
def test_a_service_above_the_settings(shop, monkeypatch, environ, query):
    """A service's file would send a restore to another server than the app's, so it is refused."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://shop@localhost/shop{query}")
    with pytest.raises(OperationError, match="a service of libpq's would stand above what the settings say"):
        back_up(shop, Steps())


@contextmanager
def relayed(path):
    """A port on ::1 behind which the server's socket answers."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:

        def pump(source, target):
            with suppress(OSError):
                while block := source.recv(65536):
                    target.sendall(block)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        def answer():
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                inside = socket.socket(socket.AF_UNIX)
                inside.connect(path)
                pumps = [
                    threading.Thread(target=pump, args=pair, daemon=True)
                    for pair in ((client, inside), (inside, client))
                ]
                for thread in pumps:
                    thread.start()
                for thread in pumps:
                    thread.join()
                client.close()
                inside.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_server_that_never_answers(shop, monkeypatch):
    """Whoever accepts the connection and says nothing is given up, as the time for it says or after the usual one."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://shop:x@127.0.0.1:{silent.getsockname()[1]}/shop")
        monkeypatch.setitem(postgres_clients._PATIENCE, "PGCONNECT_TIMEOUT", "2")
        with pytest.raises(OperationError, match="the server cannot be reached"):
            back_up(shop, Steps())


def test_an_ipv6_address_and_tls_that_is_not_there(server, separate, shop, monkeypatch):
    """Reached at ::1 by parts and by URL; where the URL insists on TLS, a server without it is refused."""
    with relayed(f"{server.folder}/.s.PGSQL.5432") as port:
        monkeypatch.setenv("AMY_DATABASE_HOST", "::1")
        monkeypatch.setenv("AMY_DATABASE_PORT", str(port))
        assert back_up(separate, Steps()).exists()
        url = f"postgresql://shop:{quote(PASSWORD, safe='')}@[::1]:{port}/shop"
        monkeypatch.setenv("DATABASE_URL", url)
        assert back_up(shop, Steps()).exists()
        monkeypatch.setenv("DATABASE_URL", f"{url}?sslmode=require")
        with pytest.raises(OperationError, match="server does not support SSL, but SSL was required"):
            back_up(shop, Steps())


OF_THE_APPS = f"""
from envkit.deployment.model import Backup, Deployment
from envkit.operations import backing_up, restoring
from envkit.operations.steps import Steps
{LOOKING}
shop = Deployment(name="shop", app="shop:app", backup=Backup(database="DATABASE_URL", folder=sys.argv[1]))
backing_up.back_up(shop, Steps())
restoring.restore(shop, "latest", Steps())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
@pytest.mark.usefixtures("shop")
def test_root_in_the_apps_folder():
    """The dumps are the app's; the programs run as root, and so does all that is imported."""
    with tempfile.TemporaryDirectory(prefix="envkit-acting-", dir="/tmp") as folder:
        os.chown(folder, 12345, 12346)
        done = subprocess.run(
            [sys.executable, "-c", OF_THE_APPS, folder],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert {path.stat().st_uid for path in Path(folder).iterdir()} == {12345}
