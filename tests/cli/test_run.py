"""`envkit run`: wrong settings end with 78; right ones let this very process become the app's."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.ports import free_port

ENVKIT = [sys.executable, "-m", "envkit"]
REPORT = "import os, sys; print(os.getpid(), os.getppid(), sys.argv[1:], dict(os.environ) == eval(sys.stdin.read()))"


def _add(project, text):
    with (project / "envkit.toml").open("a") as file:
        file.write(text)


def _run(project, *arguments, environ=None, **options):
    environ = {**os.environ, "API_TOKEN": "a"} if environ is None else environ
    command = [*ENVKIT, "run", *arguments]
    return subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, check=False, timeout=60, **options
    )


def test_wrong_settings_exit_78_with_every_problem(project):
    """Nothing is started, and all problems stand on standard error."""
    done = _run(project, "worker", environ={**os.environ, "POOL_SIZE": "canary-x"})
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr == (
        "ShopSettings: API_TOKEN: is not set. set API_TOKEN in the environment or a .env file, "
        "or name its file in API_TOKEN_FILE\n"
        "environment: POOL_SIZE: is not a whole number\n"
    )


def test_a_wrong_description_exits_78(project):
    """So a supervisor need not start it again."""
    _add(project, 'nonsense = "x"\n')
    assert _run(project, "worker").returncode == 78


def test_a_settings_class_that_cannot_be_imported_exits_78(project):
    """It would not start either."""
    (project / "shop_settings.py").write_text("raise RuntimeError('canary')")
    done = _run(project, "worker")
    assert done.returncode == 78
    assert "canary" not in done.stderr


def test_an_unknown_process_is_a_wrong_call(project):
    """The likeliest process meant is told, and the exit code is 2."""
    done = _run(project, "workr")
    assert done.returncode == 2
    assert "envkit.toml: processes.workr: no such process. did you mean worker?" in done.stderr


def test_a_call_without_a_process_is_told_which_there_are(project):
    """Those of the description, and web, which is there without being described."""
    done = _run(project)
    assert done.returncode == 2
    assert "Error: which process? known: worker, web\n" in done.stderr


def test_a_missing_program_is_a_wrong_call(project):
    """A command that is not installed is named."""
    _add(project, '[processes.broken]\ncommand = ["no-such-program-here"]\n')
    done = _run(project, "broken")
    assert done.returncode == 2
    assert "no-such-program-here: no such program. is it installed, and in PATH?" in done.stderr


def test_the_process_takes_this_ones_place(project):
    """Same process id, same parent, the environment as it was, arguments added, and no shell to read them."""
    _add(project, f'[processes.report]\ncommand = ["python", "-c", {REPORT!r}, "$HOME; *"]\n'.replace("'", '"'))
    environ = {**os.environ, "API_TOKEN": "a", "ENVKIT_ENV": "production"}
    child = subprocess.Popen(
        [*ENVKIT, "run", "report", "--flag", "a b"],
        cwd=project,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = child.communicate(repr(environ), timeout=60)
    pid, parent, rest = out.split(" ", 2)
    assert (int(pid), int(parent)) == (child.pid, os.getpid())
    assert rest == "['$HOME; *', '--flag', 'a b'] True\n"


def test_its_exit_code_is_the_processes_own(project):
    """Whatever the process exits with is what the caller sees."""
    _add(project, "[processes.release]\ncommand = \"python -c 'raise SystemExit(7)'\"\n")
    assert _run(project, "release").returncode == 7


def test_no_check_starts_with_wrong_settings(project):
    """--no-check leaves the check to the process."""
    environ = {name: text for name, text in os.environ.items() if name != "API_TOKEN"}
    assert _run(project, "--no-check", "worker", environ=environ).stdout == "worker\n"


def test_signals_that_python_ignores_have_their_usual_effect(project):
    """A process that writes to a closed pipe dies of SIGPIPE, as one started by a shell does."""
    _add(project, '[processes.pipe]\ncommand = ["grep", "SigIgn", "/proc/self/status"]\n')
    ignored = int(_run(project, "pipe").stdout.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


# --- the socket's folder ---


def _without_a_folder(project):
    """The description of an app whose folder below /run is not there."""
    text = (project / "envkit.toml").read_text()
    (project / "envkit.toml").write_text(text.replace('name = "shop"', 'name = "no-such-app-here"'))


def test_a_socket_without_its_folder_is_said_before_gunicorn_starts(project):
    """It would try for some seconds and end without a hint; problems of the settings stand beside it."""
    _without_a_folder(project)
    environ = {name: text for name, text in os.environ.items() if name != "API_TOKEN"}
    done = _run(project, "web", environ=environ)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        "envkit.toml: http.upstream: is unix:/run/no-such-app-here/web.sock unless given, "
        "and there is no folder /run/no-such-app-here. "
        'systemd makes it on a server; in a container give http.upstream = "web:8000", or '
        "ENVKIT_HTTP__UPSTREAM=web:8000; on your own machine use `envkit up`\n"
        "ShopSettings: API_TOKEN: is not set. set API_TOKEN in the environment or a .env file, "
        "or name its file in API_TOKEN_FILE\n"
    )


def test_a_socket_of_ones_own_without_its_folder_is_said(project):
    """The folder that is missing is named."""
    done = _run(
        project, "web", environ={**os.environ, "API_TOKEN": "a", "ENVKIT_HTTP__UPSTREAM": f"unix:{project}/no/s"}
    )
    assert done.returncode == 78
    assert done.stderr == (
        f"environment: ENVKIT_HTTP__UPSTREAM: is a socket, and there is no folder {project}/no. "
        "make the folder, or give a host and port\n"
    )


def test_a_folder_that_cannot_be_written_is_said(project):
    """As where systemd made it for another user."""
    (project / "envkit.toml").write_text(
        (project / "envkit.toml").read_text().replace("[http]", '[http]\nupstream = "unix:/proc/self/web.sock"')
    )
    done = _run(project, "web")
    assert done.returncode == 78
    assert done.stderr == (
        "envkit.toml: http.upstream: is a socket, and this user may not write in /proc/self. "
        "let this user write there, or give a host and port\n"
    )


@pytest.mark.parametrize("how", ["argument", "environment", "local file", "rendered file"])
def test_gunicorn_may_be_told_to_listen_elsewhere(project, how):
    """Where its own arguments, variable or files say where it listens, the socket's folder need not be there."""
    _without_a_folder(project)
    address = f"127.0.0.1:{free_port()}"
    (project / "deploy").mkdir()
    if how == "local file":
        (project / "deploy/gunicorn.local.py").write_text(f"bind = '{address}'\n")
    if how == "rendered file":
        (project / "deploy/gunicorn.conf.py").write_text(f"bind = '{address}'\ncontrol_socket_disable = True\n")
    child = subprocess.Popen(
        [*ENVKIT, "run", "web", *(["--bind", address] if how == "argument" else [])],
        cwd=project,
        env={
            **os.environ,
            "API_TOKEN": "a",
            **({"GUNICORN_CMD_ARGS": f"--bind={address}"} if how == "environment" else {}),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert _until(lambda: _get(int(address.rpartition(":")[2]))) == "well\n"
    finally:
        child.terminate()
        child.wait(timeout=60)


# --- gunicorn -------------------------------------------------------------------------------------------------------

SLOW_APP = """\
import os, time
def create_app():
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            open("slow-began", "w").close()
            time.sleep(1.5)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getppid()).encode()]
    return app
"""


def _get(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _until(condition):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if result := condition():
                return result
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@contextmanager
def _serving(project, *arguments, environ=(), before=()):
    port = free_port()
    text = (project / "envkit.toml").read_text().replace("[http]", f'[http]\nupstream = "127.0.0.1:{port}"')
    (project / "envkit.toml").write_text(text)
    (project / "shop.py").write_text(SLOW_APP)
    if "--rendered" in arguments:
        subprocess.run([*ENVKIT, "render", "gunicorn"], cwd=project, check=True, capture_output=True)
    given = [argument for argument in arguments if argument != "--rendered"]
    child = subprocess.Popen(
        [*before, *ENVKIT, "run", *given, "web"],
        cwd=project,
        env={**os.environ, "API_TOKEN": "a", **dict(environ)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield child, port
    finally:
        if child.poll() is None:
            child.terminate()
        child.communicate(timeout=60)


@pytest.mark.parametrize("how", [[], ["--rendered"]], ids=["rendered at start", "rendered before"])
def test_web_is_gunicorn_itself_and_ends_running_requests_first(project, how):
    """SIGTERM to the process we started drains: the running request gets its answer, then it exits 0."""
    with _serving(project, *how) as (child, port):
        assert _until(lambda: _get(port)) == str(child.pid)
        slow = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/slow').status)",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        _until((project / "slow-began").exists)
        child.send_signal(signal.SIGTERM)
        assert slow.communicate(timeout=30)[0] == "200\n"
        assert child.wait(timeout=30) == 0


def test_gunicorn_reads_its_file_again_on_hup(project):
    """A file rendered into memory is still there when gunicorn reloads."""
    with _serving(project) as (child, port):
        _until(lambda: _get(port))
        child.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert _until(lambda: _get(port)) == str(child.pid)
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert "Hang up" in out


def test_every_line_of_the_log_is_json_when_it_is_rendered_at_start(project):
    """From the first line to the last: gunicorn has nothing to say about where its file lies."""
    with _serving(project) as (child, port):
        _until(lambda: _get(port))
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=30)
    messages = [json.loads(line).get("message", "") for line in out.splitlines()]
    assert any(message.startswith("Starting gunicorn") for message in messages)
    assert any(message.startswith("Shutting down") for message in messages)


READ_ONLY = 'mount --make-rprivate / && mount -o remount,ro,bind / && ! touch "$PWD/x" 2>/dev/null && exec "$@"'


@pytest.mark.needs("unshare")
def test_a_file_system_that_cannot_be_written_is_enough(project):
    """As in a container with --read-only and no /tmp, where only /dev/shm can be written."""
    own_namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    with _serving(project, before=[*own_namespace, "sh", "-c", READ_ONLY, "sh"]) as (child, port):
        assert _until(lambda: _get(port)) == str(child.pid)


def test_overrides_in_the_environment_beat_the_rendered_file(project):
    """One image serves several stages: ENVKIT_… variables change what was rendered earlier."""
    other = free_port()
    with _serving(project, "--rendered", environ={"ENVKIT_HTTP__UPSTREAM": f"127.0.0.1:{other}"}) as (child, _):
        assert _until(lambda: _get(other)) == str(child.pid)


def test_an_empty_web_concurrency_is_none(project):
    """Compose makes an unset variable an empty one, of which gunicorn alone dies while it is imported."""
    with _serving(project, environ={"WEB_CONCURRENCY": ""}) as (child, port):
        assert _until(lambda: _get(port)) == str(child.pid)
    done = _run(project, "web", environ={**os.environ, "API_TOKEN": "a", "WEB_CONCURRENCY": "many"})
    assert (done.returncode, done.stderr) == (78, "environment: WEB_CONCURRENCY: must be a whole number of workers\n")


def test_what_the_environment_says_wrong_of_the_description_hides_no_problem_of_the_settings(project):
    """Both are told at once, and what both say is told once."""
    settings = project / "shop_settings.py"
    settings.write_text(f"{settings.read_text()}    web_concurrency: int = 1\n")
    wrong = {**os.environ, "WEB_CONCURRENCY": "many", "POOL_SIZE": "canary"}
    done = _run(project, "web", environ=wrong)
    assert done.returncode == 78
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["WEB_CONCURRENCY", "API_TOKEN", "POOL_SIZE"]
    wrong["ENVKIT_HTTP__TLS"] = "no"
    named = [line.split(": ")[1] for line in _run(project, "web", environ=wrong).stderr.splitlines()]
    assert sorted(named) == ["API_TOKEN", "ENVKIT_HTTP__TLS", "POOL_SIZE", "WEB_CONCURRENCY"]
    assert "API_TOKEN" not in _run(project, "--no-check", "web", environ=wrong).stderr


@pytest.mark.parametrize("port", ["0", "-1", "65536", "many", "80/tcp", "²", "1" * 5000])
def test_a_port_that_is_none(project, port):
    """PORT decides where gunicorn listens, which would end with a traceback, or listen where nobody looks."""
    text = (project / "envkit.toml").read_text().replace("[http]", '[http]\nupstream = "web:8000"')
    (project / "envkit.toml").write_text(text)
    done = _run(project, "web", environ={**os.environ, "API_TOKEN": "a", "PORT": port})
    problem = "environment: PORT: must be a port: a whole number from 1 to 65535, or unset\n"
    assert (done.returncode, done.stderr) == (78, problem)


def test_lines_of_ones_own_are_read_when_it_is_rendered_at_start(project):
    """gunicorn.local.py in the output folder counts, though the file itself lies in memory."""
    (project / "deploy").mkdir()
    (project / "deploy/gunicorn.local.py").write_text("open('local-was-read', 'w').close()\n")
    with _serving(project) as (_, port):
        _until(lambda: _get(port))
    assert (project / "local-was-read").exists()


def test_a_file_of_ones_own_can_be_named(project):
    """--config names gunicorn's file; one that is not there is a wrong call."""
    port = free_port()
    (project / "mine.py").write_text(f"bind = '127.0.0.1:{port}'\ncontrol_socket_disable = True\n")
    with _serving(project, "--config", "mine.py") as (child, _):
        assert _until(lambda: _get(port)) == str(child.pid)
    assert _run(project, "--config", "nope.py", "web").returncode == 2


def test_web_with_a_command_of_its_own(project):
    """Then gunicorn is not asked."""
    _add(project, '[processes.web]\ncommand = ["python", "-c", "print(42)"]\n')
    assert _run(project, "web").stdout == "42\n"
