"""`status` on a booted server as an operator reads it, on one screen and as JSON, when something is wrong."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.systemd.conftest import AMY, beside

ROWS = 24
COLUMNS = 120
"""One screen."""
LIVE = f"/etc/letsencrypt/live/{AMY}"
CHAIN = f"{LIVE}/fullchain.pem"
RENEWED = "/usr/local/lib/envkit/amy/certificate-renewed"


@pytest.fixture(scope="module", autouse=True)
def certified(amy):
    """A certificate stands where certbot would put it."""
    _, lines, found = status(amy)
    assert f"{CHAIN}: no such file. until it is issued, visitors get a self-signed one" in lines
    assert found["certificate"] is None
    amy.run("mkdir", "-p", LIVE)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={AMY}")
    amy.run("openssl", "req", *key, "-keyout", f"{LIVE}/privkey.pem", "-out", "/root/request.pem")
    certify(amy, 60)
    yield
    amy.run("rm", "-r", LIVE)
    amy.run(RENEWED)


def certify(machine, days, *, is_taken_up=True):
    """Signs a certificate for so many days from now, and has certbot's hook run as after a renewal."""
    sign = ("-in", "/root/request.pem", "-signkey", f"{LIVE}/privkey.pem", "-days", str(days))
    machine.run("openssl", "x509", "-req", *sign, "-out", CHAIN)
    if is_taken_up:
        machine.run(RENEWED)
        machine.wait(lambda: _is_served(machine), "nginx does not serve it")


def _is_served(machine):
    """Asked several times: while nginx takes a certificate up, an old worker may answer after a new one."""
    screens = [machine.attempt(*beside("amy"), "envkit", "status")[1] for _ in range(3)]
    return "another certificate" not in "".join(screens)


def status(machine):
    """Exit code, the lines on the screen, and what it says as JSON."""
    code, screen = machine.attempt(*beside("amy"), "envkit", "status")
    lines = screen.splitlines()
    assert len(lines) <= ROWS
    assert max(map(len, lines)) <= COLUMNS
    again, printed = machine.attempt(*beside("amy"), "envkit", "status", "--json")
    assert again == code
    return code, lines, json.loads(printed)


def test_all_is_well(amy):
    """Every unit runs, health is green, and the certificate's end and the last backup are told."""
    amy.run(*beside("amy"), "envkit", "backup")
    amy.settle("amy-web.service")
    amy.run("systemctl", "reset-failed", "amy-*")
    code, lines, found = status(amy)
    assert (code, found["findings"]) == (0, []), lines
    assert {"amy-web.service", "amy-worker.service", "amy-scheduler.service"} <= {u["name"] for u in found["units"]}
    assert found["health"]["well"]
    assert found["maintenance"]["on"] is False
    assert found["backup"]["reason"] == "backup"


def test_the_web_process_is_down(amy):
    """It says which unit does not run and that the app cannot be reached."""
    amy.run("systemctl", "stop", "amy-web.socket", "amy-web.service")
    code, lines, found = status(amy)
    assert code == 1
    assert "amy-web.service: does not run. systemctl start amy-web.service" in lines
    assert any(line.startswith("/health: cannot be reached: ") for line in lines)
    assert found["health"]["well"] is False
    amy.run("systemctl", "start", "amy.target", "amy-web.socket", "amy-web.service")
    amy.wait(lambda: amy.ask("/health", AMY, tls=True)[0] == 200, "it is not well")


def test_the_certificate_ran_out(amy):
    """It says when."""
    certify(amy, 0)
    code, lines, found = status(amy)
    certify(amy, 60)
    assert code == 1
    assert f"{CHAIN}: ran out on {found['certificate'][:10]}" in lines


def test_nginx_has_not_taken_it_up(amy):
    """A certificate that was renewed and is not served is told, with what to run; and so is an nginx that is down."""
    certify(amy, 61, is_taken_up=False)
    code, lines, _ = status(amy)
    certify(amy, 60)
    assert code == 1
    assert f"127.0.0.1:443: serves another certificate than the file holds. {RENEWED}" in lines
    amy.run("systemctl", "stop", "nginx.service")
    _, lines, _ = status(amy)
    amy.run("systemctl", "start", "nginx.service")
    assert "127.0.0.1:443: cannot be reached: connection refused. does nginx run?" in lines


def test_there_is_no_backup(amy):
    """It says so, and where it looked."""
    folder = amy.path("/var/backups/amy")
    amy.run("mv", "/var/backups/amy", "/var/backups/elsewhere")
    code, lines, found = status(amy)
    shutil.rmtree(folder, ignore_errors=True)
    amy.run("mv", "/var/backups/elsewhere", "/var/backups/amy")
    assert (code, found["backup"]) == (1, None)
    assert "/var/backups/amy: there is no backup yet" in lines


def test_under_maintenance(amy):
    """It says since when, until when and who may enter; maintenance alone is nothing wrong."""
    amy.run(*beside("amy"), "envkit", "maintenance", "on", "--until", "2h", "--allow", "192.0.2.7")
    _, lines, found = status(amy)
    amy.run(*beside("amy"), "envkit", "maintenance", "off")
    assert found["maintenance"]["addresses"] == ["192.0.2.7"]
    (line,) = (line for line in lines if line.startswith("maintenance"))
    assert "on since" in line
    assert "until" in line
    assert "open to 192.0.2.7" in line
