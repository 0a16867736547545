"""The plain Dockerfile that `envkit render dockerfile` writes, built and run on a real engine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.containers.engine_client import LEAST
from tests.containers.images import CANARY

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap")]
DESCRIPTION = """\
name = "shop"
app = "shop:app"

[http]
upstream = "web:8000"
health_path = "/up"

[processes.web]
workers = 1
"""
APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"""


@pytest.fixture(scope="module")
def plain_image(docker, stand_in_image, pip_conf, tmp_path_factory):
    """The image of an app that knows nothing of envkit."""
    folder = tmp_path_factory.mktemp("plain")
    for name, text in (("envkit.toml", DESCRIPTION), ("shop.py", APP), ("requirements.txt", ""), (".env", CANARY)):
        (folder / name).write_text(text)
    envkit = [sys.executable, "-m", "envkit", "render", "dockerfile", "gunicorn"]
    subprocess.run(envkit, cwd=folder, check=True, capture_output=True)
    return docker.build(
        folder,
        "plain",
        file=folder / "deploy/Dockerfile",
        args=[f"BASE={stand_in_image}"],
        secrets=[f"id=pip.conf,src={pip_conf}"],
    )


def test_serves_without_envkit(docker, plain_image, network):
    """It answers read-only, without capabilities and not as root, is well by its own probe, and stops with 0."""
    with docker.running(plain_image, *LEAST, "--publish=127.0.0.1::8000", "--network", network) as container:
        assert container.wait_for(f"http://127.0.0.1:{container.port(8000)}/up") == "/up"
        assert container.execute("id", "-u").stdout == "10001\n"
        assert container.execute("python3", "-c", "import envkit", check=False).returncode == 1
        assert container.execute("sh", "-c", "ls -A /opt/venv/bin | grep -c pip", check=False).stdout == "0\n"
        command = container.state()["Config"]["Healthcheck"]["Test"][1:]
        assert container.execute(*command).stdout == "HTTP/1.1 200 OK\n"
        assert ".env" not in container.execute("ls", "-A", "/app").stdout.split()
        docker("stop", "--time=30", container.name)
        assert container.state()["State"]["ExitCode"] == 0


def test_what_would_not_start_is_not_built(docker, stand_in_image, pip_conf, tmp_path):
    """The build ends where gunicorn's file was not rendered, or envkit is to start the app and is not installed."""
    (tmp_path / "requirements.txt").touch()
    arguments = ["--network=host", f"--build-arg=BASE={stand_in_image}", f"--secret=id=pip.conf,src={pip_conf}"]
    for line, told in (
        ("", "deploy/gunicorn.conf.py"),
        ('settings = "shop:S"\n', "requirements.txt must name envkit"),
    ):
        (tmp_path / "envkit.toml").write_text(line + DESCRIPTION)
        envkit = [sys.executable, "-m", "envkit", "render", "dockerfile"]
        subprocess.run(envkit, cwd=tmp_path, check=True, capture_output=True)
        done = docker("build", *arguments, "--file", str(tmp_path / "deploy/Dockerfile"), str(tmp_path), check=False)
        assert done.returncode != 0
        assert told in done.stdout + done.stderr


def test_it_is_what_the_base_image_makes(docker, plain_image, app_image):
    """Whoever leaves the base image keeps its users' rights, its probe's times and its variables."""
    plain, based = (json.loads(docker("inspect", image).stdout)[0]["Config"] for image in (plain_image, app_image))
    assert plain["User"] == "10001:10001"
    assert docker("run", "--rm", "--network=none", "--entrypoint=id", app_image, "-g").stdout == "10001\n"
    assert plain["WorkingDir"] == based["WorkingDir"]
    assert plain["ExposedPorts"] == based["ExposedPorts"]
    assert sorted(plain["Env"]) == sorted(based["Env"])
    for part in ("Interval", "Timeout", "StartPeriod"):
        assert plain["Healthcheck"][part] == based["Healthcheck"][part]
