"""Rocket 2's deployment as a test uses it: Compose in its folder, requests from outside, and a steady load."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.consumers.container_programs import COMPOSE_2

COMPOSE = COMPOSE_2["2.26"]
NEEDS = pytest.mark.needs("dockerd", "mmdebstrap", "openssl", "nginx-forky", COMPOSE)
"""The marks of a module that uses the deployment."""
DOMAIN = "rocket2.ubclaunchpad.com"
ROUNDS = range(3)
REQUESTS = 20_000
WEBHOOK_SECRET = "pa$$word #1"
EVENT = '{"action": "added"}'
SIGNATURE = "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), EVENT.encode(), hashlib.sha256).hexdigest()
_LOAD = Path(__file__).parents[2] / "load.py"
_POSTS = ("--post", "/webhook", "--body", EVENT, "--header", f"X-Hub-Signature-256: {SIGNATURE}", "--status", "204")


class Rocket:
    """The deployment on this machine."""

    def __init__(self, docker, folder, name, port, tls_port, compose=COMPOSE):
        self.docker, self.folder, self.name, self.port, self.tls_port = docker, folder, name, port, tls_port
        self.program = compose

    def compose(self, *arguments):
        """One command of Compose."""
        return self.run(self.program, "-p", self.name, *arguments)

    def run(self, *command):
        """A program in the folder, which must succeed."""
        environ = {**self.docker.environ, "COMPOSE": self.program}
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def container(self, service):
        """What the engine knows of a service's container."""
        return json.loads(self.docker("inspect", self.compose("ps", "-aq", service).strip()).stdout)[0]

    def ask(self, method="GET", path="/", body=None, headers=None):
        """Status, headers and body of the answer to a request by HTTPS."""
        connection = http.client.HTTPSConnection(DOMAIN, self.tls_port)
        connection.sock = self._connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def status(self, path="/health"):
        """Of the answer, or the error in its place."""
        try:
            return self.ask(path=path)[0]
        except OSError as error:
            return error

    def wait_for(self, status, path="/health"):
        """Returns when there is this answer."""
        self.wait_until(lambda: self.status(path) == status, f"status {status}")

    def wait_for_all(self, times=40):
        """Returns when each process of nginx reaches the app: each keeps for itself where that was, for a second."""
        self.wait_until(lambda: all(self.status() == 200 for _ in range(times)), f"{times} times 200 in a row")

    def wait_until(self, is_so, what, seconds=90):
        """Returns when it is so, and shows the logs when that does not come."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what} does not come\n{self.compose('logs', '--tail=40')[-8000:]}"
            time.sleep(0.3)

    def certificate(self):
        """The one that is served."""
        with self._connect() as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))

    def _connect(self):
        """A connection for the domain, which takes every certificate."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout=40)
        try:
            return context.wrap_socket(plain, server_hostname=DOMAIN)
        except BaseException:
            plain.close()
            raise

    def renew(self):
        """Has certbot ask for a certificate, and waits until nginx serves another one than before."""
        before = self.certificate().serial_number
        self.compose("restart", "certbot")
        self.wait_until(lambda: self.certificate().serial_number != before, "the new certificate")

    def workers(self):
        """The processes of nginx that answer, on this machine; of those that are ending too."""
        nginx = self.container("nginx")
        listed = self.docker("top", nginx["Id"], "-o", "pid,ppid,comm").stdout.splitlines()[1:]
        processes = [line.split(maxsplit=2) for line in listed]
        (program,) = (program for pid, _, program in processes if pid == str(nginx["State"]["Pid"]))
        return {pid for pid, parent, name in processes if (parent, name) == (str(nginx["State"]["Pid"]), program)}

    def replaced_workers(self, before):
        """Whether all of these processes have ended, and others are there."""
        now = self.workers()
        return bool(now) and not now & before

    @contextmanager
    def load(self, requests, *options):
        """`tests/load.py` around the block; its result is in the dict that is given, and no request failed."""
        address = f"127.0.0.1:{self.tls_port}"
        command = [sys.executable, str(_LOAD), address, DOMAIN, "--requests", str(requests), "--tls", *_POSTS]
        result = {}
        with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
            try:
                assert load.stdout.readline() == "running\n"
                yield result
                said, _ = load.communicate(timeout=200)
            finally:
                load.kill()
        result.update(json.loads(said))
        assert result["failed"] == {}, said[:2000]
        assert result["requests"] >= requests, said[:2000]

    @contextmanager
    def slow_requests(self, number, seconds):
        """So many requests that take the app so long, begun in it; their statuses are in the list that is given."""
        statuses = []
        with ThreadPoolExecutor(number) as pool:
            asked = [pool.submit(self.status, f"/?slow={seconds}&of={at}") for at in range(number)]
            self.wait_until(lambda: sum("slow=" in query for query in self.begun()) == number, "the slow requests")
            yield statuses
            statuses += [each.result() for each in asked]

    def begun(self):
        """The query of every request with one that reached the app's container, as the app itself says."""
        logs = self.docker("logs", self.container("web")["Id"]).stdout
        return [line.partition("?")[2] for line in logs.splitlines() if line.startswith("began ")]
