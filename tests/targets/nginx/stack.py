"""A real nginx with rendered files on loopback, and behind it a small app that tells what it was sent."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from envkit.operations.writing import write_artifacts
from envkit.targets.nginx import render
from envkit.targets.nginx.place import Place
from tests.ports import free_port

DEADLINE = 15


def versions(program):
    """The versions of an nginx and of its OpenSSL."""
    shown = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"running with OpenSSL ([0-9.]+)", shown) or re.search(r"built with OpenSSL ([0-9.]+)", shown)
    return re.search(r"nginx/([0-9.]+)", shown)[1], found[1]


class App(BaseHTTPRequestHandler):
    """Answers each request with what it was sent, as JSON."""

    protocol_version = "HTTP/1.1"

    def handle_any(self):
        """Answers, in the way that the path asks for."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": len(body)}
        content = json.dumps(seen | {"server": self.server.name}).encode()
        statuses = {"/own-503": 503, "/health?unwell": 503, "/own-404": 404}
        self.send_response(statuses.get(self.path, 200))
        self.send_header("Content-Type", "application/json")
        if self.path == "/own-headers":
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Request-ID", "the-app's-own")
            self.send_header("Strict-Transport-Security", "max-age=1")
        if self.path == "/large":
            content += b" " * 100_000
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    # The names are the base class's.
    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = handle_any  # noqa: N815 - see above

    def address_string(self):
        """A client on a unix socket has no address."""
        return "client"

    def log_message(self, *_):
        """Logs nothing."""


class Upstream:
    """The app on a unix socket (a path) or an address (a pair); counts connections."""

    def __init__(self, address, name="app"):
        unix = not isinstance(address, tuple)
        family = socketserver.ThreadingUnixStreamServer if unix else socketserver.ThreadingTCPServer
        upstream = self

        class Server(family):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                upstream.connections += 1
                connection, peer = super().get_request()
                upstream.open.append(connection)
                return connection, peer

            def handle_error(self, *_):
                """A connection that ends in the middle of a request is a test's doing."""

        self.connections = 0
        self.open = []
        self.server = Server(str(address) if unix else address, App)
        self.server.name = name
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """Stops listening, and ends the connections that nginx keeps."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Answer:
    """Status, headers (names in lower case, repeated ones joined) and body."""

    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.pairs = [(name.lower(), value) for name, value in response.getheaders()]
        self.headers = {name: ", ".join(v for n, v in self.pairs if n == name) for name, _ in self.pairs}

    @property
    def seen(self):
        """What the app was sent, its header names in lower case."""
        seen = json.loads(self.body)
        return seen | {"headers": {name.lower(): value for name, value in seen["headers"]}}


class Nginx:
    """A running nginx with the files rendered for a description, changed so that all lies below one folder."""

    def __init__(self, program, folder, deployment, *, before=None):
        self.program, self.folder = program, folder
        folder.mkdir(exist_ok=True)
        own = {"port": free_port(), "tls_port": free_port(), "acme_root": str(folder / "acme")}
        http = replace(deployment.http, **own)
        maintenance = replace(deployment.maintenance, flag=str(folder / "a flag"), directory=str(folder / "nginx"))
        nginx, openssl = versions(program)
        self.deployment = replace(
            deployment,
            http=http,
            maintenance=maintenance,
            versions=replace(deployment.versions, nginx=nginx, openssl=openssl),
        )
        user = "root" if os.geteuid() == 0 else None
        self.place = replace(Place.below(str(folder), user=user), access_log=str(folder / "access.log"))
        write_artifacts(render(self.deployment, self.place).artifacts, folder)
        if before:
            before(self)
        self.flag = Path(maintenance.flag)
        self.errors = folder / "errors"
        with self.errors.open("wb") as errors:
            command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx/nginx.conf")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
        self.wait_for(lambda: (folder / "nginx.pid").exists() and self._connects())

    def _connects(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.deployment.http.port)) == 0

    def wait_for(self, condition):
        """Waits until something is so; fails with nginx's errors when it never is."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert self.process.poll() is None, self.errors.read_text()
            assert time.monotonic() < end, self.errors.read_text()
            time.sleep(0.02)

    def stop(self):
        """Ends nginx at once."""
        self.process.terminate()
        self.process.wait(DEADLINE)

    def reload(self):
        """Reads the files again, as a renewal's hook does."""
        command = [self.program, "-e", "stderr", "-p", str(self.folder), "-c", str(self.folder / "nginx/nginx.conf")]
        subprocess.run([*command, "-s", "reload"], check=True, capture_output=True)

    def connect(self, *, tls=None, host="shop.test", source="127.0.0.1", protocols=()):
        """A connection to the port for HTTPS, or for plain HTTP; tls tells which where the description does not.

        The protocols are those that a client of HTTPS names, such as h2.
        """
        tls = self.deployment.http.tls in {"files", "letsencrypt"} if tls is None else tls
        port = self.deployment.http.tls_port if tls else self.deployment.http.port
        connection = socket.create_connection(("127.0.0.1", port), DEADLINE, (source, 0))
        if not tls:
            return connection
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(protocols)
        try:
            return context.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def ask(self, path="/", *, method="GET", headers=(), body=None, host="shop.test", tls=None, source="127.0.0.1"):
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(host, timeout=DEADLINE)
        connection.sock = self.connect(tls=tls, host=host, source=source)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for name, value in dict(headers).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, content, **how):
        """Sends bytes, and returns all that comes back until nginx closes the connection."""
        received = b""
        with self.connect(**how) as connection:
            connection.sendall(content)
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass
        return received

    def log(self):
        """The lines of the access log so far; nginx writes a request's after its answer."""
        path = self.folder / "access.log"
        return path.read_bytes().decode().split("\n")[:-1] if path.exists() else []


def certify(folder, name, domain="shop.test"):
    """Makes folder/fullchain.pem and folder/privkey.pem, self-signed, with a subject to tell it by."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "privkey.pem"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{domain}"]
    command = ["openssl", "req", "-x509", *key, "-out", folder / "fullchain.pem", *subject]
    subprocess.run(command, check=True, capture_output=True)
