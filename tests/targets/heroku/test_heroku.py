"""Heroku's files, and its config vars set through an API of the test's own."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.channels.registry import channel
from envkit.deployment.model import Deployment, Process
from envkit.deployment.reading import read_description
from envkit.operations.writing import write_artifacts
from envkit.rendering.quoting import CannotQuote
from envkit.targets.heroku import JUDGE, LIMIT, render
from envkit.targets.settings import SettingName

SETTINGS = (SettingName("SECRET_KEY", secret=True, required=True), SettingName("AWS_LOCAL"), SettingName("HEROKU_X"))
HEAD = 'name = "rocket2"\napp = "app.server:app"\nsettings = "config:Settings"\n'
MATRIX = {
    "least": "",
    "everything": (
        '[versions]\npython = "3.13"\n[container]\ndata = ["/srv/data:/data"]\n[http]\n'
        '[http.timeouts]\nrequest = "1m"\ngraceful = "10s"\n[http.static."/static/"]\ndirectory = "/srv/static"\n'
        '[processes.web]\nsingleton = true\nuser = "www-data"\n'
        '[processes.release]\ncommand = "python -m app.migrate"\n'
        '[processes.worker]\ncommand = ["sh", "-c", "echo $HOME; exec rq worker"]\n'
        '[processes.report]\ncommand = "python -m app.report"\nschedule = "every 24h"\n'
    ),
}


def described(name):
    """The description of one entry."""
    return read_description(HEAD + MATRIX[name], {})


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_files(name, golden):
    """Each description of the matrix gives the files that were looked at."""
    rendering = render(described(name), SETTINGS if name == "everything" else None)
    for artifact in rendering.artifacts:
        if not artifact.path.endswith("gunicorn.conf.py"):
            golden(f"{name}/{artifact.path.replace('/', '-').lstrip('.')}.txt", artifact.text)
    golden(f"{name}/findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))


def test_gunicorn_listens_where_heroku_looks():
    """On $PORT, with less time to stop than a dyno has, and as the dyno's own user."""
    texts = {artifact.path: artifact.text for artifact in render(described("least"), ()).artifacts}
    served = texts["heroku/gunicorn.conf.py"]
    assert 'bind = "0.0.0.0:" + os.environ["PORT"]' in served
    assert "graceful_timeout = 25  # below the 30 s after which the process is killed\n" in served
    assert "envkit render heroku --out ." in served.splitlines()[1]
    everything = {artifact.path: artifact.text for artifact in render(described("everything"), ()).artifacts}
    assert "www-data" not in everything["heroku/gunicorn.conf.py"]
    assert "graceful_timeout = 10" in everything["heroku/gunicorn.conf.py"]


@pytest.fixture
def api():
    """An API that keeps the last request; its status can be set."""

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append((self.path, dict(self.headers), body))
            answer = b'{"SECRET_KEY": "canary in the answer"}'
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def configure(tmp_path, recorder, api):
    """Runs config.sh against the API with a text as standard input; the curl that runs writes down its arguments."""
    write_artifacts(render(described("everything"), SETTINGS).artifacts, tmp_path)
    (recorder.folder / ".netrc").write_text("machine 127.0.0.1 login me@example.org password token\n")
    recorder.program("curl", f'exec {shlex.quote(shutil.which("curl") or "curl")} "$@"')

    def run(text, *arguments, by=()):
        environ = recorder.environ(HEROKU_API_URL=f"http://127.0.0.1:{api.server_port}")
        return subprocess.run(
            [*by, str(tmp_path / "heroku/config.sh"), *(arguments or ("rocket2",))],
            input=text,
            capture_output=True,
            text=True,
            env=environ,
            timeout=60,
            check=False,
        )

    return run


VALUES = {"SECRET_KEY": "canary-----BEGIN\n$x`y`'\"\\ä", "AWS_LOCAL": "False"}


@pytest.mark.needs("curl")
def test_config_vars_are_set_unseen(configure, api, recorder):
    """All arrive in one request, byte for byte, and none is in an argument or in the output."""
    done = configure(channel("json").write(VALUES))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ((path, headers, body),) = api.requests
    assert path == "/apps/rocket2/config-vars"
    assert json.loads(body) == VALUES
    assert headers["Accept"] == "application/vnd.heroku+json; version=3"
    assert headers["Authorization"].startswith("Basic ")
    assert "canary" not in recorder.file.read_text()


@pytest.mark.needs("curl")
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_shell_that_traces_prints_no_value(configure, api, shell):
    """Whoever looks for a mistake by -x has the values in no log."""
    done = configure(channel("json").write(VALUES), by=(shell, "-x"))
    assert (done.returncode, len(api.requests)) == (0, 1)
    assert "set +x" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.needs("curl")
def test_a_refusal_of_the_platform_fails(configure, api):
    """The script fails, and the answer, which holds values, is not shown."""
    api.status = 422
    done = configure(channel("json").write(VALUES))
    assert done.returncode != 0
    assert "422" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"A": "' + "x" * LIMIT + '"}', f"the settings have {LIMIT + 1:,} bytes, and an app can have {LIMIT}"),
        ("A=canary\n", "standard input is not one JSON object of texts"),
        ('["canary"]', "standard input is not one JSON object of texts"),
        ('{"A": 1}', "standard input is not one JSON object of texts"),
        ("", "standard input is not one JSON object of texts"),
    ],
)
def test_what_the_platform_cannot_take(configure, api, text, problem):
    """Nothing is sent, and no value is shown."""
    done = configure(text)
    assert (done.returncode != 0, done.stderr) == (True, f"{problem}\n")
    assert api.requests == []


@pytest.mark.parametrize("app", ["", "a b", "../x", "A"])
def test_app(configure, api, app):
    """What is no app's name is refused before anything is read."""
    assert configure("{}", app).returncode == 2
    assert api.requests == []


def test_judge_accepts(tmp_path):
    """A shell reads the script; app.json is JSON."""
    deployment = described("everything")
    write_artifacts(render(deployment, SETTINGS).artifacts, tmp_path)
    assert subprocess.run(JUDGE.command(tmp_path, deployment), check=False, timeout=20).returncode == 0
    document = json.loads((tmp_path / "app.json").read_text())
    assert document["env"]["SECRET_KEY"] == {"required": True}
    assert document["formation"] == {"web": {"quantity": 1}, "worker": {"quantity": 1}}


TEXT = st.text(st.characters() | st.sampled_from("'\"\\\n\r\t#$`;&|*?!~ :-"), min_size=1, max_size=20)


@given(name=TEXT, words=st.lists(TEXT, min_size=1, max_size=3))
def test_quoting(name, words):
    """A line of the Procfile gives the shell exactly the words of the command, and app.json exactly the name."""
    deployment = Deployment(name=name, app="a:b", processes={"worker": Process(command=tuple(words))})
    try:
        texts = {artifact.path: artifact.text for artifact in render(deployment, ()).artifacts}
    except CannotQuote:
        return
    line = texts["Procfile"].split("\n")[3]
    assert shlex.split(line.removeprefix("worker: ")) == words
    assert json.loads(texts["app.json"])["name"] == name
