"""Certificates on a booted server: issued and renewed by certbot from pebble, an ACME authority, under load."""

from __future__ import annotations

import json
import shutil

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.registry import render_target
from tests.systemd.conftest import APP, KEPT

HOST = "shop.example.org"
AUTHORITY = "/etc/authority"
PEBBLE = {
    "listenAddress": "127.0.0.1:14000",
    "managementListenAddress": "127.0.0.1:15000",
    "certificate": f"{AUTHORITY}/certificate.pem",
    "privateKey": f"{AUTHORITY}/key.pem",
    "httpPort": 80,
    "tlsPort": 443,
    "certificateValidityPeriod": 20 * 24 * 3600,
}
"""Its certificates run for 20 days and certbot renews those that have less than 30: each run of its unit renews."""
DESCRIPTION = f"""
name = "shop"
app = "shop:app"
[http]
domains = ["{HOST}"]
tls = "letsencrypt"
acme_server = "https://localhost:14000/dir"
[server]
virtualenv = "/opt/app"
[processes.web]
workers = 3
"""


def start_authority(server):
    """Starts pebble as a unit, lets certbot trust it, and gives the domain the server's own address."""
    server.path(AUTHORITY).mkdir()
    server.write(f"{AUTHORITY}/config.json", json.dumps({"pebble": PEBBLE}))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", PEBBLE["privateKey"])
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    server.run("openssl", "req", "-x509", *key, *names, "-out", PEBBLE["certificate"])
    server.write("/etc/hosts", f"127.0.0.1 localhost {HOST}\n")
    settings = ("--setenv=PEBBLE_VA_NOSLEEP=1", "--setenv=PEBBLE_WFE_NONCEREJECT=0")
    server.run("systemd-run", "--unit=pebble", *settings, "pebble", "-config", f"{AUTHORITY}/config.json")
    for service in ("shop-certificate", "certbot"):
        trust = server.path(f"/etc/systemd/system/{service}.service.d")
        trust.mkdir()
        (trust / "trust.conf").write_text(f"[Service]\nEnvironment=REQUESTS_CA_BUNDLE={PEBBLE['certificate']}\n")


@pytest.fixture(scope="module")
def server(booted):
    """The app with TLS, and the authority; no certificate is issued yet."""
    machine = booted()
    deployment = read_description(DESCRIPTION, {})
    shutil.copytree(APP, machine.path("/srv/shop"))
    machine.install(deployment.name, [render_target(name, deployment) for name in ("systemd", "nginx")])
    start_authority(machine)
    machine.run("/usr/local/lib/envkit/shop/ensure-certificate.sh")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "shop.target")
    machine.run("systemctl", "restart", "nginx.service")
    yield machine
    machine.halt()


def issuer(server, asked="issuer"):
    """Who issued the certificate that nginx shows, or what else is asked of it."""
    connect = f"openssl s_client -connect 127.0.0.1:443 -servername {HOST} </dev/null 2>/dev/null"
    return server.run("sh", "-c", f"{connect} | openssl x509 -noout -{asked}")


def test_first_certificate(server):
    """Nginx starts with a self-signed certificate; the unit has one issued, and its hook puts it in the place."""
    assert "self-signed until the first certificate is issued" in issuer(server)
    server.run("systemctl", "start", "shop-certificate.service")
    server.wait(lambda: "Pebble" in issuer(server), "the certificate is not in use")


@pytest.mark.parametrize("time", range(3))
def test_renewal(server, time):
    """The unit that the timer starts brings a new certificate, and no request fails."""
    with server.load("--tls", host=HOST, port=443) as load:
        workers = "cat /proc/$(cat /run/nginx.pid)/task/*/children"
        before = set(server.run("sh", "-c", workers).split())
        server.run("systemctl", "start", "shop-certificate.service")
        server.wait(lambda: not before & set(server.run("sh", "-c", workers).split()), "old workers stay")
    assert load.result["failed"] == {}, time
    assert load.result["resent"] <= KEPT
    assert load.result["requests"] >= 20_000
    assert len(load.result["certificates"]) == 2


def test_the_hook_tests_first(server):
    """Where another site is wrong, the hook fails and says so, and nginx goes on as it was."""
    workers = "cat /proc/$(cat /run/nginx.pid)/task/*/children"
    before = server.run("sh", "-c", workers)
    wrong = server.path("/etc/nginx/sites-enabled/zz-wrong")
    wrong.write_text("no_such_directive;\n")
    code, said = server.attempt("/usr/local/lib/envkit/shop/certificate-renewed")
    wrong.unlink()
    assert (code, 'unknown directive "no_such_directive"' in said) == (1, True)
    assert server.run("sh", "-c", workers) == before


@pytest.fixture
def settings(server):
    """A function that gives a unit lines of its own until the test ends."""
    files = []

    def give(unit, lines):
        folder = server.path(f"/etc/systemd/system/{unit}.d")
        folder.mkdir(exist_ok=True)
        files.append(folder / "test.conf")
        files[-1].write_text(lines)
        server.run("systemctl", "daemon-reload")

    yield give
    for file in files:
        file.unlink()
    server.run("systemctl", "daemon-reload")
    server.run("systemctl", "restart", "shop-certificate.timer")


def test_timer(server, settings):
    """The timer elapses by itself and brings a new certificate."""
    before = issuer(server, "serial")
    settings("shop-certificate.timer", "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\n")
    server.run("systemctl", "restart", "shop-certificate.timer")
    server.wait(lambda: issuer(server, "serial") != before, "the timer does not elapse")


def test_beside_debians_own_timer(server, settings):
    """What Debian's timer starts renews the certificate too and runs the hook; the app's own unit waits for its end."""
    server.settle("shop-certificate.service", "inactive")
    before = issuer(server, "serial")
    settings("certbot.service", "[Service]\nExecStartPre=/bin/sleep 2\n")
    server.run("systemctl", "start", "--no-block", "certbot.service")
    server.settle("certbot.service", "activating")
    server.run("systemctl", "start", "shop-certificate.service")
    (ended,) = server.show("certbot.service", "ExecMainExitTimestampMonotonic")
    (began,) = server.show("shop-certificate.service", "ExecMainStartTimestampMonotonic")
    assert 0 < int(ended) <= int(began)
    for unit in ("certbot.service", "shop-certificate.service"):
        assert server.show(unit, "Result") == ["success"]
    renewed = issuer(server, "serial")
    assert renewed != before

    server.run("systemctl", "start", "certbot.service")
    server.wait(lambda: issuer(server, "serial") != renewed, "its hook was not run")
