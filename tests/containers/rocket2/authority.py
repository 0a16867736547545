"""Pebble among the services of a deployment: an authority that certbot asks, and that asks nginx."""

from __future__ import annotations

import json
import subprocess

import yaml

from tests.containers.health import asked_often
from tests.containers.rocket2.deployment import DOMAIN

ACME = "https://pebble:14000/dir"
TEN_DAYS = 864_000
"""Of seconds: certbot renews what ends within thirty, so it does at each start."""


def add_authority(rocket, image):
    """Puts pebble among the services: it reaches nginx by the domain's name, and certbot reaches it."""
    folder = rocket.folder / "pebble"
    folder.mkdir()
    names = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", "/CN=pebble")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-addext", "subjectAltName=DNS:pebble")
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *name], check=True, capture_output=True)
    settings = {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "0.0.0.0:15000",
        "certificate": "/pebble/cert.pem",
        "privateKey": "/pebble/key.pem",
        "httpPort": rocket.port,
        "tlsPort": rocket.tls_port,
        "certificateValidityPeriod": TEN_DAYS,
    }
    (folder / "config.json").write_text(json.dumps({"pebble": settings}))
    mount = "./pebble:/pebble:ro"
    # Without them pebble refuses some requests and waits some seconds, as an exercise.
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    services = {
        "pebble": {
            "image": image,
            "entrypoint": ["pebble", "-config", "/pebble/config.json"],
            "environment": quick,
            "volumes": [mount],
            "networks": ["default", "front"],
        },
        "certbot": {"environment": {"REQUESTS_CA_BUNDLE": "/pebble/cert.pem"}, "volumes": [mount]},
        "nginx": {"environment": {"ENVKIT_WATCH_SECONDS": "1"}, "networks": {"front": {"aliases": [DOMAIN]}}},
    }
    for name, lines in asked_often(rocket.folder / "compose.yaml").items():
        services.setdefault(name, {}).update(lines)
    (rocket.folder / "compose.override.yaml").write_text(yaml.safe_dump({"services": services}))
