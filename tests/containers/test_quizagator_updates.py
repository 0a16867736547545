"""Quizagator takes its new version from a registry, by a stand-in for Watchtower that reads the rendered file."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from contextlib import ExitStack

import pytest

from tests.consumers.container_programs import COMPOSE_2
from tests.containers import quizagator
from tests.containers.quizagator import SECRET, Upload, wait_until
from tests.containers.watchtower import Watchtower
from tests.ports import free_port

COMPOSE = COMPOSE_2["2.26"]
pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", "docker-registry", COMPOSE)]
LABEL = "com.centurylinklabs.watchtower"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The address of one on this machine, which Docker takes without TLS."""
    folder, address = tmp_path_factory.mktemp("registry"), f"127.0.0.1:{free_port()}"
    configuration = folder / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(folder / "images")}}
    # JSON is YAML.
    configuration.write_text(json.dumps({"version": "0.1", "storage": storage, "http": {"addr": address}}))
    with (folder / "log").open("wb") as log:
        program = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(f"http://{address}/v2/"), "the registry")
        yield address
    finally:
        program.terminate()
        program.wait(30)


@pytest.fixture(scope="module")
def versions(docker, base_image, pip_conf, tmp_path_factory):
    """Two images of the example, which tell their version at /health; no other session has the same."""
    return [
        quizagator.build(docker, base_image, pip_conf, tmp_path_factory.mktemp("build"), health=health)
        for health in (f"first-{docker.name}", f"second-{docker.name}")
    ]


@pytest.fixture(scope="module")
def quiz(docker, registry, versions, network, tmp_path_factory):
    """The deployment, started of the first version in the registry."""
    image = f"{registry}/quizagator:latest"
    push(docker, versions[0], image)
    docker("rmi", image)
    with quizagator.deployment(docker, image, network, tmp_path_factory.mktemp("quiz"), pull=True) as deployment:
        deployment.start()
        yield deployment
    docker("rmi", "--force", image, check=False)


@pytest.fixture(scope="module")
def watchtower(quiz, docker_host):
    """What the rendered file starts, and Compose's reading of it."""
    command = [COMPOSE, "-f", str(quiz.deploy / "watchtower.yaml"), "config", "--format", "json"]
    read = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    service = json.loads(read.stdout)["services"]["watchtower"]
    assert service["labels"] == {f"{LABEL}.scope": quiz.name}
    return Watchtower(docker_host, service)


def test_a_new_version_is_taken(docker, quiz, watchtower, versions):
    """It serves with the same settings, folder, port and options; a request in flight at the stop is answered."""
    assert quiz.post("before") == 201
    old = quiz.container.state()
    assert watchtower.round() == []
    assert quiz.container.state()["State"]["StartedAt"] == old["State"]["StartedAt"]

    push(docker, versions[1], quiz.image)
    upload, replaced = Upload(quiz, "in flight"), []
    round_ = threading.Thread(target=lambda: replaced.extend(watchtower.round()))
    round_.start()
    wait_until(lambda: "Handling signal: term" in docker("logs", old["Id"]).stderr, "SIGTERM")
    assert upload.finish() == 201
    round_.join(120)
    assert replaced == [quiz.name]

    assert quiz.container.wait_for(f"{quiz.address}health", seconds=120) == f"second-{docker.name}\n"
    assert quiz.titles() == ["before", "in flight"]
    new = quiz.container.state()
    assert new["Id"] != old["Id"]
    assert f"FLASK_SECRET_KEY={SECRET}" in quiz.container.execute("cat", "/proc/1/environ").stdout.split("\0")
    assert {**new["Config"], "Env": sorted(new["Config"]["Env"])} == {
        **old["Config"],
        "Env": sorted(old["Config"]["Env"]),
    }
    assert new["HostConfig"] == old["HostConfig"]
    assert new["Mounts"] == old["Mounts"]
    assert new["NetworkSettings"]["Networks"].keys() == old["NetworkSettings"]["Networks"].keys()
    assert docker("image", "inspect", old["Image"], check=False).returncode != 0

    assert watchtower.round() == []
    assert quiz.container.state()["Id"] == new["Id"]
    quiz.start()  # by hand, as before
    assert quiz.titles() == ["before", "in flight"]


def test_other_containers_are_left_alone(docker, quiz, watchtower, registry, base_image, tmp_path):
    """Of another scope, or not labelled for updates: none is touched, though there is a new image for each."""
    image = f"{registry}/other:latest"
    labels = {
        "another scope": {"enable": "true", "scope": "another"},
        "no scope": {"enable": "true"},
        "not enabled": {"scope": quiz.name},
        "disabled": {"enable": "false", "scope": quiz.name},
        "no label": {},
    }
    with ExitStack() as stack:
        push(docker, _other(docker, base_image, tmp_path, "1"), image)
        started = {}
        for name, values in labels.items():
            words = [word for key, value in values.items() for word in ("--label", f"{LABEL}.{key}={value}")]
            started[name] = stack.enter_context(docker.running(image, "--init", "--network=none", *words))
        own = ("--label", f"{LABEL}.enable=true", "--label", f"{LABEL}.scope={quiz.name}")
        mine = stack.enter_context(docker.running(image, "--init", "--network=none", *own))
        before = {name: container.state() for name, container in started.items()}
        push(docker, _other(docker, base_image, tmp_path, "2"), image)
        assert watchtower.round() == [mine.name]  # so there was something to take
        after = {name: container.state() for name, container in started.items()}
        assert {name: (state["Id"], state["State"]["StartedAt"]) for name, state in after.items()} == {
            name: (state["Id"], state["State"]["StartedAt"]) for name, state in before.items()
        }
    docker("rmi", "--force", image, check=False)


def push(docker, image, name):
    """Puts an image into the registry under a name, which this engine then has not."""
    docker("tag", image, name)
    docker("push", "--quiet", name, timeout=200)


def _other(docker, base, folder, version):
    """Another app's image, which only waits."""
    (folder / "Dockerfile").write_text(f'FROM {base}\nLABEL version="{version}"\nENTRYPOINT ["sleep", "600"]\nCMD []\n')
    return docker.build(folder, f"other-{version}", file=folder / "Dockerfile")


def _answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5):  # noqa: S310  our own address
            return True
    except OSError:
        return False
