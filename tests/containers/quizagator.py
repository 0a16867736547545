"""Quizagator's deployment on an engine: its image, what envkit renders and exports, and docker-run.sh."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from tests.containers.engine_client import Container
from tests.examples.projects import Project
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.containers.engine_client import Docker

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
USER = 10001
"""Whom the README tells to make the owner of the folder: the user of envkit-base."""
SECRET = """ pa$$word #1 "two" 'three' ${HOME} \\n `id` é """
"""A value that most readers of env files would change."""
_CLIENT = """#!/bin/sh
command=$1
shift
[ "$command" != create ] || set -- --network {network} --health-interval 1s "$@"
{before}exec {program} "$command" "$@"
"""
"""The client: an engine of the tests' own has no default network, so that a container is put into theirs; and health is
asked for each second, for the tests' time."""


class Quizagator:
    """The deployment on this machine: an envkit.toml that was rendered, an env file, and an empty folder."""

    def __init__(self, docker: Docker, project: Project, image: str, name: str, port: int) -> None:
        self.docker, self.project, self.image, self.name, self.port = docker, project, image, name, port
        self.client = project.folder.with_name("bin") / "docker"
        self.container = Container(docker, name)
        self.address = f"http://127.0.0.1:{port}/"
        self.deploy = project.folder / "deploy"
        self.data = self.deploy / "data"
        self.env_file = project.folder / "app.env"

    @property
    def command(self) -> list[str]:
        """What the operator calls."""
        return [str(self.deploy / "docker-run.sh"), str(self.env_file)]

    @property
    def environ(self) -> dict[str, str]:
        """With the tests' client first in PATH."""
        return {**self.docker.environ, "PATH": f"{self.client.parent}:{self.docker.environ['PATH']}"}

    def start(self) -> None:
        """Runs docker-run.sh, which must succeed."""
        done = self.try_to_start()
        assert done.returncode == 0, done.stdout + done.stderr
        self.container.wait_for(f"{self.address}health")

    def try_to_start(self) -> subprocess.CompletedProcess[str]:
        """Runs docker-run.sh."""
        return subprocess.run(self.command, env=self.environ, capture_output=True, text=True, timeout=200, check=False)

    def post(self, title: str) -> int:
        """Adds a quiz on a fresh connection; returns the answer's status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request("POST", "/", f"title={quote_plus(title)}", _FORM)
            return connection.getresponse().status
        finally:
            connection.close()

    def titles(self) -> list[str]:
        """The quizzes that it serves."""
        with urllib.request.urlopen(self.address, timeout=40) as answer:  # noqa: S310  our own address
            found: list[str] = json.load(answer)
            return found

    def accesses(self) -> Counter[tuple[str, str, int]]:
        """How often the log on standard output has a method, a path and a status."""
        lines = self.docker("logs", self.name).stdout.splitlines()
        return Counter((line["method"], line["uri"], line["status"]) for line in map(json.loads, lines))

    def use_client(self, network: str, before: str = "") -> None:
        """Makes the client; `before` is what its script does before it calls docker."""
        self.client.parent.mkdir(exist_ok=True)
        self.client.write_text(_CLIENT.format(network=network, program=self.docker.program, before=before))
        self.client.chmod(0o755)


class Upload:
    """A new quiz whose request was begun by a worker, and whose body was not yet sent."""

    def __init__(self, quiz: Quizagator, title: str) -> None:
        self._body = f"title={quote_plus(title)}".encode()
        self._stream = socket.create_connection(("127.0.0.1", quiz.port), timeout=60)
        lines = ("POST / HTTP/1.1", "Host: quiz", f"Content-Length: {len(self._body)}", "Expect: 100-continue")
        form = [f"{name}: {value}" for name, value in _FORM.items()]
        self._stream.sendall("\r\n".join([*lines, *form, "", ""]).encode())
        # gunicorn says so when a worker takes the request.
        assert self._stream.recv(100).startswith(b"HTTP/1.1 100 ")

    def finish(self) -> int:
        """Sends the body; returns the answer's status."""
        with self._stream, self._stream.makefile("rb") as answer:
            self._stream.sendall(self._body)
            return int(answer.readline().split()[1])


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Returns when it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.05)


def build(docker: Docker, base: str, pip_conf: Path, folder: Path, *, health: str = "well") -> str:
    """The image, whose answer for health tells the version."""
    project = Project("quizagator", folder)
    dockerfile, code = project.folder / "Dockerfile", project.folder / "application/wsgi.py"
    dockerfile.write_text(f"FROM {base}\n{dockerfile.read_text().partition(chr(10))[2]}")
    text = code.read_text()
    assert text.count('"well\\n"') == 1
    code.write_text(text.replace('"well\\n"', f'"{health}\\n"'))
    return docker.build(project.folder, f"quizagator-{health}", secrets=[f"id=pip.conf,src={pip_conf}"])


@contextmanager
def deployment(
    docker: Docker, image: str, network: str, folder: Path, *, pull: bool = False, name: str = "quizagator"
) -> Iterator[Quizagator]:
    """Renders the example for an image and a free port, exports its settings, and removes its containers at the end.

    An image that is not to be pulled is one that the engine has already.
    """
    project = Project("quizagator", folder)
    name, port = f"{docker.name}-{name}", free_port()
    description = project.folder / "envkit.toml"
    text = description.read_text().replace('name = "quizagator"', f'name = "{name}"')
    text = text.replace('"docker.io/quizagator/quizagator:latest"', f'"{image}"\naddress = "127.0.0.1"')
    description.write_text(text.replace("\nport = 80\n", f"\nport = {port}\n"))
    for arguments in (("render",), ("export", "--to", "docker", "--out", "app.env")):
        done = project.envkit(*arguments, FLASK_SECRET_KEY=SECRET)
        assert done.returncode == 0, done.stderr
    quizagator = Quizagator(docker, project, image, name, port)
    assert ("docker pull" in (quizagator.deploy / "docker-run.sh").read_text()) is pull
    quizagator.data.mkdir(mode=0o755)
    os.chown(quizagator.data, USER, USER)
    quizagator.use_client(network)
    try:
        yield quizagator
    finally:
        docker("rm", "--force", name, f"{name}.before", f"{name}.next", check=False)
