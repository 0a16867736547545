"""How the app is: its units as systemctl tells them, health, certificate, last backup, maintenance."""

from __future__ import annotations

import http.server
import os
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from envkit.deployment.model import Backup, Deployment, Http, Maintenance, Process
from envkit.operations import surveying
from envkit.operations.certificates import compare_served
from envkit.operations.maintaining import turn_on
from envkit.operations.steps import Steps
from tests.operations.test_backups import put
from tests.ports import free_port
from tests.targets.nginx.stack import Upstream, certify


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A description with everything in one folder, on a machine without systemd."""
    monkeypatch.setattr(surveying, "_units", lambda _deployment: None)
    return Deployment(
        name="shop",
        app="shop:app",
        http=Http(upstream=f"unix:{tmp_path}/web.sock"),
        processes={"worker": Process(command=("worker",)), "release": Process(command=("migrate",))},
        maintenance=Maintenance(flag=f"{tmp_path}/flag"),
        backup=Backup(database=f"{tmp_path}/shop.db", folder=f"{tmp_path}/backups"),
    )


@pytest.fixture
def app(tmp_path):
    """The app on its socket."""
    upstream = Upstream(tmp_path / "web.sock")
    yield upstream
    upstream.stop()


def problems(found):
    """What is wrong, in words."""
    return [str(finding) for finding in found.findings]


@pytest.mark.usefixtures("app")
def test_all_is_well(shop, tmp_path):
    """An app that answers and has a backup gives no finding."""
    (tmp_path / "backups").mkdir()
    made = put(tmp_path / "backups", datetime.now(UTC))
    found = surveying.survey(shop)
    assert problems(found) == []
    assert found.health.well
    assert found.health.words.startswith("answered 200 in ")
    assert found.backup.path == made
    assert not found.maintenance.on
    turn_on(shop, Steps())
    assert surveying.survey(shop).maintenance.on


@pytest.mark.usefixtures("app")
def test_a_backup_from_the_future(shop, tmp_path):
    """One that was made while the clock was wrong is a finding, and the last backup is another."""
    folder = tmp_path / "backups"
    folder.mkdir()
    made = put(folder, datetime.now(UTC))
    put(folder, datetime.now(UTC) + timedelta(days=900))
    found = surveying.survey(shop)
    hint = "the clock was wrong then, or is now: remove or rename what is not the newest"
    assert problems(found) == [f"{folder}: holds a backup from the future. {hint}"]
    assert found.backup.path == made


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("hours", "is_late"), [(50, False), (52, True)])
def test_a_backup_that_was_due(shop, tmp_path, hours, is_late):
    """One that is older than the schedule of the process that makes them, and some hours, is a finding."""
    folder = tmp_path / "backups"
    folder.mkdir()
    made = datetime.now(UTC) - timedelta(hours=hours)
    put(folder, made)
    command = ("/srv/shop/.venv/bin/envkit", "backup")
    scheduled = replace(shop, processes={"backup": Process(command=command, schedule="every 48h")})
    words = f"the last backup is of {made:%Y-%m-%d %H:%M} UTC, and processes.backup has been due since"
    assert problems(surveying.survey(scheduled)) == [f"{folder}: {words}. why did it not run, or fail?"] * is_late
    assert problems(surveying.survey(shop)) == []


@pytest.mark.usefixtures("app")
def test_a_backup_that_was_not_due_yet(shop, tmp_path, monkeypatch):
    """A schedule that came later than the backup was due asks for none yet."""
    monkeypatch.setattr(surveying, "UNITS", tmp_path)
    (tmp_path / "backups").mkdir()
    put(tmp_path / "backups", datetime.now(UTC) - timedelta(days=9))
    scheduled = replace(shop, processes={"backup": Process(command=("envkit", "backup"), schedule="every 48h")})
    assert len(problems(surveying.survey(scheduled))) == 1
    (tmp_path / "shop-backup.timer").touch()
    assert problems(surveying.survey(scheduled)) == []


@pytest.mark.usefixtures("app")
def test_a_time_of_return_that_has_passed(shop, tmp_path):
    """A maintenance that goes on after its time is a finding: visitors are told to come back in the past."""
    until = datetime.now(UTC) + timedelta(hours=1)
    turn_on(shop, Steps(), until=until)
    shop = replace(shop, backup=Backup())
    assert problems(surveying.survey(shop)) == []
    os.utime(tmp_path / "flag.d/until.html", (1, 1))
    (finding,) = surveying.survey(shop).findings
    assert finding.problem == "the time of return has passed, of which visitors are told"


def test_everything_is_told_at_once(shop, tmp_path):
    """An app that is down and a folder without backups are two findings of one call."""
    assert problems(surveying.survey(shop)) == [
        f"{tmp_path}/backups: there is no backup yet",
        f"/health: cannot be reached: unix:{tmp_path}/web.sock: no such file or directory",
    ]


@pytest.mark.usefixtures("app")
def test_an_app_that_is_not_well(shop):
    """An answer other than 200 is told with its status, and where the path itself is likely wrong, so."""
    shop = replace(shop, http=replace(shop.http, health_path="/own-503"), backup=Backup())
    (finding,) = surveying.survey(shop).findings
    assert finding.problem.startswith("answered 503 in ")
    assert not finding.hint
    (finding,) = surveying.survey(replace(shop, http=replace(shop.http, health_path="/own-404"))).findings
    assert finding.hint == "name a path that answers 200 in http.health_path"


@pytest.mark.parametrize(
    ("said", "patience", "words"),
    [
        (b"", 60, "gave no answer of HTTP"),
        (b"\0nothing\r\n\r\n", 60, "gave no answer of HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, 0.5, "gave no answer within 0.5 s"),
    ],
)
def test_an_app_that_talks_and_never_answers(shop, tmp_path, monkeypatch, said, patience, words):
    """What is no answer is told as such, and one that comes in drops is not waited for longer than another."""
    monkeypatch.setattr(surveying, "PATIENCE", patience)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "web.sock"))
        listener.listen()

        def talk():
            visitor, _ = listener.accept()
            with visitor, suppress(OSError):
                visitor.recv(1000)
                for place in range(0, len(said), 25):
                    visitor.sendall(said[place : place + 25])
                    time.sleep(0.02)

        thread = threading.Thread(target=talk)
        thread.start()
        found = surveying.survey(replace(shop, backup=Backup()))
        thread.join()
    assert problems(found) == [f"/health: {words}"]


def test_health_by_a_port(shop):
    """An app on a TCP port is asked there."""
    port = free_port()
    upstream = Upstream(("127.0.0.1", port))
    try:
        found = surveying.survey(replace(shop, http=Http(upstream=f"127.0.0.1:{port}"), backup=Backup()))
    finally:
        upstream.stop()
    assert found.health.well


@pytest.mark.needs("openssl")
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("days", "words"), [("30", ""), ("3", "runs out on "), ("none", "no such file"), ("wrong", "is no certificate")]
)
def test_the_end_of_the_certificate(shop, tmp_path, days, words):
    """The certificate's end is told; one that should have been renewed is a finding, and so is none at all."""
    if days == "wrong":
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls/fullchain.pem").write_text("no certificate")
    elif days != "none":
        certify(tmp_path / "tls", "shop")
        key = tmp_path / "tls/privkey.pem"
        command = ["openssl", "req", "-x509", "-key", key, "-days", days, "-subj", "/CN=shop"]
        subprocess.run([*command, "-out", tmp_path / "tls/fullchain.pem"], check=True, capture_output=True)
    chain, key = (f"{tmp_path}/tls/{name}.pem" for name in ("fullchain", "privkey"))
    tls = replace(shop.http, tls="files", domains=("shop.test",), certificate=chain, certificate_key=key)
    found = surveying.survey(replace(shop, http=tls, backup=Backup()))
    if not days.isdigit():
        assert found.certificate is None
    else:
        assert abs(found.certificate - datetime.now(UTC) - timedelta(days=int(days))) < timedelta(hours=1)
    assert [finding.problem.startswith(words) for finding in found.findings] == ([True] if words else [])


@contextmanager
def visited(folder, port):
    """A server that serves the certificate in the folder."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    server = http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.needs("openssl")
def test_the_certificate_that_visitors_get(shop, tmp_path):
    """One that nginx has not taken up yet is a finding, with what to run; so is an nginx that is not there."""
    for name in ("new", "old"):
        certify(tmp_path / name, name)
    port = free_port()
    chain, key = (f"{tmp_path}/new/{name}.pem" for name in ("fullchain", "privkey"))
    tls = replace(shop.http, tls="files", tls_port=port, domains=("shop.test",), certificate=chain, certificate_key=key)
    shop = replace(shop, http=tls)

    def found():
        findings = []
        compare_served(shop, findings)
        return [str(finding) for finding in findings]

    assert found() == [f"127.0.0.1:{port}: cannot be reached: connection refused. does nginx run?"]
    with visited(tmp_path / "new", port):
        assert found() == []
    chain = tmp_path / "new/fullchain.pem"
    chain.write_bytes("subject: Zürich\n".encode("latin-1") + chain.read_bytes())  # as OpenSSL's text stands in front
    with visited(tmp_path / "old", port):
        assert found() == [f"127.0.0.1:{port}: serves another certificate than the file holds. systemctl reload nginx"]


SYSTEMCTL = """#!/bin/sh
cat <<'END'
Id=shop.target
LoadState=loaded
ActiveState=active
SubState=active
ActiveEnterTimestamp=Mon 2030-01-07 10:00:00 UTC

NRestarts=3
Id=shop-web.service
LoadState=loaded
ActiveState=failed
SubState=failed
ActiveEnterTimestamp=

NRestarts=0
Id=shop-worker.service
LoadState=not-found
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=

NRestarts=7
Id=shop-mail.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
ActiveEnterTimestamp=

NRestarts=0
Id=shop-release.service
LoadState=loaded
ActiveState=activating
SubState=start
ActiveEnterTimestamp=
END
"""


def test_units(shop, tmp_path, monkeypatch):
    """One that failed, keeps ending, or should run and does not is a finding; one on the way to its end is none."""
    monkeypatch.undo()
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setattr(surveying, "find_program", lambda _name: str(program))
    monkeypatch.setattr(surveying, "BOOTED", tmp_path)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 100\n")
    silent.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(surveying, "PATIENCE", 0.3)
        patched.setattr(surveying, "find_program", lambda _name: str(silent))
        assert "systemctl: gave no answer within 0.3 s" in problems(surveying.survey(shop))
    found = surveying.survey(replace(shop, backup=Backup()))
    assert [(unit.name, unit.active, unit.restarts) for unit in found.units] == [
        ("shop.target", "active", 0),
        ("shop-web.service", "failed", 3),
        ("shop-worker.service", "not installed", 0),
        ("shop-mail.service", "activating", 7),
        ("shop-release.service", "activating", 0),
    ]
    assert [problem for problem in problems(found) if problem.startswith("shop-")] == [
        "shop-web.service: has failed. journalctl -u shop-web.service",
        "shop-mail.service: has ended by itself, and systemd is starting it again. journalctl -u shop-mail.service",
        "shop-worker.service: does not run. envkit install",
    ]
