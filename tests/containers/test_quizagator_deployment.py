"""Quizagator's deployment on a real engine: docker-run.sh as rendered, and a folder with its database."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.containers.engine_client import Container
from tests.examples.projects import Project

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap")]
DOCKER = """#!/bin/sh
command=$1
shift
[ "$command" != run ] || set -- --network {network} "$@"
exec {program} "$command" "$@"
"""
"""The client; an engine of the tests' own has no default network, so that a container is put into theirs."""


@pytest.fixture
def start(docker, base_image, pip_conf, network, tmp_path):
    """Runs docker-run.sh of the rendered deployment; gives the container and its address."""
    project = Project("quizagator", tmp_path)
    name, port = f"{docker.name}-quizagator", _free_port()
    dockerfile, description = project.folder / "Dockerfile", project.folder / "envkit.toml"
    dockerfile.write_text(f"FROM {base_image}\n{dockerfile.read_text().partition(chr(10))[2]}")
    image = docker.build(project.folder, "quizagator", secrets=[f"id=pip.conf,src={pip_conf}"])
    text = description.read_text().replace('name = "quizagator"', f'name = "{name}"')
    text = text.replace('"docker.io/quizagator/quizagator:latest"', f'"{image}"\naddress = "127.0.0.1"')
    description.write_text(text.replace("\nport = 80\n", f"\nport = {port}\n"))
    (project.folder / ".env").write_text("FLASK_SECRET_KEY=pa$$word #1\n")
    for arguments in (("render", "docker"), ("export", "--to", "docker", "--out", "app.env")):
        done = project.envkit(*arguments)
        assert done.returncode == 0, done.stderr
    data = project.folder / "deploy/data"
    data.mkdir()
    data.chmod(0o777)  # its owner would be the user of the container
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(DOCKER.format(network=network, program=docker.program))
    client.chmod(0o755)
    environ = {**docker.environ, "PATH": f"{client.parent}:{docker.environ['PATH']}"}
    container = Container(docker, name)

    def run():
        command = [str(project.folder / "deploy/docker-run.sh"), str(project.folder / "app.env")]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        container.wait_for(f"http://127.0.0.1:{port}/health")
        return container, f"http://127.0.0.1:{port}/"

    yield run
    docker("rm", "--force", name, f"{name}-before", check=False)


def test_started_used_and_replaced(start):
    """Three workers start at once on an empty folder, each access is logged, and the quizzes outlive the container."""
    container, address = start()
    first = container.state()
    with urllib.request.urlopen(address, data=b"title=alligators", timeout=20) as answer:  # noqa: S310  our own address
        assert answer.status == 201
    count = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c /gunicorn$"
    assert container.execute("sh", "-c", count).stdout == "4\n"  # the first process and its workers
    deadline = time.monotonic() + 20  # an access is logged after the answer
    while ("POST", 201) not in (logged := _accesses(container)):
        assert time.monotonic() < deadline, logged
        time.sleep(0.1)
    assert "Traceback" not in container.logs()
    assert first["RestartCount"] == 0
    assert "pa$$word" not in json.dumps([first["Path"], first["Args"], first["Config"]["Cmd"]])

    container, address = start()
    second = container.state()
    assert second["Id"] != first["Id"]
    assert second["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  our own address
        assert json.load(answer) == ["alligators"]


def _accesses(container):
    """Method and status of each request in the log on standard output."""
    lines = container.docker("logs", container.name).stdout.splitlines()
    return [(access["method"], access["status"]) for access in map(json.loads, lines)]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
