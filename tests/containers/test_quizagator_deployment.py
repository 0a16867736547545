"""Quizagator's deployment on a real engine: docker-run.sh as rendered, and a folder with its database."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing

import pytest

from tests.containers import quizagator
from tests.containers.engine_client import LEAST
from tests.containers.quizagator import Upload, wait_until

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap")]
COUNT = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c /gunicorn$"
"""How many processes of gunicorn there are in a container."""


@pytest.fixture(scope="module")
def image(docker, base_image, pip_conf, tmp_path_factory):
    """The example's image."""
    return quizagator.build(docker, base_image, pip_conf, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def quiz(docker, image, network, tmp_path_factory):
    """The deployment, started."""
    with quizagator.deployment(docker, image, network, tmp_path_factory.mktemp("quiz")) as deployment:
        deployment.start()
        yield deployment


def test_started_used_and_replaced(quiz):
    """Three workers serve from a folder of the container's user, accesses are logged, and quizzes are kept."""
    first = quiz.container.state()
    assert quiz.post("alligators") == 201
    assert quiz.container.execute("sh", "-c", COUNT).stdout == "4\n"  # the first process and its workers
    wait_until(lambda: quiz.accesses()["POST", "/", 201], "the access in the log")
    assert "Traceback" not in quiz.container.logs()
    assert first["RestartCount"] == 0
    assert "pa$$word" not in json.dumps([first["Path"], first["Args"], first["Config"]["Cmd"]])

    quiz.start()
    second = quiz.container.state()
    assert second["Id"] != first["Id"]
    assert second["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert "alligators" in quiz.titles()


def test_workers_start_at_once_on_empty_folders(docker, image, network, quiz, tmp_path):
    """Fifteen of them, three for each of five folders, all at the same time: none fails, and each folder serves."""
    with ExitStack() as stack:
        started = []
        for number in range(5):
            folder = tmp_path / str(number)
            folder.mkdir()
            subprocess.run(["chown", f"{quizagator.USER}:{quizagator.USER}", str(folder)], check=True)
            mount = ("--mount", f"type=bind,source={folder},target=/data")
            options = (*LEAST, "--env-file", str(quiz.env_file), "--network", network, "--publish", "127.0.0.1::80")
            started.append(stack.enter_context(docker.running(image, *options, *mount)))
        for container in started:
            container.wait_for(f"http://127.0.0.1:{container.port(80)}/health", seconds=120)
        for container in started:
            wait_until(lambda of=container: of.execute("sh", "-c", COUNT).stdout == "4\n", "all workers")
            logs = container.logs()
            assert "Traceback" not in logs
            assert logs.count("Booting worker with pid") == 3


def test_a_killed_container_comes_back(docker, quiz, stand_in_image):
    """SIGKILL amid writes: it serves again by itself, what was confirmed is there, and the database is whole."""
    before = quiz.container.state()
    confirmed, unknown, over = set(), set(), threading.Event()

    def write(number):
        count = 0
        while not over.is_set():
            title, count = f"quiz {number}-{count}", count + 1
            try:
                status = quiz.post(title)
            except (OSError, http.client.HTTPException):
                unknown.add(title)
                time.sleep(0.05)
            else:
                assert status == 201
                confirmed.add(title)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: len(confirmed) > 40, "some writes")
        # `docker kill` would count as a stop that somebody asked for.
        kill = ("sh", "-c", f"kill -KILL {before['State']['Pid']}")
        docker("run", "--rm", "--network=none", "--pid=host", stand_in_image, *kill)
        wait_until(lambda: quiz.container.state()["RestartCount"] > before["RestartCount"], "a restart")
        quiz.container.wait_for(f"{quiz.address}health", seconds=120)
        known = len(confirmed)
        wait_until(lambda: len(confirmed) > known + 20, "some writes after it")
    finally:
        over.set()
        for writer in writers:
            writer.join(60)
    assert unknown
    found = {title for title in quiz.titles() if title.startswith("quiz ")}
    assert confirmed <= found <= confirmed | unknown
    with closing(sqlite3.connect(f"file:{quiz.data / 'quizagator.db'}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_stopped_under_load(docker, quiz):
    """`docker stop` amid 32 connections ends within the grace by exit code 0; what the app answered, clients have."""
    grace = quiz.container.state()["Config"]["StopTimeout"]
    seen, torn, over = Counter(), [], threading.Event()
    begun = quiz.accesses()["GET", "/", 200]

    def read(number):
        connection = None
        while not over.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", quiz.port, timeout=40)
            try:
                connection.request("GET", "/", headers={} if number % 2 else {"Connection": "close"})
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException):
                connection = connection.close()  # not one byte of an answer: it was not begun
                time.sleep(0.05)
                continue
            try:
                answer.read()
                seen[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                torn.append(error)
            if answer.will_close:
                connection = connection.close()
        if connection:
            connection.close()

    readers = [threading.Thread(target=read, args=(number,)) for number in range(32)]
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: seen[200] > 200, "some answers")
        assert "Handling signal: term" not in quiz.container.logs()
        waiting = [Upload(quiz, f"in flight {number}") for number in range(3)]
        started = time.monotonic()
        with subprocess.Popen([docker.program, "stop", f"--time={grace}", quiz.name], env=docker.environ) as stop:
            wait_until(lambda: "Handling signal: term" in quiz.container.logs(), "SIGTERM")
            assert [upload.finish() for upload in waiting] == [201] * 3
            assert stop.wait(grace + 60) == 0
        taken = time.monotonic() - started
    finally:
        over.set()
        for reader in readers:
            reader.join(60)
    state = quiz.container.state()["State"]
    assert taken < grace
    assert (state["Running"], state["ExitCode"], state["OOMKilled"]) == (False, 0, False)
    assert (torn, set(seen)) == ([], {200})
    assert quiz.accesses()["GET", "/", 200] - begun == seen[200]
    docker("start", quiz.name)
    quiz.container.wait_for(f"{quiz.address}health", seconds=120)
    assert {f"in flight {number}" for number in range(3)} <= set(quiz.titles())
