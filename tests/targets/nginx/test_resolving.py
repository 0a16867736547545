"""A service name as upstream: nginx starts before it resolves, finds it, and follows it to another address."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest

from envkit.deployment.model import Deployment, Http
from tests.ports import free_port
from tests.targets.nginx.stack import DEADLINE, Nginx, Upstream

A, NO_SUCH_NAME = 1, 3


class NameServer:
    """Answers every question for an IPv4 address with `addresses`, which a test changes; none means no such name."""

    def __init__(self):
        self.addresses = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
                self.socket.sendto(self.answer(question), peer)
            except OSError:  # it was closed, perhaps between the two
                return

    def answer(self, question):
        end = question.index(b"\0", 12) + 5
        addresses = self.addresses if struct.unpack("!H", question[end - 4 : end - 2])[0] == A else []
        status = 0 if addresses else NO_SUCH_NAME
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | status, 1, len(addresses), 0, 0)
        records = (b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 600, 4) + socket.inet_aton(each) for each in addresses)
        return head + question[12:end] + b"".join(records)


@pytest.fixture(params=[pytest.param(p, marks=pytest.mark.needs(p)) for p in ("nginx", "nginx-trixie", "nginx-forky")])
def service(request, tmp_path):
    """An nginx in front of `web`, a service that nobody has started yet."""
    names = NameServer()
    http = Http(upstream=f"web:{free_port()}", resolver=f"127.0.0.1:{names.port}")
    nginx = Nginx(request.param, tmp_path, Deployment(name="shop", app="shop:app", http=http))
    nginx.names = names
    nginx.service_port = int(http.upstream.rpartition(":")[2])
    yield nginx
    nginx.stop()
    names.socket.close()


def served_by(nginx):
    """The name of the app that answers, or the status of another answer."""
    answer = nginx.ask()
    return answer.seen["server"] if answer.status == 200 else answer.status


def wait_until_served_by(nginx, expected, *, times=1):
    """Waits until so many requests in a row get there, and returns all answers on the way."""
    answers = []
    end = time.monotonic() + DEADLINE
    while answers[-times:] != [expected] * times:
        assert time.monotonic() < end, answers
        answers.append(served_by(nginx))
        time.sleep(0.03)
    return answers


def test_a_service_that_comes_and_moves(service):
    """No name: 503 and the page. A name: the app. A container made anew, at another address: the app, never a 502."""
    assert service.ask().headers["retry-after"] == "300"
    assert served_by(service) == 503

    first = Upstream(("127.0.0.1", service.service_port), "first")
    service.names.addresses = ["127.0.0.1"]
    wait_until_served_by(service, "first")

    second = Upstream(("127.0.0.2", service.service_port), "second")
    service.names.addresses = ["127.0.0.2"]
    first.stop()
    on_the_way = wait_until_served_by(service, "second", times=20)  # each of nginx's workers looks names up itself
    assert set(on_the_way) <= {"first", 503, "second"}
    second.stop()


def test_keep_alive_where_nginx_can(service):
    """Connections to a service are kept from 1.27.3 on; before, each request opens one, and rendering says so."""
    from envkit.targets.nginx import render

    upstream = Upstream(("127.0.0.1", service.service_port))
    service.names.addresses = ["127.0.0.1"]
    wait_until_served_by(service, "app", times=10)
    before = upstream.connections
    for _ in range(12):
        assert served_by(service) == "app"
    opened = upstream.connections - before
    upstream.stop()
    rules = [finding.rule for finding in render(service.deployment).findings]

    assert (opened < 6) == (rules == [])
    assert (opened == 12) == (rules == ["nginx-no-keep-alive"])
