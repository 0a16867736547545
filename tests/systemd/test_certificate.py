"""Certificates on a booted server: issued and renewed by certbot from pebble, an ACME authority, under load."""

from __future__ import annotations

import json
import shutil

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.registry import render_target
from tests.systemd.conftest import APP

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
    trust = server.path("/etc/systemd/system/shop-certificate.service.d")
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


def issuer(server):
    """Who issued the certificate that nginx shows."""
    connect = f"openssl s_client -connect 127.0.0.1:443 -servername {HOST} </dev/null 2>/dev/null"
    return server.run("sh", "-c", f"{connect} | openssl x509 -noout -issuer")


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
    assert load.result["requests"] >= 20_000
    assert len(load.result["certificates"]) == 2
