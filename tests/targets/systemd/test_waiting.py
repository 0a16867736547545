"""The script that waits for an app's first healthy answer, as it is rendered."""

from __future__ import annotations

import re
import socketserver
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.systemd import render


class App(BaseHTTPRequestHandler):
    """Answers with the statuses that it was given, and goes on with the last; keeps the headers of each request."""

    def do_GET(self):
        """Answers."""
        self.server.seen.append((self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.end_headers()

    def address_string(self):
        """A unix socket's peer has no name."""
        return "nginx"

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def wait(tmp_path):
    """Runs the script against an app that answers with these statuses; none of them: an app that is not there."""
    servers = []

    def run(statuses, *, over="unix", patience=60):
        kind = socketserver.UnixStreamServer if over == "unix" else socketserver.TCPServer
        server = kind(f"{tmp_path}/web.sock" if over == "unix" else ("127.0.0.1", 0), App)
        servers.append(server)
        server.statuses, server.seen = list(statuses), []
        if statuses:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        else:
            server.server_close()
        upstream = f"unix:{tmp_path}/web.sock" if over == "unix" else f"127.0.0.1:{server.server_address[1]}"
        description = (
            f'name = "shop"\napp = "shop:app"\n[http]\nupstream = "{upstream}"\ndomains = ["*.a.test", "shop.test"]\n'
            'tls = "files"\ncertificate = "/c.pem"\ncertificate_key = "/k.pem"\nhealth_path = "/up"\n'
        )
        artifacts = render(read_description(description, {})).artifacts
        (script,) = (artifact.text for artifact in artifacts if artifact.path.endswith("wait-until-healthy"))
        path = Path(tmp_path / "wait")
        path.write_text(re.sub(r"PATIENCE = \d+", f"PATIENCE = {patience}", script))
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stderr, server.seen

    yield run
    for server in servers:
        if server.statuses:
            server.shutdown()
        server.server_close()


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_waits_for_health(wait, over):
    """It goes on asking until the answer is 200, as nginx would ask for the app's own domain."""
    code, said, seen = wait([503, 503, 200], over=over)
    assert (code, said) == (0, "waiting for /up: status 503\n")
    assert seen == [("/up", "www.a.test", "https")] * 3


def test_gives_up(wait):
    """It says why it gave up: the status of an unhealthy app, or that there was no answer."""
    code, said, _ = wait([500], patience=1)
    assert (code, said) == (
        1,
        "waiting for /up: status 500\nnot healthy after 1 s; http.health_path says which path is asked\n",
    )


def test_no_app(wait):
    """An app that does not listen is told as well."""
    code, said, _ = wait([], over="tcp", patience=1)
    assert code == 1
    assert "waiting for /up: no answer: " in said
