"""An app's image that begins FROM envkit-base, on a real engine."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time

import pytest

from tests.containers import uploads
from tests.containers.engine_client import LEAST
from tests.containers.images import CANARY, ROOT

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap")]
PUBLISHED = "--publish=127.0.0.1::8000"


def test_serves_with_the_least_rights(docker, app_image, app_options, network):
    """Read-only, without capabilities and not as root it answers, and its own probe finds it well."""
    with docker.running(app_image, *LEAST, PUBLISHED, "--network", network, *app_options) as container:
        container.wait_for(f"http://127.0.0.1:{container.port(8000)}/health")
        assert container.execute("id", "-u").stdout == "10001\n"
        command = container.state()["Config"]["Healthcheck"]["Test"]
        assert command[0] == "CMD"
        assert container.execute(*command[1:]).stdout == "HTTP/1.1 200 OK\n"
        first = container.execute("cat", "/proc/1/cmdline").stdout
        assert "gunicorn" in first
        assert "envkit\0run" not in first


def test_health_follows_the_app(docker, app_image, app_options, network):
    """An app that cannot do its work is unhealthy; a worker has no health but that it runs."""
    with docker.running(
        app_image, *LEAST, PUBLISHED, "--network", network, *app_options, "--env", "DATABASE=/tmp/d/teams.sqlite3",
        "--tmpfs=/tmp/d:mode=0777",
    ) as container:  # fmt: skip
        container.wait_for(f"http://127.0.0.1:{container.port(8000)}/health")
        command = container.state()["Config"]["Healthcheck"]["Test"][1:]
        assert container.execute(*command).returncode == 0
        container.execute("sh", "-c", "rm /tmp/d/* && mkdir /tmp/d/teams.sqlite3")
        done = container.execute(*command, check=False)
        assert (done.returncode, done.stdout) == (1, "HTTP/1.1 503 SERVICE UNAVAILABLE\n")


def test_stop_answers_what_was_started(docker, app_image, app_options, network):
    """`docker stop` lets every request that has begun end, however slow its sender, and the exit code is 0."""
    with docker.running(app_image, *LEAST, PUBLISHED, "--network", network, *app_options) as container:
        port = container.port(8000)
        container.wait_for(f"http://127.0.0.1:{port}/health")
        ended = threading.Event()
        load = [threading.Thread(target=_ask_until, args=(port, ended)) for _ in range(4)]
        for thread in load:
            thread.start()
        begun = [uploads.begin(port, "/github/webhook") for _ in range(12)]
        stopping = threading.Thread(target=docker, args=("stop", "--time=30", container.name))
        start = time.monotonic()
        stopping.start()
        time.sleep(2)
        assert container.state()["State"]["Running"]
        statuses = [uploads.end(connection) for connection in begun]
        stopping.join()
        ended.set()
        for thread in load:
            thread.join()
        assert statuses == [401] * len(begun)
        assert time.monotonic() - start < 30
        assert container.state()["State"]["ExitCode"] == 0


def _ask_until(port, ended):
    while not ended.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)  # not there any more, which is why one stops
        finally:
            connection.close()


def test_wrong_settings_stop_it_at_once(docker, app_image, network):
    """Every problem is listed, no value is shown, and the exit code is 78."""
    wrong = ["--env", f"GITHUB_KEY={CANARY}", "--env", f"PROXY_HOPS={CANARY}", "--env", f"LOG_LEVEL={CANARY}"]
    with docker.running(app_image, *LEAST, "--network", network, *wrong) as container:
        assert docker("wait", container.name, timeout=60).stdout == "78\n"
        said = container.logs()
    assert CANARY not in said
    for name in (
        "SECRET_KEY",
        "GITHUB_APP_ID",
        "GITHUB_KEY",
        "WEBHOOK_SECRET",
        "ADMIN_TOKEN",
        "PROXY_HOPS",
        "LOG_LEVEL",
    ):
        assert f" {name}: " in said or said.startswith(f"{name}: ") or f"\n{name}: " in said


def test_runs_as_nobody_in_particular_even_without_user(docker, base_image):
    """Whoever forgets USER 10001 is not root, either; and app changes neither the packages nor the code."""
    assert docker("run", "--rm", "--network=none", "--entrypoint=id", base_image, "-u").stdout == "10000\n"
    script = "touch /app/x /opt/venv/x /opt/envkit/x /etc/x; touch /data/x && id -u"
    done = docker("run", "--rm", "--network=none", "--user=app", "--entrypoint=sh", base_image, "-c", script)
    assert done.stdout == "10001\n"
    assert done.stderr.count("Permission denied") == 4


def test_layers_hold_no_secret_no_cache_and_no_compiler(docker, app_image, stand_in_image):
    """Whatever the builds were given as secrets, or lay about in the app's folder, is in no layer and no history."""
    below = set(json.loads(docker("inspect", stand_in_image).stdout)[0]["RootFS"]["Layers"])
    names, contents = _saved(docker, app_image, below)
    assert CANARY.encode() not in contents
    assert "app/teams_app/settings.py" in names
    assert "app/.env.example" in names
    files = {name.rpartition("/")[2] for name in names}
    assert not files & {".env", ".env.production", ".git", "cc", "gcc", "cc1", "ld", "as", "make"}
    forbidden = ("root/.cache", "app/.cache", ".cache/pip", "var/cache/", "var/lib/apt", "app/data", "source/", "tmp/")
    assert [name for name in names if name.startswith(forbidden) and not name.endswith("/")] == []


def _saved(docker, image, below):
    """Names of the files in the layers above those of the base, and all that the archive holds."""
    archive = subprocess.run(
        [docker.program, "save", image], env=docker.environ, capture_output=True, check=True
    ).stdout
    names, contents = set(), b""
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        for member in outer:
            data = outer.extractfile(member).read() if member.isfile() else b""
            try:
                layer = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115
            except tarfile.TarError:
                contents += data
                continue
            with layer:
                if f"sha256:{hashlib.sha256(data).hexdigest()}" not in below:
                    names |= {inner.name for inner in layer}
                    contents += data
    return names, contents


def test_packages_are_compiled(docker, app_image):
    """No start compiles them again: nobody could keep what it made."""
    script = (
        "import flask, pathlib; print(len(list(pathlib.Path(flask.__file__).parent.glob('__pycache__/app.*.pyc'))))"
    )
    done = docker("run", "--rm", "--network=none", "--entrypoint=python3", app_image, "-c", script)
    assert done.stdout == "1\n"


def test_new_code_reinstalls_nothing(docker, app_folder, app_image, pip_conf, tmp_path):
    """A change of the code gives one new layer, the last."""
    changed = tmp_path / "teams"
    shutil.copytree(app_folder, changed)
    with (changed / "teams_app/pages.py").open("a") as file:
        file.write("# changed\n")
    image = docker.build(changed, "teams-changed", secrets=[f"id=pip.conf,src={pip_conf}"])
    before, after = (json.loads(docker("inspect", name).stdout)[0]["RootFS"]["Layers"] for name in (app_image, image))
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_the_dockerfile_has_five_lines(app_folder):
    """An app's Dockerfile stays small."""
    assert len((app_folder / "Dockerfile").read_text().splitlines()) == 5
    assert ROOT not in app_folder.parents


def test_check_image_finds_what_was_baked_in(docker, app_image, tmp_path, monkeypatch):
    """`envkit check --image` names a deleted .env and a secret argument of the build, and finds none in our image."""
    (tmp_path / ".env").write_text(f"API_TOKEN={CANARY}\n")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {app_image}\nARG API_TOKEN\nCOPY .env /app/\nUSER root\nRUN rm /app/.env\n"
    )
    baked = docker.build(tmp_path, "baked", args=[f"API_TOKEN={CANARY}"])
    monkeypatch.setenv("DOCKER_HOST", docker.environ["DOCKER_HOST"])
    check = [sys.executable, "-m", "envkit", "check", "--image"]
    (tmp_path / "baked_settings.py").write_text(
        "import envkit\n\nclass Baked(envkit.Settings):\n    api_token: envkit.Secret\n"
    )
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [*check, baked, "--settings", "baked_settings:Baked"]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    argument, line = found.stderr.splitlines()
    assert CANARY not in found.stderr
    assert (
        ": API_TOKEN: the value of a secret setting is in the image, for everyone who can pull it, in line" in argument
    )
    assert ": /app/.env: an env file (it sets API_TOKEN) is in the image" in line
    assert subprocess.run([*check, app_image], check=False).returncode == 0
    assert subprocess.run([*check, "envkit-tests-no-such-image"], check=False, capture_output=True).returncode == 2
