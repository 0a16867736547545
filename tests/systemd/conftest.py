"""A booted server with the app `shop` on it; booted once, and put right again by each test that changes it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from pathlib import Path

import pytest

import envkit
from envkit.channels.systemd import CHANNEL
from envkit.deployment.reading import load_description
from envkit.targets.registry import render_target
from tests.systemd.machine import LOWER, Machine

APP = Path(__file__).parent / "app"
EXAMPLES = Path(__file__).parents[2] / "examples"
ALREADY_THERE = ("apt ", "python3 -m venv", "/srv/", "cd ", "PATH=")
"""The beginnings of a README's commands for what is on the tests' server."""
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
def example(booted):
    """A function that boots a server with an example on it, installed by the commands of its README."""

    def is_well(machine, name):
        return machine.get("/health", f"{name}.example.org")[0] == 200

    def install(name, settings, *, before_settings=lambda _: None, well=None):
        machine = booted()
        place = machine.path(f"/srv/{name}")
        shutil.copytree(EXAMPLES / name, place)
        (place / ".venv").symlink_to("/opt/app")
        add_envkit(machine)
        readme = (EXAMPLES / name / "README.md").read_text()
        blocks = "\n".join(re.findall("```console\n(.*?)```", readme, re.DOTALL))
        for command in re.findall("^# (.*)$", blocks, re.MULTILINE):
            if command.startswith("editor"):
                before_settings(machine)
                machine.write(f"/etc/envkit/{name}/env", CHANNEL.write(settings), mode=0o600)
            elif not command.startswith(ALREADY_THERE):
                machine.run(*beside(name), "bash", "-c", command)
        machine.wait(lambda: well(machine) if well else is_well(machine, name), "it is not well")
        return machine

    return install


def add_envkit(machine):
    """Puts envkit into the virtual environment of the server."""
    packages = machine.path("/opt/app/lib/python3.11/site-packages")
    shutil.copytree(Path(envkit.__file__).parent, packages / "envkit", ignore=shutil.ignore_patterns("__pycache__"))


def beside(name):
    """The words before a command that is to run in an app's folder, as the README's do."""
    return ["env", "-C", f"/srv/{name}", "PATH=/opt/app/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


KEPT = 16
"""Connections of the load that are kept. nginx before 1.27.4 closes each of them once, at most, when it reads its files
anew, whatever is on its way there: so many requests at most had to be sent again."""
LIGHT = ("--pause", "0.1", "--connections", "4")
"""Options of a load that goes on while something else is looked at."""


def posts(text, status="201"):
    """Options of a load whose every POST sends a form's text."""
    header = "Content-Type: application/x-www-form-urlencoded"
    return ("--post", "/", "--body", text, "--header", header, "--status", status)


IDB = "idb.example.org"
AMY = "amy.example.org"


@pytest.fixture(scope="session")
def idb(example):
    """The server of the example idb; each test puts right again what it changes."""
    settings = {"SECRET_KEY": "canary'$x\\", "WGER_KEY": "canary two", "DATABASE": "/var/lib/idb/idb.sqlite3"}
    return example("idb", settings)


@pytest.fixture(scope="session")
def amy(example):
    """The server of the example amy, likewise; the database's role has its password before the settings are used."""
    settings = {
        "SECRET_KEY": "canary secret",
        "DATABASE_URL": "postgresql://amy:canary%2Fpassword@127.0.0.1/amy",
        "WEB_CONCURRENCY": "3",
    }

    def set_password(machine):
        machine.run("runuser", "-u", "postgres", "--", "psql", "-qc", "ALTER ROLE amy PASSWORD 'canary/password'")

    def well(machine):
        return machine.ask("/health", AMY, tls=True)[0] == 200

    return example("amy", settings, before_settings=set_password, well=well)


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
    machine.wait(lambda: machine.get("/health")[0] == 200, "it is not well")  # nginx reloads in its own time
    return machine
