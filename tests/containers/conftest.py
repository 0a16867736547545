"""The images, each built once a session: on a stand-in for the public base, by build arguments and secrets alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers.engine_client import CA_BUNDLE, Docker, stand_in
from tests.engine import NoEngineError, building_client

ROOT = Path(__file__).parents[2]
CANARY = "canary-of-the-build-7f3a"
"""In every file that must stay out of the images."""


@pytest.fixture(scope="session")
def docker(docker_host):
    """The client; what it made is removed at the end."""
    try:
        program = building_client()
    except NoEngineError as error:
        pytest.fail(str(error))
    client = Docker(docker_host, program, f"envkit-tests-{os.getpid()}")
    yield client
    images = client("images", "--quiet", "--filter", f"reference={client.name}-*").stdout.split()
    if images:
        client("rmi", "--force", *set(images), check=False)


@pytest.fixture(scope="session")
def pip_conf(tmp_path_factory):
    """The configuration of pip as a secret of builds."""
    file = tmp_path_factory.mktemp("secrets") / "pip.conf"
    file.write_text(f"# {CANARY}\n[global]\ncert = {CA_BUNDLE}\n")
    return file


@pytest.fixture(scope="session")
def stand_in_image(docker):
    """What stands in for python:3.13-slim-bookworm and nginx:stable."""
    return stand_in(docker)


@pytest.fixture(scope="session")
def base_image(docker, stand_in_image, pip_conf, tmp_path_factory):
    """envkit-base; here its build trusts the certificate authorities that the secret ca.pem holds."""
    own = tmp_path_factory.mktemp("secrets") / "pip.conf"
    own.write_text(pip_conf.read_text().replace(str(CA_BUNDLE), "/run/secrets/ca.pem"))
    authorities = own.with_name("ca.pem")
    authorities.write_text(f"# {CANARY}\n{CA_BUNDLE.read_text()}")
    return docker.build(
        ROOT,
        "base",
        file=ROOT / "image/Dockerfile",
        args=[f"BASE={stand_in_image}"],
        secrets=[f"id=pip.conf,src={own}", f"id=ca.pem,src={authorities}"],
    )


@pytest.fixture(scope="session")
def app_folder(base_image, tmp_path_factory):
    """The sample app with the Dockerfile that `envkit init --docker` writes, amid what must stay out of its image."""
    folder = tmp_path_factory.mktemp("app") / "teams"
    shutil.copytree(
        ROOT / "examples/flask_app", folder, ignore=shutil.ignore_patterns("__pycache__", ".env", "*.sqlite3")
    )
    subprocess.run([sys.executable, "-m", "envkit", "init", "--docker"], cwd=folder, check=True, capture_output=True)
    for path in (".env", "teams_app/.env.production", ".git/config", "data/teams.sqlite3", "app.private-key.pem"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(f"SECRET_KEY={CANARY}\n")
    dockerfile = folder / "Dockerfile"
    first, _, rest = dockerfile.read_text().partition("\n")
    assert first.startswith("FROM envkit-base:")
    dockerfile.write_text(f"FROM {base_image}\n{rest}")
    return folder


@pytest.fixture(scope="session")
def app_image(docker, app_folder, pip_conf):
    """The sample app's image."""
    return docker.build(app_folder, "teams", secrets=[f"id=pip.conf,src={pip_conf}"])


@pytest.fixture(scope="session")
def app_options(tmp_path_factory):
    """Options of `docker run` that give the sample app its settings."""
    folder = tmp_path_factory.mktemp("settings")
    maker = [sys.executable, str(ROOT / "examples/flask_app/make_demo_env.py"), str(folder)]
    subprocess.run(maker, check=True, capture_output=True)
    text = (folder / ".env").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("DATABASE=")]
    (folder / "run.env").write_text("\n".join([*lines, "DATABASE=/tmp/teams.sqlite3", ""]))
    return ("--env-file", str(folder / "run.env"), "--env", "ENVKIT_HTTP__UPSTREAM=web:8000")


@pytest.fixture(scope="session")
def network(docker):
    """A network on which containers find each other by name."""
    name = f"{docker.name}-network"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name, check=False)
