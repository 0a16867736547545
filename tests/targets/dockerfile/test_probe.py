"""The health probe: a script that imports little, run by `python -I -S` in the folder of the description."""

from __future__ import annotations

import runpy
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envkit.targets.dockerfile import probe

PROBE = Path(probe.__file__)
OWN = {"processes": {"web": {"command": "uvicorn shop:app --port 8000"}}}


@pytest.mark.parametrize(
    ("words", "description", "expected"),
    [
        (["/opt/venv/bin/python3", "/opt/venv/bin/gunicorn", "--config", "x", "shop:app"], {}, True),
        (["gunicorn: master [shop]"], {}, True),
        (["/sbin/docker-init", "--", "envkit", "run", "web"], {}, True),
        (["/opt/venv/bin/python3", "-m", "worker"], {}, False),
        (["/opt/venv/bin/python3", "-m", "worker"], OWN, False),
        (["/opt/venv/bin/python3", "/opt/venv/bin/uvicorn", "shop:app", "--port", "8000"], OWN, True),
        (["run-web"], {"processes": {"web": {"command": ["run-web"]}}}, True),
    ],
)
def test_which_process_is_asked(words, description, expected):
    """Only the web process has a health path; a worker is well while it runs."""
    assert probe.is_web(words, description) is expected


@pytest.mark.parametrize(
    ("http", "environ", "expected"),
    [
        ({}, {}, ("/run/shop/web.sock", "/health")),
        ({"upstream": "web:8000", "health_path": "/up"}, {}, (("127.0.0.1", 8000), "/up")),
        ({"upstream": "web:8000"}, {"PORT": "9000"}, (("127.0.0.1", 9000), "/health")),
        ({"upstream": "[::1]:8000"}, {}, (("::1", 8000), "/health")),
        ({"upstream": "127.0.0.2:8000"}, {}, (("127.0.0.2", 8000), "/health")),
        (
            {"upstream": "unix:/a"},
            {"ENVKIT_HTTP__UPSTREAM": "web:1", "ENVKIT_HTTP__HEALTH_PATH": "/b"},
            (("127.0.0.1", 1), "/b"),
        ),
    ],
)
def test_where_it_asks(http, environ, expected):
    """Where the description, or a variable that changes it, says that the web process listens."""
    assert probe.address_and_path({"name": "shop", "http": http}, environ) == expected


def test_where_it_asks_by_default_in_containers():
    """A description with a table [container] need not name the upstream."""
    assert probe.address_and_path({"name": "shop", "container": {}}, {}) == (("127.0.0.1", 8000), "/health")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, "HTTP/1.1 200 OK\n"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1, "HTTP/1.1 503 Service Unavailable\n"),
        (b"HTTP/1.1 301 Moved\r\n\r\n", 1, "HTTP/1.1 301 Moved\n"),
        (b"", 1, "\n"),
    ],
)
def test_what_the_answer_means(answer, code, said, tmp_path, monkeypatch, capsys):
    """2xx is healthy, all else is not; the request names the canonical host and the scheme, as nginx would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "envkit.toml").write_text(
            f'[http]\nupstream = "127.0.0.1:{port}"\ndomains = ["shop.example.org"]\ntls = "files"\n'
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(probe, "is_web", lambda _words, _description: True)
        asked = []

        def answer_once():
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(1000))
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        assert probe.main() == code
        thread.join()
    assert capsys.readouterr().out == said
    assert asked[0].split(b"\r\n")[:3] == [
        b"GET /health HTTP/1.1",
        b"Host: shop.example.org",
        b"X-Forwarded-Proto: https",
    ]


def test_nobody_there(tmp_path, monkeypatch, capsys):
    """Without an answer it says why; pyproject.toml is read where there is no envkit.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.envkit.http]\nupstream = "unix:{tmp_path}/no"\n')
    monkeypatch.setattr(probe, "is_web", lambda _words, _description: True)
    assert probe.main() == 1
    assert capsys.readouterr().out == "no answer: [Errno 2] No such file or directory\n"


def test_runs_alone(tmp_path):
    """It runs without site-packages, and imports neither http nor anything of envkit."""
    code = f"import runpy, sys; runpy.run_path({str(PROBE)!r}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert not {"envkit", "http.client", "pathlib", "pydantic", "ssl"} & set(done.stdout.split())
    assert runpy.run_path(str(PROBE))["PATIENCE"] == probe.PATIENCE
