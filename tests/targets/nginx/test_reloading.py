"""What becomes of a client's kept connection when nginx reads its files anew."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import pytest

from envkit.deployment.model import Deployment, Http
from tests.targets.nginx.stack import Nginx, Upstream


def workers(nginx):
    """The processes that answer, old and new."""
    process = nginx.process.pid
    return set(Path(f"/proc/{process}/task/{process}/children").read_text().split())


@pytest.mark.needs("nginx-forky")
def test_a_post_on_a_kept_connection_is_answered_by_the_old_worker(tmp_path):
    """Where nginx knows keepalive_min_timeout, a reload closes no connection that was just used, and says when it will.

    Without it the POST would get no answer, and a client may not send it again by itself.
    """
    upstream = Upstream(tmp_path / "web.sock")
    given = Http(domains=("shop.test",), upstream=f"unix:{tmp_path}/web.sock")
    nginx = Nginx("nginx-forky", tmp_path / "nginx", Deployment(name="shop", app="shop:app", http=given))
    connection = http.client.HTTPConnection("shop.test")
    try:
        nginx.wait_for(lambda: len(workers(nginx)) == os.cpu_count())  # it listens before they are there
        old = workers(nginx)
        connection.sock = nginx.connect()
        connection.request("POST", "/", b"1")
        assert connection.getresponse().read()
        nginx.reload()
        nginx.wait_for(lambda: workers(nginx) - old and len(workers(nginx) & old) == 1)
        connection.request("POST", "/", b"2")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        answer.read()
        nginx.wait_for(lambda: not workers(nginx) & old)
    finally:
        connection.close()
        nginx.stop()
        upstream.stop()
