"""A booted server with the app `shop` on it; booted once, and put right again by each test that changes it."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import pytest

from envkit.channels.systemd import CHANNEL
from envkit.deployment.reading import load_description
from envkit.targets.registry import render_target
from tests.systemd.machine import LOWER, Machine

APP = Path(__file__).parent / "app"
SECRET = "a secret\nof two lines with ' \" \\ $HOME %h"


@pytest.fixture(scope="session")
def booted(tmp_path_factory):
    """A function that boots a server in a folder of its own."""
    if os.geteuid() != 0 or not LOWER.is_dir() or platform.system() != "Linux":
        reason = "needs root and a Debian root for systemd, not there (tests/set-up makes it on Debian as root)"
        if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)
    machines = []

    def boot():
        machine = Machine(tmp_path_factory.mktemp("machine"))
        machines.append(machine)
        machine.boot()
        return machine

    yield boot
    for machine in machines:
        machine.halt()


@pytest.fixture(scope="session")
def machine(booted):
    """The server with the app, its target enabled and started."""
    machine = booted()
    deployment = load_description(APP / "envkit.toml")
    shutil.copytree(APP, machine.path("/srv/shop"))
    machine.install(deployment.name, [render_target(name, deployment) for name in ("systemd", "nginx")])
    settings = machine.path("/etc/envkit/shop")
    (settings / "credentials").mkdir(mode=0o700)
    machine.write("/etc/envkit/shop/env", CHANNEL.write({"COLOUR": SECRET}), mode=0o600)
    machine.write("/etc/envkit/shop/credentials/TOKEN", SECRET, mode=0o600)
    machine.run("systemctl", "enable", "--now", "nginx.service")
    machine.run("systemctl", "reload", "nginx.service")
    machine.run("systemctl", "start", "shop-release.service")
    machine.run("systemctl", "enable", "--now", "shop.target")
    return machine
