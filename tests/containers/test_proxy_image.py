"""The proxy's image with rendered files, on a real engine: read-only, without capabilities, not as root."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from envkit.deployment.reading import read_description
from envkit.operations.writing import write_artifacts
from envkit.targets import nginx
from envkit.targets.nginx.place import CONTAINER, CONTAINER_FOLDER
from tests.containers import uploads
from tests.containers.engine_client import LEAST

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", "openssl")]
NAME = "shop.example.org"
HEAD = 'name = "shop"\napp = "shop:app"\n[http]\nupstream = "web:8000"\n'
TLS = f'{HEAD}tls = "letsencrypt"\nemail = "a@example.org"\ndomains = ["{NAME}"]\n'
PORTS = ("--publish=127.0.0.1::80", "--publish=127.0.0.1::443")


@pytest.fixture
def rendered(tmp_path):
    """Renders a description for the container; returns the option that mounts it."""

    def render(text):
        deployment = read_description(text, {})
        page = replace(deployment.maintenance, directory=CONTAINER_FOLDER)
        write_artifacts(nginx.render(replace(deployment, maintenance=page), CONTAINER).artifacts, tmp_path)
        return f"--volume={tmp_path}/nginx:{CONTAINER_FOLDER}:ro"

    return render


@pytest.fixture
def live(tmp_path):
    """The folder in which certbot would keep the certificate, and the option that mounts it."""
    folder = tmp_path / "letsencrypt" / "live" / NAME
    folder.mkdir(parents=True)
    return folder, f"--volume={tmp_path}/letsencrypt:/etc/letsencrypt:ro"


def test_passes_requests_to_the_app(docker, proxy_image, rendered, app_image, app_options, network):
    """It finds the app by its container's name, and answers by the maintenance page while there is none.

    Of the health probes no line is logged. A body that does not fit in nginx's memory takes none of the machine's.
    """
    options = (*LEAST, *PORTS, "--network", network, rendered(HEAD), "--tmpfs=/var/lib/envkit:uid=101,gid=101")
    with docker.running(proxy_image, *options, "--tmpfs=/tmp:size=64k") as proxy:
        address = f"http://127.0.0.1:{proxy.port(80)}"
        assert "<h1>We’ll be back soon</h1>" in proxy.wait_for(f"{address}/", 503)
        assert proxy.execute("/opt/envkit/healthy").returncode == 0
        alias = ("--network", network, "--network-alias=web", "--env", "SECRET_KEY=x")
        with docker.running(app_image, *LEAST, *app_options, *alias):
            proxy.wait_for(f"{address}/health")
            with urllib.request.urlopen(f"{address}/", timeout=10) as answer:  # noqa: S310  our own address
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{address}/health", b"x" * 900_000, timeout=10)  # noqa: S310
            refused.value.close()
            assert refused.value.code == 405  # by the app, which has it all
        proxy.wait_for(f"{address}/", 503)
        assert proxy.execute("id", "-u").stdout == "101\n"
        assert '"uri":"/health"' not in proxy.logs()
        assert "acme-challenge" not in proxy.logs()  # what the proxy's own probe asks for
        assert '"uri":"/","' in proxy.logs()


def test_starts_without_a_certificate_and_takes_up_each_new_one(docker, proxy_image, rendered, live, network):
    """First a self-signed one, then certbot's without a restart; half a renewal is left alone until it is whole."""
    folder, mounted = live
    options = (*LEAST, *PORTS, "--network", network, rendered(TLS), mounted, "--env=ENVKIT_WATCH_SECONDS=0.3")
    with docker.running(proxy_image, *options, "--tmpfs=/var/lib/envkit:uid=101,gid=101") as proxy:
        port = proxy.port(443)
        first = _served(port)
        started = proxy.state()["State"]["StartedAt"]
        assert b"self-signed" in first
        one, two = _issue(folder.parent / "one"), _issue(folder.parent / "two")
        for issued in (one, two):
            (folder / "fullchain.pem").write_bytes((issued / "fullchain.pem").read_bytes())
            time.sleep(1.5)
            expected = first if issued is one else _certificate(one)
            assert _served(port) == expected
            (folder / "privkey.pem").write_bytes((issued / "privkey.pem").read_bytes())
            (folder / "privkey.pem").chmod(0o644)
            _wait_until_served(port, _certificate(issued))
        assert proxy.execute("/opt/envkit/healthy").returncode == 0
        assert proxy.state()["State"]["StartedAt"] == started
        assert proxy.execute("sh", "-c", "cat /proc/[0-9]*/stat | grep -c ') Z '", check=False).stdout == "0\n"
        docker("stop", "--time=20", proxy.name)
        assert proxy.state()["State"]["ExitCode"] == 0


def test_a_stop_lets_running_requests_end(docker, proxy_image, rendered, network):
    """`docker stop` is a graceful one: a request that has begun is answered, and the exit code is 0."""
    options = (*LEAST, *PORTS, "--network", network, rendered(HEAD), "--tmpfs=/var/lib/envkit:uid=101,gid=101")
    with docker.running(proxy_image, *options) as proxy:
        port = proxy.port(80)
        proxy.wait_for(f"http://127.0.0.1:{port}/", 503)
        begun = uploads.begin(port, "/")
        docker("kill", "--signal=QUIT", proxy.name)
        time.sleep(1)
        assert proxy.state()["State"]["Running"]
        assert uploads.end(begun) == 503
        assert docker("wait", proxy.name, timeout=30).stdout == "0\n"
        assert proxy.state()["Config"]["StopSignal"] == "SIGQUIT"


def test_without_configuration_it_says_what_is_missing(docker, proxy_image, network):
    """Exit code 78, and what to do."""
    with docker.running(proxy_image, *LEAST, "--network", network) as proxy:
        assert docker("wait", proxy.name, timeout=30).stdout == "78\n"
        problem = "/etc/envkit/nginx/nginx.conf: cannot be read by user 101. mount the rendered files at"
        assert proxy.logs().startswith(problem)


def _issue(folder):
    """A certificate and its key in a folder of their own."""
    folder.mkdir()
    names = ("-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run(["openssl", "req", "-x509", *curve, "-subj", f"/CN={NAME}", *names], check=True, capture_output=True)
    return folder


def _certificate(folder):
    return ssl.PEM_cert_to_DER_cert((folder / "fullchain.pem").read_text())


def _served(port):
    """The certificate that is served, in DER."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    deadline = time.monotonic() + 20
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=NAME) as connection,
            ):
                return connection.getpeercert(binary_form=True)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _wait_until_served(port, certificate):
    deadline = time.monotonic() + 20
    while _served(port) != certificate:
        assert time.monotonic() < deadline, "the new certificate is not served"
        time.sleep(0.2)
