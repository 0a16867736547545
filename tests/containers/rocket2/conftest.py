"""The deployment of Rocket 2, rendered from its example and started once for all tests of this folder."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.containers.images import ROOT
from tests.containers.rocket2.authority import ACME, add_authority
from tests.containers.rocket2.deployment import COMPOSE, WEBHOOK_SECRET, Rocket
from tests.examples.projects import Project
from tests.ports import free_port
from tests.targets.nginx.stack import versions

FILLED_IN = {
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_API_TOKEN": "xoxb-1234",
    "GITHUB_APP_ID": "0123",
    "GITHUB_ORG_NAME": "ubclaunchpad",
    "GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET,
}
NEWER = "nginx-forky"
_NEWER_FILES = Path("/opt/envkit-tests/nginx-forky")
OBSERVED = '''

def _observed(inner):  # by the tests alone
    """Says which requests with a query reach the app, and takes its time where the query asks for that."""
    import os
    import re
    import time

    def application(environ, start_response):
        query = environ["QUERY_STRING"]
        if query:
            os.write(1, f"began ?{query}\\n".encode())  # in one piece, unlike what print() writes
        if slow := re.search(r"slow=(\\d+)", query):
            time.sleep(int(slow[1]))
        return inner(environ, start_response)

    return application


app.wsgi_app = _observed(app.wsgi_app)
'''


@pytest.fixture(scope="package")
def project(tmp_path_factory):
    """The deployment's folder, with the sample filled in as a user does."""
    return _filled_in(tmp_path_factory.mktemp("rocket"))


def _filled_in(folder):
    project = Project("rocket2", folder)
    text = (project.folder / "sample-env").read_text()
    for name, value in FILLED_IN.items():
        text = text.replace(f"{name}=''", f"{name}='{value}'")
    made = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True, text=True)
    (project.folder / ".env").write_text(text.replace("BEGIN KEY END KEY", made.stdout.strip().replace("\n", "\\n")))
    return project


@pytest.fixture(scope="package")
def image(docker, base_image, pip_conf, tmp_path_factory):
    """The app's image, with an app that says what reaches it."""
    project = Project("rocket2", tmp_path_factory.mktemp("image"))
    dockerfile, server = project.folder / "Dockerfile", project.folder / "app/server.py"
    dockerfile.write_text(f"FROM {base_image}\n{dockerfile.read_text().partition(chr(10))[2]}")
    server.write_text(server.read_text() + OBSERVED)
    return docker.build(project.folder, "rocket2", secrets=[f"id=pip.conf,src={pip_conf}"])


@pytest.fixture(scope="package")
def newer_proxy_image(docker, stand_in_image, tmp_path_factory):
    """envkit-nginx with an nginx as new as that of nginx:stable."""
    folder = tmp_path_factory.mktemp(NEWER)
    shutil.copytree(_NEWER_FILES, folder / "files", symlinks=True)
    shutil.copy(shutil.which(NEWER), folder / "nginx")
    copies = f"COPY files {_NEWER_FILES}\nCOPY nginx /usr/sbin/nginx\n"
    (folder / "Dockerfile").write_text(f"FROM {stand_in_image}\n{copies}")
    base = docker.build(folder, NEWER)
    return docker.build(ROOT / "nginx", "newer-nginx", args=[f"BASE={base}"])


@pytest.fixture(scope="package")
def started(docker, image, certificates_image, tmp_path_factory):
    """Starts a deployment by a program of Compose, as a context: with this image of nginx, and what it is to know."""

    @contextmanager
    def run(name, proxy_image, compose=COMPOSE, channel="compose", known=""):
        project = _filled_in(tmp_path_factory.mktemp(name))
        name = f"{docker.name}-{name}"
        port, tls_port = free_port(), free_port()
        description = project.folder / "envkit.toml"
        text = description.read_text().replace('name = "rocket2"', f'name = "{name}"')
        text = text.replace("[versions]\n", f"[versions]\n{known}")
        text = re.sub('"ghcr.io/.*:latest"', f'"{image}"\naddress = "127.0.0.1"', text)
        text = text.replace("[http]\n", f'[http]\nport = {port}\ntls_port = {tls_port}\nacme_server = "{ACME}"\n')
        text += f'[container.images]\nnginx = "{proxy_image}"\ncertbot = "{certificates_image}"\n'
        description.write_text(text)
        for arguments in (("render", "compose"), ("export", "--to", channel, "--out", "deploy/.env")):
            done = project.envkit(*arguments)
            assert done.returncode == 0, done.stderr
        rocket = Rocket(docker, project.folder / "deploy", name, port, tls_port, compose)
        add_authority(rocket, certificates_image)
        try:
            rocket.run("./deploy.sh")
            rocket.wait_for(200)
            yield rocket
        finally:
            rocket.compose("kill")
            rocket.compose("down", "--volumes")

    return run


@pytest.fixture(scope="package")
def rocket(started, newer_proxy_image):
    """The deployment, started; its authority is there but was not asked yet."""
    nginx, openssl = versions(NEWER)
    with started("rocket2", newer_proxy_image, known=f'nginx = "{nginx}"\nopenssl = "{openssl}"\n') as rocket:
        yield rocket
