"""`envkit up`: the app answers on loopback through the real programs, and nothing is left over."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

ENVKIT = [sys.executable, "-m", "envkit", "up"]
ECHO_APP = """\
import json, os
def create_app():
    def app(environ, start_response):
        known = {name: text for name, text in environ.items() if isinstance(text, str)}
        known["stage"] = os.environ.get("ENVKIT_ENV", "")
        known["greeting"] = os.environ.get("GREETING", "")
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(known).encode()]
    return app
"""


class _Up:
    """A running `envkit up`."""

    def __init__(self, project, arguments, environ):
        self.temporary = project / "tmp"
        self.temporary.mkdir(exist_ok=True)
        # Socket paths are short; pytest's folders are not.
        self.scratch = Path(subprocess.check_output(["mktemp", "-d", "/tmp/up-XXXXXX"], text=True).strip())
        self.child = subprocess.Popen(
            [*ENVKIT, *arguments],
            cwd=project,
            env={**os.environ, "API_TOKEN": "a", "TMPDIR": str(self.scratch), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.child.stderr))
        self._reader.start()

    def port(self):
        """Waits for the address and gives its port."""
        line = self.child.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:([0-9]+)/\n", line)
        assert found, (line, self.errors())
        return int(found[1])

    def errors(self):
        """Everything on standard error, once it has ended."""
        self.child.wait(timeout=60)
        self._reader.join(timeout=60)
        return "".join(self.lines)

    def family(self):
        """The process ids of everything it started."""
        pids, found = [self.child.pid], []
        while pids:
            pid = pids.pop()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pids += map(int, children)
            found += map(int, children)
        return found


@contextmanager
def _up(project, *arguments, environ=None):
    up = _Up(project, arguments, environ or {})
    try:
        yield up
    finally:
        if up.child.poll() is None:
            up.child.terminate()
            up.child.wait(timeout=60)
        up._reader.join(timeout=60)
        left = [path.name for path in up.scratch.iterdir()]
        subprocess.run(["rm", "-rf", str(up.scratch)], check=True)
        up.child.stdout.close()
        up.child.stderr.close()
    assert left == []


def _get(port, path="/", host="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def shop(project):
    """The project with an app that tells what it was asked."""
    (project / "shop.py").write_text(ECHO_APP)
    return project


@pytest.mark.needs("nginx")
def test_nginx_and_gunicorn_answer_and_both_end(shop):
    """The address is printed once it answers; SIGTERM ends everything, exit code 0, nothing left in the folder."""
    with _up(shop) as up:
        port = up.port()
        status, headers, body = _get(port)
        assert (status, headers["Server"]) == (200, "nginx")
        assert '"HTTP_X_FORWARDED_PROTO": "http"' in body
        assert '"stage": "development"' in body
        family = up.family()
        assert len(family) >= 4
        up.child.terminate()
        assert up.child.wait(timeout=60) == 0
        assert not any(_is_running(pid) for pid in family)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        assert up.child.stdout.read() == ""


@pytest.mark.needs("nginx")
def test_ctrl_c_ends_all_and_a_foreign_host_is_refused(shop):
    """Localhost is answered, another name is not (DNS rebinding), and SIGINT is the ordinary end."""
    with _up(shop) as up:
        port = up.port()
        assert _get(port, host="localhost")[0] == 200
        with pytest.raises(ConnectionError):
            _get(port, host="evil.example")
        up.child.send_signal(signal.SIGINT)
        assert up.child.wait(timeout=60) == 0


@pytest.mark.needs("nginx")
def test_tls_is_off_and_static_files_are_found_here(shop):
    """A description for a server is served: without its certificates, with the static folder of the project."""
    (shop / "shop_static").mkdir()
    (shop / "shop_static/app.css").write_text("a{}")
    text = (shop / "envkit.toml").read_text()
    text = text.replace("[http]", '[http]\ntls = "letsencrypt"\nemail = "a@example.org"')
    text += '[http.static."/static/"]\ndirectory = "/srv/shop/shop_static"\n'
    text += '[http.static."/other/"]\ndirectory = "/srv/shop/nowhere"\n'
    text += f'[http.static."/refused/"]\ndirectory = "/srv/{"x" * 300}/y"\n'  # by the system, as a closed folder is
    text += '[processes.web]\nuser = "nobody-here"\ngroup = "nobody-here"\n'
    (shop / "envkit.toml").write_text(text)
    with _up(shop) as up:
        port = up.port()
        assert _get(port, "/static/app.css")[2] == "a{}"
        assert _get(port, "/other/x")[0] == 200  # the app
        up.child.terminate()
        errors = up.errors()
    assert "TLS is off here; the description says letsencrypt\n" in errors
    assert "no such folder on this machine, so the app itself serves /other/, /refused/\n" in errors


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("victim", ["nginx", "gunicorn"])
def test_when_one_dies_the_other_is_ended(shop, victim):
    """Exit code 1, the name of the one that died, and no process left."""
    with _up(shop) as up:
        up.port()
        family = up.family()
        masters = Path(f"/proc/{up.child.pid}/task/{up.child.pid}/children").read_text().split()
        words = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in masters}
        (pid,) = (pid for pid in words if (b"gunicorn\0" in words[pid]) is (victim == "gunicorn"))
        os.kill(pid, signal.SIGKILL)
        assert up.child.wait(timeout=60) == 1
        assert f"{victim} ended by itself (by SIGKILL)" in up.errors()
        assert not any(_is_running(pid) for pid in family)


@pytest.mark.needs("nginx")
def test_it_tells_what_serves_and_how_to_see_the_maintenance_page(shop):
    """The file that the last line names turns every answer into 503, and its removal turns it back."""
    flag = shop / "kept/maintenance"
    with _up(shop, "--dir", "kept") as up:
        port = up.port()
        flag.touch()
        assert _get(port)[0] == 503
        flag.unlink()
        assert _get(port)[0] == 200
        up.child.terminate()
        errors = up.errors()
    assert "nginx and gunicorn serve shop there; Ctrl-C ends both\n" in errors
    assert f"to see the maintenance page: touch {flag}; to end it: rm {flag}\n" in errors


def test_without_nginx_gunicorn_answers_alone(shop):
    """--no-nginx; PORT of the environment moves nothing, and an empty WEB_CONCURRENCY counts as unset."""
    with _up(shop, "--no-nginx", environ={"PORT": "1", "WEB_CONCURRENCY": ""}) as up:
        status, headers, _ = _get(up.port())
        assert (status, headers["Server"]) == (200, "gunicorn")
        assert len(up.family()) >= 2
        up.child.terminate()
        assert "gunicorn serves shop there; Ctrl-C ends it\n" in up.errors()


def test_a_missing_nginx_is_said(shop, envkit, monkeypatch):
    """Where nginx is not installed one line says so, and gunicorn answers alone."""
    served = []
    monkeypatch.setattr("envkit.operations.supervising.end_as_by_ctrl_c", lambda: None)
    monkeypatch.setattr("envkit.operations.nginx_program.find_nginx", lambda: None)
    monkeypatch.setattr("envkit.operations.serving.serve", lambda *_, **options: served.append(options["nginx"]) or 0)
    monkeypatch.setenv("API_TOKEN", "a")
    assert envkit("up").err == "nginx is not installed here; gunicorn answers alone\n"
    assert served == [None]
    assert shop.exists()


def test_the_port_asked_for_is_taken_or_refused(shop):
    """A taken port is an error where it was asked for, and the next one where it was not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with _up(shop, "--no-nginx", "--port", str(port)) as up:
            assert up.child.wait(timeout=60) == 1
            assert up.errors() == f"port {port}: address already in use. choose another by --port\n"


@pytest.mark.parametrize("port", ["80x", "0", "65536", "-1", "", "\u0668", "9" * 5000])
def test_what_is_no_port_is_a_wrong_call(envkit, port):
    """Said in words of ports, before anything is read."""
    result = envkit("up", "--port", port)
    assert result.code == 2
    assert f"'--port': {port!r} is not a port: a whole number from 1 to 65535\n" in result.err


def test_a_signal_while_it_prepares_leaves_nothing(shop):
    """SIGTERM before anything is started ends it as Ctrl-C does; its folder is gone."""
    text = (
        "import os, signal\nfrom envkit import Settings\n"
        "os.kill(os.getpid(), signal.SIGTERM)\nclass ShopSettings(Settings): ...\n"
    )
    (shop / "shop_settings.py").write_text(text)
    with _up(shop, "--no-nginx") as up:
        assert up.child.wait(timeout=60) == 130


def test_an_env_file_that_cannot_be_read_is_said(shop):
    """A missing file is an error with its path."""
    with _up(shop, "--no-nginx", "--env-file", "nope.env") as up:
        assert up.errors().startswith("nope.env: no such file")
        assert up.child.returncode == 1


def test_an_app_that_does_not_start_ends_it(shop):
    """Gunicorn's own message is shown, and the exit code is 1."""
    (shop / "shop.py").write_text("def create_app():\n    raise RuntimeError('no database today')\n")
    with _up(shop, "--no-nginx") as up:
        assert up.child.wait(timeout=60) == 1
        errors = up.errors()
    assert "no database today" in errors
    # 3, or 1 where a second worker fails while gunicorn stops because of the first.
    assert re.search(r"gunicorn ended by itself \(exit code [13]\); the reason stands above", errors)


def test_an_app_that_misses_what_stands_in_the_env_file_is_told_how_to_get_it(shop):
    """`.env` reaches an app by load_settings, or by --env-file; one that reads os.environ alone died without a word."""
    (shop / ".env").write_text("SECRET_KEY=s\nLEVEL=1\n")
    code = "import os\ndef create_app():\n    os.environ.get('LEVEL'), os.environ['SECRET_KEY']\n"
    (shop / "shop.py").write_text(code)
    with _up(shop, "--no-nginx") as up:
        errors = up.errors()
    assert "; the reason stands above\n" in errors  # another worker may say its own behind this
    assert errors.endswith(
        "\nthe code reads SECRET_KEY from os.environ, into which envkit puts no .env: "
        "let it take its settings from load_settings, or run `envkit up --env-file .env`\n"
    )
    (shop / "shop.py").write_text(f"def load_dotenv(): ...\nload_dotenv()\n{code}")
    with _up(shop, "--no-nginx") as up:
        errors = up.errors()
    assert "; the reason stands above\n" in errors
    assert "the code reads" not in errors  # it has a way of its own


def test_wrong_settings_are_printed_and_nothing_is_started(shop):
    """Every problem, exit code 1."""
    with _up(shop, environ={"API_TOKEN": "", "POOL_SIZE": "x"}) as up:
        assert up.child.wait(timeout=60) == 1
        errors = up.errors()
    assert "environment: API_TOKEN: is empty, which counts as not set" in errors
    assert "environment: POOL_SIZE: is not a whole number" in errors
    assert "gunicorn" not in errors


def test_env_files_reach_the_app(shop):
    """--env-file gives the app what the file says; what is exported stays stronger; a problem names the file."""
    (shop / "demo.env").write_text("GREETING=from the file\nAPI_TOKEN=b\n")
    with _up(shop, "--no-nginx", "--env-file", "demo.env") as up:
        assert '"greeting": "from the file"' in _get(up.port())[2]
    (shop / "demo.env").write_text("POOL_SIZE=x\n")
    with _up(shop, "--no-nginx", "--env-file", "demo.env") as up:
        assert "demo.env:1: POOL_SIZE: is not a whole number" in up.errors()


@pytest.mark.parametrize(("text", "stage"), [("", "development"), ("ENVKIT_ENV=staging\n", "staging")])
def test_the_stage_is_development_unless_a_file_says_otherwise(shop, text, stage):
    """`up` is for development; `.env` may name another stage."""
    (shop / ".env").write_text(text)
    with _up(shop, "--no-nginx") as up:
        assert f'"stage": "{stage}"' in _get(up.port())[2]


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("options", [(), ("--no-nginx",)])
def test_the_terminal_shows_text(shop, options):
    """What gunicorn says, and the line for each request, are text for people, whatever the description says."""
    with _up(shop, *options) as up:
        _get(up.port(), "/some-page")
        up.child.terminate()
        errors, out = up.errors(), up.child.stdout.read()
    assert "[INFO] Listening at" in errors
    (line,) = [line for line in (errors + out).splitlines() if "/some-page" in line]
    assert '"GET /some-page HTTP/1.1" 200' in line
    assert not [line for line in (errors + out).splitlines() if line.startswith("{")]


@pytest.mark.needs("nginx")
def test_the_files_can_be_kept(shop):
    """--dir keeps the rendered files; a path with a blank, which no socket of nginx can have, takes a port."""
    with _up(shop, "--dir", "kept here") as up:
        assert _get(up.port())[0] == 200
    assert (shop / "kept here/nginx/nginx.conf").is_file()
    assert (shop / "kept here").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "/health answers 404; http.health_path should name a path that answers 200"),
        (400, "/health answers 400; an app that knows its host names, as by ALLOWED_HOSTS, must know 127.0.0.1 here\n"),
    ],
)
def test_a_health_path_that_is_not_there_is_said(shop, status, words):
    """An app that answers 404 there is up all the same, and one that refuses this host, as Django does, by 400."""
    app = ECHO_APP.replace('"200 OK"', f'"{status} Nope" if environ["PATH_INFO"] == "/health" else "200 OK"')
    (shop / "shop.py").write_text(app)
    with _up(shop, "--no-nginx") as up:
        up.port()
        up.child.terminate()
        assert words in up.errors()


@pytest.mark.needs("nginx", "setpriv")
@pytest.mark.skipif(os.geteuid() != 0, reason="another user can only be taken by root")
def test_no_rights_are_needed(shop):
    """A user who is nobody in particular can serve the app."""
    scratch = Path(subprocess.check_output(["mktemp", "-d", "/tmp/up-XXXXXX"], text=True).strip())
    try:
        for name in ("envkit.toml", "shop.py", "shop_settings.py"):
            (scratch / name).write_bytes((shop / name).read_bytes())
        scratch.chmod(0o777)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", *ENVKIT]
        probe = subprocess.run([*command, "--help"], cwd=scratch, capture_output=True, check=False)
        if probe.returncode != 0:
            pytest.skip("this Python's folder is not open to other users")
        with subprocess.Popen(
            command,
            cwd=scratch,
            env={"PATH": os.environ["PATH"], "API_TOKEN": "a", "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as child:
            port = int(child.stdout.readline().rstrip("/\n").rpartition(":")[2])
            assert _get(port)[0] == 200
            child.terminate()
            assert child.wait(timeout=60) == 0
    finally:
        subprocess.run(["rm", "-rf", str(scratch)], check=True)
