"""Which database is meant: one setting with a URL or a path, or several settings with its parts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.deployment.model import Backup, BackupPostgres, Deployment
from envkit.operations.databases import find_database
from envkit.operations.steps import OperationError

PARTS = BackupPostgres(name="DB_NAME", host="DB_HOST", port="DB_PORT", user="DB_USER", password="DB_PASSWORD")
HOSTILE = "p:a\\ss wörd%@/'\"#${HOME}*"


def deployment(parts=PARTS):
    """A description whose database is in several settings."""
    return Deployment(name="shop", app="shop:app", backup=Backup(postgres=parts))


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """Sets the settings, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"DB_{name}", value)

    return put


def problems(described):
    """What is said against the settings."""
    with pytest.raises(OperationError) as caught:
        find_database(described)
    return str(caught.value).splitlines()


def test_every_part_is_taken_as_it_stands(environ):
    """A socket's folder, and texts full of characters that a URL would have escaped."""
    environ(NAME=HOSTILE, HOST="/var/run/my sockets", PORT="5433", USER=f"u{HOSTILE}", PASSWORD=f"p{HOSTILE}")
    found = find_database(deployment())
    assert found.variables == {
        "PGDATABASE": HOSTILE,
        "PGHOST": "/var/run/my sockets",
        "PGPORT": "5433",
        "PGUSER": f"u{HOSTILE}",
    }
    assert found.password == f"p{HOSTILE}"
    assert repr(found) == "PostgresDatabase(***)"


def test_what_is_left_out_is_libpqs(environ):
    """Only the name is needed; a setting that is there, but not named, is not taken."""
    environ(NAME="shop", HOST="db.example.org")
    found = find_database(deployment(BackupPostgres(name="DB_NAME")))
    assert (found.variables, found.password) == ({"PGDATABASE": "shop"}, None)


def test_one_setting_may_say_two_things(environ):
    """Role and database of the same name come from the same setting."""
    environ(NAME="shop")
    found = find_database(deployment(BackupPostgres(name="DB_NAME", user="DB_NAME")))
    assert found.variables == {"PGDATABASE": "shop", "PGUSER": "shop"}


def test_settings_are_found_where_the_app_finds_them(environ, tmp_path):
    """A password in a file named by NAME_FILE, and a name in .env."""
    (tmp_path / "word").write_text(f"{HOSTILE}\n")
    (tmp_path / ".env").write_text("DB_NAME=shop\n")
    environ(PASSWORD_FILE=str(tmp_path / "word"))
    found = find_database(deployment(BackupPostgres(name="DB_NAME", password="DB_PASSWORD")))
    assert (found.variables, found.password) == ({"PGDATABASE": "shop"}, HOSTILE)


def test_every_problem_at_once_and_no_value(environ):
    """Each setting that is missing or wrong is named, with its source, and its value is not repeated."""
    environ(HOST="db\nexample", PORT="54321-secret", USER="", PASSWORD="two\nlines")
    words = "holds a line break or NUL, with which PostgreSQL's programs cannot connect. is it another setting's?"
    missing = "is not set. set {0} in the environment or a .env file, or name its file in {0}_FILE"
    assert problems(deployment()) == [
        f"backup.postgres: DB_NAME: {missing.format('DB_NAME')}",
        f"environment: DB_HOST: {words}",
        "environment: DB_PORT: is not a whole number",
        "environment: DB_USER: is empty, which counts as not set. give it a value, or name its file in DB_USER_FILE",
        f"environment: DB_PASSWORD: {words}",
    ]
    environ(NAME="shop", HOST="db", PORT="65536", USER="shop", PASSWORD="word")
    (problem,) = problems(deployment())
    assert problem.startswith("environment: DB_PORT: ")


def test_a_url_with_a_line_break_is_refused(environ, monkeypatch):
    """A password that no password file can hold is told before any program is started."""
    environ()
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:two%0Alines@db/shop")
    (problem,) = problems(Deployment(name="shop", app="shop:app", backup=Backup(database="DATABASE_URL")))
    assert problem.startswith("DATABASE_URL: holds a line break")


def test_none_is_named(environ):
    """The error shows both ways to name one."""
    environ()
    (problem,) = problems(Deployment(name="shop", app="shop:app"))
    assert 'database = "DATABASE_URL"; or under [backup.postgres] those that hold its parts' in problem


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1))
def test_any_text(environ, text):
    """Whatever the environment can hold arrives as it is; only an empty setting is none."""
    environ(NAME=text, PASSWORD=text)
    found = find_database(deployment(BackupPostgres(name="DB_NAME", password="DB_PASSWORD")))
    assert (found.variables["PGDATABASE"], found.password) == (text, text)


def test_a_url_says_what_libpq_would_read_in_it(tmp_path, monkeypatch):
    """A socket's folder in the host's place, and the parameters that say which server is meant and how to trust it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "DATABASE_URL",
        "postgresql://shop@%2FRun%2Fmy%20sockets/shop?service=main&hostaddr=192.0.2.7&channel_binding=require"
        "&target_session_attrs=read-write&conn_max_age=60",
    )
    found = find_database(Deployment(name="shop", app="shop:app", backup=Backup(database="DATABASE_URL")))
    assert found.variables == {
        "PGHOST": "/Run/my sockets",
        "PGUSER": "shop",
        "PGDATABASE": "shop",
        "PGSERVICE": "main",
        "PGHOSTADDR": "192.0.2.7",
        "PGCHANNELBINDING": "require",
        "PGTARGETSESSIONATTRS": "read-write",
    }
