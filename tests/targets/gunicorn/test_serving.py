"""gunicorn itself, run with the rendered file: sockets, workers, stopping, and the lines it logs."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.gunicorn import render

HEAD = 'name = "shop"\napp = "shop:app"\n'
APP = """
import os, time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("slow", "w").close()
        time.sleep(1)
    body = f"{os.getpid()} {environ['wsgi.url_scheme']} {environ['wsgi.multiprocess']}".encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Request-ID", "made-by-the-app")])
    return [body]
"""
DEADLINE = 20


class Server:
    """A gunicorn that serves the little app above with the file rendered from a description."""

    def __init__(self, folder, description, environ=None, arguments=(), app=APP):
        self.folder = folder
        (folder / "shop.py").write_text(app)
        rendered = render(read_description(HEAD + description, {})).artifacts[0].text
        (folder / "gunicorn.conf.py").write_text(rendered.replace("/run/shop/", f"{folder}/"))
        self.out = folder / "out"
        self.err = folder / "err"
        clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *arguments],
                cwd=folder,
                env={**clean, **(environ or {})},
                stdout=out,
                stderr=err,
            )

    def wait_for(self, condition):
        """Returns when the condition holds; fails with gunicorn's messages when it ends or takes too long."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < end, self.err.read_text()
            time.sleep(0.02)

    def ready(self, address):
        """Waits until the address answers."""
        self.wait_for(lambda: answers(address))
        return self

    def children(self):
        """The workers' process ids."""
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def stop(self):
        """Stops as systemd would, and gives the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE)


@pytest.fixture
def serve(tmp_path):
    """Starts a server; all are stopped at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(description, environ=None, arguments=(), app=APP):
            server = Server(tmp_path, description, environ, arguments, app)
            stack.callback(server.stop)
            return server

        yield start


def connect(address):
    """A connection to a socket's path, or to a host and port."""
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.settimeout(DEADLINE)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def answers(address):
    """Whether somebody listens there."""
    try:
        connect(address).close()
    except OSError:
        return False
    return True


def ask(address, request):
    """The whole answer to the bytes of a request."""
    with connect(address) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def get(path="/", headers=""):
    """The bytes of a GET request; each character of `headers` is one byte."""
    return f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{headers}\r\n".encode("latin-1")


@pytest.fixture
def port():
    """A TCP port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_stopped_while_workers_begin(serve, tmp_path):
    """A worker that has just begun is stopped with the others, where gunicorn by itself loses the signal on its way."""
    (tmp_path / "gunicorn.local.py").write_text("import time\n\ndef post_fork(server, worker):\n    time.sleep(1)\n")
    server = serve("[processes.web]\nworkers = 2\n")
    server.wait_for(lambda: server.err.read_text().count("Booting worker") == 2)
    assert server.stop() == 0
    assert "Shutting down" in server.err.read_text()


def test_worker_that_cannot_begin_while_stopping(serve, tmp_path):
    """While gunicorn stops, a worker that cannot begin does not end it before the others have answered."""
    app = """
import os, time

if os.path.exists("broken"):
    open("begun", "w").close()
    while not os.path.exists("stopping"):
        time.sleep(0.02)
    raise RuntimeError("half of the app")

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        with open("slow.new", "w") as file:
            file.write(str(os.getpid()))
        os.rename("slow.new", "slow")
        while not os.path.exists("answer"):
            time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]
"""
    address = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nworkers = 2\n", app=app).ready(address)
    server.wait_for(lambda: len(server.children()) == 2)
    with connect(address) as slow:
        slow.sendall(get("/slow"))
        server.wait_for((tmp_path / "slow").exists)
        (tmp_path / "broken").touch()
        (idle,) = set(server.children()) - {(tmp_path / "slow").read_text()}
        os.kill(int(idle), signal.SIGKILL)
        server.wait_for((tmp_path / "begun").exists)
        server.process.terminate()
        server.wait_for(lambda: not Path(address).exists())
        (tmp_path / "stopping").touch()
        server.wait_for(lambda: "exited with code 3" in server.err.read_text())
        (tmp_path / "answer").touch()
        assert server.stop() == 0
        assert slow.recv(65536).endswith(b"well")


@pytest.mark.parametrize("worker_class", ["gthread", "sync"])
def test_large_body_left_unread(serve, tmp_path, worker_class):
    """An answer reaches a client that has not sent all of its body yet, though the app does not read it."""
    address = str(tmp_path / "web.sock")
    serve(f'[processes.web]\nworkers = 1\nworker_class = "{worker_class}"\n').ready(address)
    body = b"x" * 10_000_000
    head = f"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    assert ask(address, head.encode() + body).startswith(b"HTTP/1.1 200 OK\r\n")


def test_stopping_an_apps_own_process(serve, tmp_path):
    """What an app starts by itself, preloaded or in a worker, gets its signals as ever: none are held back there."""
    app = """
import os, signal

def in_a_child():
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        handler = getattr(signal.getsignal(signal.SIGINT), "__name__", None)
        os.write(writes, f"{signal.pthread_sigmask(signal.SIG_BLOCK, ())} {handler}, ".encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(reads, 100)

while_preloaded = in_a_child()

def app(environ, start_response):
    body = while_preloaded + in_a_child()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
    address = str(tmp_path / "web.sock")
    serve("[processes.web]\nworkers = 1\npreload = true\n", app=app).ready(address)
    assert ask(address, get()).endswith(b"\r\n\r\nset() default_int_handler, set() handle_quit, ")


def test_socket_mode(serve, tmp_path):
    """The unix socket lets in its owner and group alone, whatever umask gunicorn was started with."""
    path = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nworkers = 1\n", {"PORT": "1"}).ready(path)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o770
    assert ask(path, get(headers="X-Forwarded-Proto: https\r\n")).endswith(b" https False")
    assert server.stop() == 0


def test_graceful_stop(serve, tmp_path):
    """A request that runs when the stop is asked for still gets its whole answer."""
    path = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nworkers = 1\n").ready(path)
    with connect(path) as connection:
        connection.sendall(get("/slow"))
        server.wait_for((tmp_path / "slow").exists)
        server.process.send_signal(signal.SIGTERM)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b" http False")
    assert server.process.wait(DEADLINE) == 0


def test_port_and_concurrency_are_honoured(serve, port):
    """PORT and WEB_CONCURRENCY change the port and the workers, and FORWARDED_ALLOW_IPS changes nothing."""
    server = serve(
        '[http]\nupstream = "127.0.0.1:1"\n',
        {"PORT": str(port), "WEB_CONCURRENCY": "3", "FORWARDED_ALLOW_IPS": "192.0.2.1"},
    ).ready(("127.0.0.1", port))
    server.wait_for(lambda: len(server.children()) == 3)
    answer = ask(("127.0.0.1", port), get(headers="X-Forwarded-Proto: https\r\n"))
    assert answer.endswith(b" https True")


def test_no_control_socket(serve, tmp_path):
    """Nothing but the socket asked for appears in the home folder."""
    path = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nworkers = 1\n").ready(path)
    ask(path, get())
    assert [str(file) for file in tmp_path.rglob("*") if file.is_socket()] == [path]
    server.stop()


@pytest.mark.parametrize(
    ("environ", "arguments", "origin"),
    [
        ({"WEB_CONCURRENCY": "2"}, [], "environment: WEB_CONCURRENCY"),
        ({}, ["-w", "2"], "gunicorn: workers"),
        ({"GUNICORN_CMD_ARGS": "--workers=2"}, [], "gunicorn: workers"),
    ],
)
def test_singleton_refuses_more_workers(serve, environ, arguments, origin):
    """A singleton asked for two workers does not start, and says why."""
    server = serve("[processes.web]\nsingleton = true\n", environ, arguments)
    assert server.process.wait(DEADLINE) == 1
    assert f"{origin}: must be 1 or unset: the process is a singleton" in server.err.read_text()


def test_singleton_stays_one(serve, tmp_path):
    """The signal that adds a worker adds none to a singleton."""
    path = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nsingleton = true\n", {"WEB_CONCURRENCY": "1"}).ready(path)
    server.process.send_signal(signal.SIGTTIN)
    server.wait_for(lambda: "workers: must be 1 or unset" in server.err.read_text())
    assert ask(path, get()).endswith(b" http False")
    assert len(server.children()) == 1


def test_own_lines_survive(serve, tmp_path):
    """gunicorn.local.py beside the file has the last word."""
    (tmp_path / "gunicorn.local.py").write_text("proc_name = 'mine'\nbind = 'unix:' + wsgi_app.replace(':', '-')\n")
    serve("[processes.web]\nworkers = 1\n").ready(str(tmp_path / "shop-app"))


HOSTILE = [
    get('/"quoted"?q="%22\\', 'User-Agent: "};{"admin": true}\\\r\nX-Request-ID: id-1\r\n'),
    get("/%0a%00%1b", "User-Agent: tab\there %s %(h)s {0}\r\nReferer: \x85\xa0\xff\r\n"),
    get(
        "/%e2%80%a8", "User-Agent: " + "ä€".encode().decode("latin-1") + "\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.7\r\n"
    ),
    get("/" + "a" * 4000, "User-Agent: " + "\\" * 3001 + "\r\n"),
]


def test_json_lines(serve, port):
    """Each request is one line of JSON with its id, whatever it holds; the health path is not logged."""
    address = ("127.0.0.1", port)
    server = serve(f'[http]\nupstream = "127.0.0.1:{port}"\n[processes.web]\nworkers = 1\n[logs]\naccess = "app"\n')
    server.ready(address)
    for request in HOSTILE:
        assert ask(address, request).startswith(b"HTTP/1.1 200 OK")
    ask(address, get("/health"))
    ask(address, get("/last"))
    server.wait_for(lambda: "/last" in server.out.read_text())
    assert server.out.read_bytes().isascii()
    lines = [json.loads(line) for line in server.out.read_text().splitlines()]
    assert [line["uri"] for line in lines] == [
        '/"quoted"?q="%22\\',
        "/%0a%00%1b",
        "/%e2%80%a8",
        "/" + "a" * 4000,
        "/last",
    ]
    assert [line["request_id"] for line in lines] == ["id-1", *["made-by-the-app"] * 4]
    assert [line["client"] for line in lines] == ["127.0.0.1", "127.0.0.1", "192.0.2.7", "127.0.0.1", "127.0.0.1"]
    assert lines[0]["user_agent"] == '"};{"admin": true}\\'
    assert lines[1]["user_agent"] == "tab\there %s %(h)s {0}"
    assert lines[2]["user_agent"].encode("latin-1").decode() == "ä€"
    assert lines[4]["status"] == 200
    assert lines[4]["host"] == "shop.example"
    assert lines[4]["bytes"] > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone may change accounts")
@pytest.mark.parametrize("group", ["", 'group = "www-data"\n'])
def test_accounts(group):
    """Started by root, a worker ends up as the user and group described, with nothing of root's left."""
    account = pwd.getpwnam("www-data")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "gunicorn.local.py").write_text(
            "def app(environ, start_response):\n"
            "    body = f'{os.getresuid()} {os.getresgid()} {os.getgroups()}'.encode()\n"
            "    start_response('200 OK', [('Content-Length', str(len(body)))])\n"
            "    return [body]\n"
            "sys.modules['shop'] = type(os)('shop')\n"
            "sys.modules['shop'].app = app\n"
        )
        path = f"{folder}/web.sock"
        server = Server(Path(folder), f'[processes.web]\nworkers = 1\nuser = "www-data"\n{group}')
        try:
            answer = ask(path, get()) if server.ready(path) else b""
            owner = Path(path).stat()
        finally:
            server.stop()
    ids = ((account.pw_uid,) * 3, (account.pw_gid,) * 3, [account.pw_gid])
    assert answer.decode().partition("\r\n\r\n")[2] == "{} {} {}".format(*ids)
    assert (owner.st_uid, owner.st_gid) == (account.pw_uid, account.pw_gid)


def test_no_access_log(serve, tmp_path):
    """Where nginx logs the requests, gunicorn logs none, and its own messages go to standard error."""
    path = str(tmp_path / "web.sock")
    server = serve("[processes.web]\nworkers = 1\n").ready(path)
    ask(path, get())
    server.stop()
    assert server.out.read_text() == ""
    assert "Listening at" in server.err.read_text()
