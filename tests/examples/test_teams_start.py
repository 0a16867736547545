"""The sample app's start: many processes at once on an empty folder, its logs, its proxies, its demo settings."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import request

from envkit import SettingsError
from envkit.cli import main
from envkit.deployment.reading import load_description
from examples.flask_app.teams_app import create_app
from examples.flask_app.teams_app import database as teams_database
from examples.flask_app.teams_app.database import migrate
from examples.flask_app.teams_app.github import WEBHOOK_LIMIT

APP_FOLDER = Path(__file__).parents[2] / "examples" / "flask_app"

# Rounds of processes that are held back until all of them are there. The forks happen in a program of their own: one
# with threads, as a test run may be, must not fork.
START_TOGETHER = """
import os, sys, traceback
from pathlib import Path

from teams_app.database import migrate

folder, rounds, processes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
failed = 0
for number in range(rounds):
    held, release = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(release)
            os.read(held, 1)  # returns when the last writer has gone
            try:
                migrate(folder / str(number) / "teams.sqlite3")
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.close(held)
    os.close(release)
    failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
sys.exit(min(failed, 100))
"""


def test_many_processes_make_the_schema_at_once(tmp_path):
    """Eight processes that start together on a folder that does not exist yet: sixty times, no error."""
    done = subprocess.run(
        [sys.executable, "-c", START_TOGETHER, str(tmp_path), "60", "8"],
        env=os.environ | {"PYTHONPATH": str(APP_FOLDER)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for number in range(60):
        with closing(sqlite3.connect(tmp_path / str(number) / "teams.sqlite3")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA user_version").fetchone() == (1,)
            assert connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall() == [("team",)]


def test_starting_again_keeps_the_teams(tmp_path):
    """Bringing an up-to-date database up to date changes nothing in it."""
    path = tmp_path / "a folder" / "50% #1?.sqlite3"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO team (name) VALUES ('Ops')")
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM team").fetchall() == [("Ops",)]
    assert {entry.name for entry in path.parent.iterdir()} == {path.name}


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    """The statements of all versions take effect together or not at all."""
    path = tmp_path / "teams.sqlite3"
    monkeypatch.setattr(teams_database, "MIGRATIONS", (*teams_database.MIGRATIONS, ("CREATE TABLE x (y)", "nonsense")))
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)


def test_a_database_of_a_newer_app_is_refused(tmp_path):
    """An older app does not touch a schema that it does not know."""
    path = tmp_path / "teams.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RuntimeError, match="has schema version 99, this app knows 1"):
        migrate(path)


GUNICORN_CONF = """
def post_worker_init(worker):
    worker.log.info("worker is ready")
"""


@contextmanager
def gunicorn(folder, values, *, workers):
    """Real gunicorn with the app; gives its port and the lines of its log, and sees to its orderly end."""
    (folder / "gunicorn.conf.py").write_text(GUNICORN_CONF)
    environment = {name.upper(): value for name, value in values.items()}
    command = [sys.executable, "-m", "gunicorn", "--workers", str(workers), "--bind", "127.0.0.1:0"]
    command += ["--worker-class", "gthread", "--no-control-socket", "teams_app:create_app()"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(APP_FOLDER)} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    all_ready = threading.Event()

    def read():
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            if sum("worker is ready" in one for one in lines) == workers:
                all_ready.set()
        all_ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert all_ready.wait(60), lines
        assert process.poll() is None, lines
        port = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", "\n".join(lines))[1]
        yield int(port), lines
    finally:
        process.terminate()
        try:
            code = process.wait(40)
        finally:
            process.kill()
            reader.join()
            process.stderr.close()
    assert code == 0, lines


def test_gunicorn_starts_eight_workers_on_an_empty_folder(tmp_path, values):
    """Real workers, twice, each time on a new folder: all of them come up, none logs an error, and they answer."""
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        database = folder / "data" / "teams.sqlite3"
        with gunicorn(folder, values | {"database": str(database)}, workers=8) as (port, lines):
            for _ in range(16):
                with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                    connection.request("GET", "/health")
                    assert connection.getresponse().status == 200
        log = "\n".join(lines)
        assert log.count("Booting worker") == 8, log
        assert not re.search(r"Traceback|ERROR|locked|already exists", log), log


def test_the_request_id_is_in_the_log_of_real_gunicorn(tmp_path, values):
    """A line that the app logs while it answers is one JSON object with the id that nginx sent, and no secret."""
    with gunicorn(tmp_path, values, workers=1) as (port, lines):
        headers = {"X-Request-ID": "0123456789abcdef", "Authorization": f"Bearer {values['admin_token']}"}
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("POST", "/github/token", headers=headers)
            answer = connection.getresponse()
            assert answer.headers["X-Request-ID"] == "0123456789abcdef"
            token = json.load(answer)["token"]
    (line,) = [json.loads(line) for line in lines if line.startswith("{")]
    assert line["message"] == "token issued"
    assert line["request_id"] == "0123456789abcdef"
    log = "\n".join(lines)
    for secret in (token, values["admin_token"], values["github_key"].splitlines()[1]):
        assert secret not in log


def test_missing_settings_give_one_error(tmp_path, monkeypatch):
    """Started without settings, the app says all that are missing at once, and makes no database."""
    monkeypatch.chdir(tmp_path)
    for name in ("ENVKIT_ENV", "SECRET_KEY", "GITHUB_APP_ID", "GITHUB_KEY", "WEBHOOK_SECRET", "ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as caught:
        create_app()
    message = str(caught.value)
    places = [
        message.index(name) for name in ("SECRET_KEY", "GITHUB_APP_ID", "GITHUB_KEY", "WEBHOOK_SECRET", "ADMIN_TOKEN")
    ]
    assert places == sorted(places)
    assert list(tmp_path.iterdir()) == []


def log_lines(capsys):
    """What the app logged since the last look."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("hops", "forwarded", "client_address", "scheme"),
    [
        ("0", "203.0.113.9", "127.0.0.1", "http"),
        ("1", "203.0.113.9", "203.0.113.9", "https"),
        ("1", "198.51.100.66, 203.0.113.9", "203.0.113.9", "https"),
        ("2", "198.51.100.66, 203.0.113.9, 10.0.0.2", "203.0.113.9", "https"),
        ("2", "203.0.113.9", "127.0.0.1", "https"),
    ],
)
def test_only_declared_proxies_are_believed(make_app, capsys, hops, forwarded, client_address, scheme):
    """What a client writes into X-Forwarded-For in front of the proxies' own entries is not believed."""
    app = make_app(proxy_hops=hops)
    Path(app.config["DATABASE"]).unlink()  # so that the page logs a line
    seen = []
    app.before_request(lambda: seen.append((request.scheme, request.host)))
    protocols = ", ".join(["https"] * max(int(hops), 1))
    app.test_client().get(
        "/health",
        headers={
            "X-Forwarded-For": forwarded,
            "X-Forwarded-Proto": protocols,
            "X-Forwarded-Host": "evil.example",
        },
    )
    (line,) = log_lines(capsys)
    assert line["client"] == client_address
    assert seen == [(scheme, "localhost")]


def test_each_event_is_one_line_of_json(make_app, capsys):
    """An error is logged as one line with its traceback and the request's id, method and path."""
    app = make_app()
    Path(app.config["DATABASE"]).unlink()  # so that the page logs a line
    answer = app.test_client().get("/", headers={"X-Request-ID": "a1b2c3d4e5f6"})
    (line,) = log_lines(capsys)
    assert answer.headers["X-Request-ID"] == "a1b2c3d4e5f6"
    assert line["request_id"] == "a1b2c3d4e5f6"
    assert (line["level"], line["method"], line["path"]) == ("error", "GET", "/")
    assert "unable to open database file" in line["exception"]
    assert "unable to open" not in answer.text


@pytest.mark.parametrize("sent", ["", "short", "x" * 129, 'a"}{"b":"cdefgh', "0123 456789", "\xe9" * 12])
def test_an_id_of_another_shape_is_replaced(client, sent):
    """What is no request id is not written into the log or the answer; a new one is."""
    answer = client.get("/health", headers={"X-Request-ID": sent})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_the_level_of_the_log_is_a_setting(make_app, capsys):
    """At level error nothing below it is written."""
    app = make_app(log_level="error")
    app.logger.warning("quiet")
    app.logger.error("loud")
    assert [line["message"] for line in log_lines(capsys)] == ["loud"]


def test_debugging_stays_off(make_app, monkeypatch):
    """A stray FLASK_DEBUG does not turn debugging on."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert make_app().debug is False


def test_demo_settings_start_the_app(tmp_path):
    """The demo's .env is readable by its owner alone, is never overwritten, and the app starts and signs with it."""
    command = [sys.executable, str(APP_FOLDER / "make_demo_env.py"), str(tmp_path / "demo")]
    old_mask = os.umask(0)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    finally:
        os.umask(old_mask)
    path = tmp_path / "demo" / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_bytes()
    again = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert "is there already and stays as it is" in again.stderr
    assert path.read_bytes() == written
    check = (
        "import teams_app\n"
        "app = teams_app.create_app()\n"
        "answer = app.test_client().post('/github/token',\n"
        "    headers={'Authorization': 'Bearer ' + app.config['ADMIN_TOKEN']})\n"
        "assert answer.status_code == 200\n"
    )
    subprocess.run(
        [sys.executable, "-c", check],
        cwd=path.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(APP_FOLDER)},
        check=True,
        timeout=60,
    )
    assert (path.parent / "teams.sqlite3").exists()


def test_the_demo_program_says_how_to_call_it(tmp_path):
    """Called without a folder it writes nothing and says so by exit code 2."""
    done = subprocess.run(
        [sys.executable, str(APP_FOLDER / "make_demo_env.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "usage: make_demo_env.py FOLDER\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("make")
def test_make_demo_in_a_folder_with_a_blank_in_its_name(tmp_path):
    """The demo starts envkit from the virtual environment, with the settings that were made for it."""
    clone = tmp_path / "my clone"
    (clone / "examples/flask_app").mkdir(parents=True)
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / "Makefile").write_bytes((APP_FOLDER.parents[1] / "Makefile").read_bytes())
    for name in ("pyproject.toml", ".venv/.pip", ".venv/.app"):  # each newer than the one before: nothing is installed
        (clone / name).touch()
    for name, line in (("python", "exit 0"), ("envkit", 'printf "%s\\n" "$PWD" "$@"')):
        (clone / ".venv/bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (clone / ".venv/bin" / name).chmod(0o755)
    done = subprocess.run(["make", "demo"], cwd=clone, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [f"{clone}/examples/flask_app", "up", "--env-file", f"{clone}/.demo/.env"]


def test_the_description_fits_the_app():
    """`envkit.toml` is valid, and names an app, a settings class, a static folder and paths that the app has."""
    description = load_description(APP_FOLDER / "envkit.toml", {})
    assert (description.app, description.settings) == (
        "teams_app:create_app()",
        "teams_app.settings:AppSettings",
    )
    assert description.http.health_path == "/health"
    assert description.http.body_limit == WEBHOOK_LIMIT
    assert (APP_FOLDER / Path(description.http.static["/static/"].directory).relative_to("/srv/teams")).is_dir()


def test_the_example_env_is_what_the_settings_class_says(monkeypatch):
    """`envkit example --check` finds no drift in `.env.example`."""
    monkeypatch.chdir(APP_FOLDER)
    assert main(["example", "--check", ".env.example"]) == 0
