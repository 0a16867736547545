"""The health probe: a script that imports little, run by `python -I -S` in the folder of the description."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.dockerfile import probe

PROBE = Path(probe.__file__)
WILDCARD = {"ENVKIT_HTTP__DOMAINS": "*.example.org", "ENVKIT_HTTP__TLS": "off"}
STAGING = {"ENVKIT_HTTP__DOMAINS": "staging.example.org,b.example.org", "ENVKIT_HTTP__TLS": "off"}
OWN = ["uvicorn", "shop:app", "--port", "8000"]


@pytest.mark.parametrize(
    ("words", "command", "expected"),
    [
        (["/opt/venv/bin/python3", "/opt/venv/bin/gunicorn", "--config", "x", "shop:app"], [], True),
        (["gunicorn: master [shop]"], [], True),
        (["/sbin/docker-init", "--", "envkit", "run", "web"], [], True),
        (["/opt/venv/bin/python3", "-m", "worker"], [], False),
        (["/opt/venv/bin/python3", "-m", "worker"], OWN, False),
        (["/opt/venv/bin/python3", "/opt/venv/bin/uvicorn", "shop:app", "--port", "8000"], OWN, True),
        (["run-web"], ["run-web"], True),
    ],
)
def test_which_process_is_asked(words, command, expected):
    """Only the web process has a health path; a worker is well while it runs."""
    assert probe.is_web(words, command) is expected


@pytest.mark.parametrize(
    ("upstream", "port", "expected"),
    [
        ("unix:/run/shop/web.sock", "9000", "/run/shop/web.sock"),
        ("web:8000", None, ("127.0.0.1", 8000)),
        ("web:8000", "9000", ("127.0.0.1", 9000)),
        ("[::1]:8000", None, ("::1", 8000)),
        ("127.0.0.2:8000", "", ("127.0.0.2", 8000)),
    ],
)
def test_where_it_asks(upstream, port, expected):
    """Where the web process listens; PORT moves it, as it moves gunicorn."""
    assert probe.address(upstream, port) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "shop"\n', ["unix:/run/shop/web.sock", "/health", "localhost", "http"]),
        ('name = "shop"\n[container]\n', ["web:8000", "/health", "localhost", "http"]),
        (
            """
[http]
upstream = "a:1"
health_path = "/up"
domains = ["a.org", "b.org"]
tls = "upstream"
[processes.web]
command = "uvicorn shop:app --port 8000"
""",
            ["a:1", "/up", "a.org", "https", *OWN],
        ),
        (
            '[processes.web]\ncommand = ["a", "b\\nc"]\n',
            ["unix:/run/None/web.sock", "/health", "localhost", "http", "a", "b\nc"],
        ),
    ],
)
def test_what_the_description_says(text, expected, tmp_path, monkeypatch):
    """What it reads once it remembers, until the file changes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "envkit.toml").write_text(text)
    (tmp_path / "memory").mkdir()
    assert [probe.facts(str(tmp_path / "memory")) for _ in range(2)] == [expected] * 2
    remembered = list((tmp_path / "memory").iterdir())
    assert [file.read_text().split("\n") for file in remembered] == ([] if "b\nc" in expected else [expected])
    (tmp_path / "envkit.toml").write_text('[http]\nupstream = "changed-since:1"\n')
    assert probe.facts(str(tmp_path / "memory"))[0] == "changed-since:1"
    assert probe.facts(str(tmp_path / "no-such-folder"))[0] == "changed-since:1"


@pytest.mark.parametrize(
    ("domains", "host"),
    [
        ("", ""),
        (" , ", ""),
        ("staging.example.org", "staging.example.org"),
        ("a.example,b.example", "a.example"),
        (' ["a.example", "b.example"]', "a.example"),
    ],
)
def test_the_domain_of_the_environment(domains, host):
    """One image serves several stages: the first domain of an override is the host that is asked for."""
    assert probe.first_of(domains) == host
    overridden = read_description('name = "a"\napp = "a:a"\n', {"ENVKIT_HTTP__DOMAINS": domains}).http.domains
    assert host == next(iter(overridden), "")


@pytest.mark.parametrize(
    ("answer", "code", "said", "stage"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, "HTTP/1.1 200 OK\n", {}),
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, "HTTP/1.1 200 OK\n", STAGING),
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, "HTTP/1.1 200 OK\n", WILDCARD),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1, "HTTP/1.1 503 Service Unavailable\n", {}),
        (b"HTTP/1.1 301 Moved\r\n\r\n", 1, "HTTP/1.1 301 Moved\n", {}),
        (b"", 1, "\n", {}),
    ],
)
def test_what_the_answer_means(answer, code, said, stage, tmp_path, monkeypatch, capsys):
    """2xx is healthy, all else is not; the request names the canonical host and the scheme, as nginx would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "envkit.toml").write_text(
            f'[http]\nupstream = "127.0.0.1:{port}"\ndomains = ["shop.example.org"]\ntls = "files"\n'
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(probe, "is_web", lambda _words, _command: True)
        monkeypatch.setattr(probe, "_MEMORY", str(tmp_path))
        for name, value in stage.items():
            monkeypatch.setenv(name, value)
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
    host, scheme = (b"staging.example.org", b"http") if stage else (b"shop.example.org", b"https")
    host = b"www.example.org" if stage is WILDCARD else host
    assert asked[0].split(b"\r\n")[:3] == [
        b"GET /health HTTP/1.1",
        b"Host: " + host,
        b"X-Forwarded-Proto: " + scheme,
    ]


def test_nobody_there(tmp_path, monkeypatch, capsys):
    """Without an answer it says why; pyproject.toml is read where there is no envkit.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.envkit.http]\nupstream = "unix:{tmp_path}/no"\n')
    monkeypatch.setattr(probe, "is_web", lambda _words, _command: True)
    monkeypatch.setattr(probe, "_MEMORY", str(tmp_path))
    assert probe.main() == 1
    assert capsys.readouterr().out == "no answer: [Errno 2] No such file or directory\n"


def test_runs_alone(tmp_path):
    """It runs without site-packages, and imports little of Python and nothing of envkit."""
    run = f"exec(compile(open({str(PROBE)!r}).read(), 'probe.py', 'exec'), dict(__name__='x'))"
    code = f"{run}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert not {"envkit", "http.client", "pathlib", "pydantic", "ssl", "tomllib", "typing"} & set(done.stdout.split())
