"""docker-run.sh on a real engine: whatever hinders or ends it, one container serves, and running it again repairs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess

import pytest

from tests.containers import quizagator
from tests.containers.quizagator import Upload, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap")]
PULLED = '[ "$command" != pull ] || exit 0\n'
"""There is no registry at the image's address; it is pulled as long as the client says so."""
KILL = """case "$command" in
create | rename | stop | start | rm)
    steps=$(($(cat "$0.steps") + 1))
    echo "$steps" >"$0.steps"
    if [ "$steps" -eq {step} ]; then
        {program} "$command" "$@"
        kill -KILL "$PPID"
        exit
    fi
    ;;
esac
"""
"""Kills the script when it has made so many changes."""


SERVER = """import http.server, os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.HTTPServer(("", 80), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
LIGHT = f"""FROM {{base}}
USER root
RUN ln -sf /bin/true "$(command -v envkit)"
USER 10001
WORKDIR /tmp
ENTRYPOINT {json.dumps(["python3", "-I", "-c", SERVER])}
HEALTHCHECK CMD ["python3", "-I", "-S", "-c", "import socket; socket.create_connection(('127.0.0.1', 80))"]
"""
"""An app that starts at once, for the test that starts one many times."""


@pytest.fixture(scope="module")
def quiz(docker, base_image, pip_conf, network, tmp_path_factory):
    """The deployment, started, of an image that was pulled from a registry which is gone."""
    built = quizagator.build(docker, base_image, pip_conf, tmp_path_factory.mktemp("build"))
    image = f"127.0.0.1:{free_port()}/quizagator:latest"
    docker("tag", built, image)
    with quizagator.deployment(docker, image, network, tmp_path_factory.mktemp("quiz"), pull=True) as deployment:
        deployment.use_client(network, PULLED)
        deployment.start()
        yield deployment
    docker("rmi", image, check=False)


@pytest.fixture
def hindered(quiz, network):
    """Runs the script, which must fail; the old container still serves, and nothing else is left. Gives what is said.

    The container may have been stopped meanwhile unless `untouched`.
    """

    def run(*, untouched=True):
        before = quiz.container.state()
        done = quiz.try_to_start()
        assert done.returncode == 1
        after = quiz.container.state()
        assert after["Id"] == before["Id"]
        assert not untouched or after["State"]["StartedAt"] == before["State"]["StartedAt"]
        assert names(quiz) == {quiz.name}
        quiz.container.wait_for(f"{quiz.address}health", seconds=120)
        return done.stderr

    yield run
    quiz.use_client(network, PULLED)


def test_no_env_file(quiz, hindered):
    """One that is missing, that every user can read, or that docker cannot read as one."""
    text = quiz.env_file.read_text()
    try:
        quiz.env_file.chmod(0o644)
        assert hindered() == f"{quiz.env_file} can be read by every user of this machine: chmod 600 {quiz.env_file}\n"
        quiz.env_file.chmod(0o600)
        quiz.env_file.write_text(f"{text}A NAME=1\n")
        said = hindered()
        assert "contains whitespaces" in said
        assert said.endswith("the container cannot be made: nothing was changed\n")
        quiz.env_file.unlink()
        command = f"envkit export --to docker --out {quiz.env_file}"
        assert hindered() == f"{quiz.env_file} is missing: {command}\n"
    finally:
        quiz.env_file.touch(0o600)
        quiz.env_file.write_text(text)


def test_no_folder(quiz, hindered):
    """The command that makes it is said, and the container that runs keeps its own."""
    elsewhere = quiz.data.with_name("elsewhere")
    quiz.data.rename(elsewhere)
    try:
        said = hindered()
    finally:
        elsewhere.rename(quiz.data)
    assert said == f"{quiz.data} is missing: install -d -o 10001 -g 10001 '{quiz.data}'\n"


def test_no_image(quiz, hindered, network):
    """The registry does not answer."""
    quiz.use_client(network)
    said = hindered()
    assert "connection refused" in said
    assert said.endswith(f"{quiz.image} cannot be pulled: nothing was changed\n")


def test_a_port_that_is_taken(quiz, hindered):
    """The engine says so when it starts the new container; then the old one goes on."""
    script = quiz.deploy / "docker-run.sh"
    text = script.read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        script.write_text(text.replace(f":{quiz.port}:80", f":{other.getsockname()[1]}:80"))
        try:
            said = hindered(untouched=False)
        finally:
            script.write_text(text)
    assert "address already in use" in said
    assert f"{quiz.name}: the new container cannot be started\n" in said
    assert said.endswith(f"{quiz.name}: the container from before runs again\n")


def test_the_first_one_cannot_be_started(quiz, docker, network, tmp_path):
    """Nothing is left of it, so that the next try is like the first."""
    with quizagator.deployment(docker, quiz.image, network, tmp_path, pull=True, name="newcomer") as newcomer:
        newcomer.use_client(network, PULLED)
        with socket.create_server(("127.0.0.1", newcomer.port)):
            done = newcomer.try_to_start()
        assert done.returncode == 1
        assert done.stderr.endswith(f"{newcomer.name}: the new container cannot be started\n")
        assert names(newcomer) == set()
        newcomer.start()


def test_a_setting_that_is_missing(quiz, hindered):
    """The new image says which before the old container is stopped."""
    settings = quiz.env_file.read_text()
    try:
        quiz.env_file.write_text("")
        said = hindered()
    finally:
        quiz.env_file.write_text(settings)
    assert "FLASK_SECRET_KEY: is not set" in said
    assert said.endswith("the new image refuses its settings: nothing was changed\n")


def test_a_container_that_does_not_get_well(quiz, hindered, tmp_path):
    """Its log is shown, which tells the file that cannot be opened: in root's folder, where another's was meant."""
    script = quiz.deploy / "docker-run.sh"
    text = script.read_text()
    try:
        script.write_text(text.replace('source="$here"/data', f"source={tmp_path}"))
        said = hindered(untouched=False)
    finally:
        script.write_text(text)
    assert "unable to open database file" in said
    assert f"{quiz.name}: the new container does not get well, as its log above tells\n" in said


@pytest.fixture
def light(docker, base_image, network, tmp_path):
    """The deployment with an app that starts at once."""
    (tmp_path / "Dockerfile").write_text(LIGHT.format(base=base_image))
    image = f"127.0.0.1:{free_port()}/light:latest"
    docker("tag", docker.build(tmp_path, "light"), image)
    with quizagator.deployment(docker, image, network, tmp_path, pull=True, name="light") as deployment:
        deployment.use_client(network, PULLED)
        done = deployment.try_to_start()
        assert done.returncode == 0, done.stdout + done.stderr
        yield deployment
    docker("rmi", image, check=False)


def test_killed_after_any_step(light, network):
    """Running it again serves at once, even where it then cannot pull the image, and leaves nothing behind."""
    step = 0
    while True:
        step += 1
        steps = light.client.with_name("docker.steps")
        steps.write_text("0\n")
        light.use_client(network, PULLED + KILL.format(step=step, program=light.docker.program))
        if light.try_to_start().returncode == 0:
            break
        assert int(steps.read_text()) == step
        light.use_client(network)
        done = light.try_to_start()
        assert done.returncode == 1
        assert "cannot be pulled" in done.stderr
        assert names(light) == {light.name}
        light.container.wait_for(light.address, seconds=120)
    assert step == 9  # there are eight changes to be killed after


def test_interrupted_while_the_old_one_stops(quiz):
    """Ctrl-C: the request in flight is answered, and the old container serves again."""
    before = quiz.container.state()["Id"]
    upload = Upload(quiz, "interrupted")

    def terms():
        return quiz.docker("logs", before).stderr.count("Handling signal: term")

    earlier = terms()  # it was stopped in other tests, and came back
    command = {"env": quiz.environ, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(quiz.command, start_new_session=True, **command) as script:
        wait_until(lambda: terms() > earlier, "SIGTERM")
        os.killpg(script.pid, signal.SIGINT)
        assert upload.finish() == 201
        _, said = script.communicate(timeout=100)
    assert script.returncode == 130
    assert said.endswith(f"{quiz.name}: the container from before runs again\n")
    quiz.container.wait_for(f"{quiz.address}health", seconds=120)
    assert quiz.container.state()["Id"] == before
    assert "interrupted" in quiz.titles()
    assert names(quiz) == {quiz.name}


def names(quiz):
    """The deployment's containers, running or not."""
    listed = quiz.docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"name={quiz.name}").stdout
    return set(listed.split())
