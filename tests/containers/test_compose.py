"""The rendered Compose file and deploy.sh on a real engine: an app starts, is replaced, and outlives a bad release."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from envkit.deployment.reading import read_description
from envkit.operations.importing import settings_class
from envkit.operations.setting_names import names_of
from envkit.operations.writing import write_artifacts
from envkit.targets.compose import render
from tests import ports
from tests.consumers.container_programs import COMPOSE_2
from tests.containers.health import asked_often

V2 = COMPOSE_2["2.26"]
pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", "docker-compose", V2)]
RELEASE = """
[container]
[processes.release]
command = ["sh", "-c", "echo released; exit ${RELEASE_EXIT:-0}"]
"""


@pytest.fixture(scope="module")
def image(docker, app_folder, pip_conf, tmp_path_factory):
    """The sample app with a release process."""
    folder = tmp_path_factory.mktemp("released") / "teams"
    shutil.copytree(app_folder, folder)
    with (folder / "envkit.toml").open("a") as file:
        file.write(RELEASE)  # gunicorn's file follows from the description in the image
    return docker.build(folder, "released", secrets=[f"id=pip.conf,src={pip_conf}"])


@pytest.fixture
def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    return ports.free_port()


class Project:
    """A folder with rendered files, and Compose in it."""

    def __init__(self, docker, folder, compose, name, port):
        self.docker, self.folder, self.compose, self.name = docker, folder, compose, name
        self.url = f"http://127.0.0.1:{port}"

    def deploy(self, release_exit=0):
        """Runs deploy.sh; the override makes the release process end as asked."""
        ending = {"environment": [f"RELEASE_EXIT={release_exit}"]}
        services = {**asked_often(self.folder / "compose.yaml"), "release": ending}
        (self.folder / "compose.override.yaml").write_text(json.dumps({"services": services}))
        return self._run(str(self.folder / "deploy.sh"), COMPOSE=self.compose)

    def start_former(self):
        """Starts a process that the next deployment knows no more."""
        service = f'{{image: "{self.container("web")["Image"]}", entrypoint: ["sleep", "infinity"], init: true}}'
        (self.folder / "compose.override.yaml").write_text(f"services: {{former: {service}}}\n")
        started = self._run(self.compose, "-p", self.name, "up", "-d", "former")
        assert started.returncode == 0, started.stderr

    def container(self, service):
        """What the engine knows of the container of a service."""
        found = self._run(self.compose, "-p", self.name, "ps", "-q", service).stdout.strip()
        return json.loads(self.docker("inspect", found).stdout)[0]

    def services(self):
        """Those of which there is a container, running or not."""
        column = '{{.Label "com.docker.compose.service"}}'
        label = f"label=com.docker.compose.project={self.name}"
        return set(self.docker("ps", "--all", "--filter", label, "--format", column).stdout.split())

    def wait_for(self, status):
        """Returns when the health path answers with this status."""
        end = time.monotonic() + 60
        while (seen := self._status()) != status:
            assert time.monotonic() < end, (
                seen,
                self._run(self.compose, "-p", self.name, "logs", "--no-color").stdout[-6000:],
            )
            time.sleep(0.2)

    def down(self):
        """Removes everything."""
        self.docker("rm", "--force", f"{self.name}-release", check=False)
        self._run(self.compose, "-p", self.name, "down", "--volumes")

    def _status(self):
        try:
            return urllib.request.urlopen(f"{self.url}/health", timeout=5).status  # noqa: S310 - our own address
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def _run(self, *command, **environ):
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.docker.environ, **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def project(docker, image, proxy_image, app_options, free_port, tmp_path, app_folder, monkeypatch, request):
    """The sample app's Compose project, rendered for ports of 127.0.0.1."""
    monkeypatch.syspath_prepend(str(app_folder))
    name = f"{docker.name}-teams"
    deployment = read_description(
        f'name = "{name}"\napp = "teams_app:create_app()"\nsettings = "teams_app.settings:AppSettings"\n'
        '[processes.release]\ncommand = "true"\n[processes.web]\nmemory = "256 MiB"\n'
        f'[container]\nimage = "{image}"\naddress = "127.0.0.1"\n'
        f'[container.images]\nnginx = "{proxy_image}"\n[http]\nport = {free_port}\n',
        {},
    )
    settings = names_of(settings_class("teams_app.settings:AppSettings"))
    write_artifacts(render(deployment, settings).artifacts, tmp_path)
    shutil.copy(app_options[1], tmp_path / ".env")
    project = Project(docker, tmp_path, request.param, name, free_port)
    yield project
    project.down()


@pytest.mark.parametrize("project", ["docker-compose", V2], ids=["v1", "v2"], indirect=True)
def test_started_replaced_and_kept(project):
    """The app answers through nginx; a failed release leaves it; a good one replaces it, and nginx finds it again.

    A second release does not begin while one runs. What is described no more is gone in the end.
    """
    done = project.deploy()
    assert done.returncode == 0, done.stdout + done.stderr
    project.wait_for(200)
    first = project.container("web")
    assert first["NetworkSettings"]["Ports"] in ({}, {"8000/tcp": None})
    assert first["HostConfig"]["ReadonlyRootfs"]
    assert first["HostConfig"]["Memory"] == 256 * 1024 * 1024

    image = first["Image"]
    release = f"{project.name}-release"
    project.docker("run", "--detach", f"--name={release}", "--network=none", "--entrypoint=sleep", image, "300")
    refused = project.deploy()
    assert refused.returncode == 1
    assert "an earlier release process still runs" in refused.stderr
    project.docker("kill", release)  # where it ended, nothing has to be cleaned up by hand

    failed = project.deploy(release_exit=3)
    assert failed.returncode != 0
    assert project.container("web")["Id"] == first["Id"]
    project.wait_for(200)

    compose = project.folder / "compose.yaml"
    compose.write_text(compose.read_text().replace("max-size: ", "mode: non-blocking, max-size: ", 1))
    project.start_former()
    done = project.deploy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "former is described no more, so it is stopped\n" in done.stdout
    assert project.services() == {"web", "nginx"}
    assert project.container("web")["Id"] != first["Id"]
    project.wait_for(200)
