"""Rocket 2's deployment on a real engine: rendered, started by Compose, with certificates of a real authority."""

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
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from envkit import load_settings
from envkit.channels.registry import channel
from tests.consumers.container_programs import COMPOSE_2
from tests.examples.projects import EXAMPLES, Project, module_of

COMPOSE = COMPOSE_2["2.26"]
pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", "openssl", COMPOSE)]
DOMAIN = "rocket2.ubclaunchpad.com"
LOAD = Path(__file__).parents[1] / "load.py"
WEBHOOK_SECRET = "pa$$word #1"
FILLED_IN = {
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_API_TOKEN": "xoxb-1234",
    "GITHUB_APP_ID": "0123",
    "GITHUB_ORG_NAME": "ubclaunchpad",
    "GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET,
}
TEN_DAYS = 864_000
"""Of seconds: certbot renews what ends within thirty, so it does at each start."""


class Rocket:
    """The deployment on this machine."""

    def __init__(self, docker, folder, name, port, tls_port):
        self.docker, self.folder, self.name, self.port, self.tls_port = docker, folder, name, port, tls_port

    def compose(self, *arguments):
        """One command of Compose."""
        return self.run(COMPOSE, "-p", self.name, *arguments)

    def run(self, *command):
        """A program in the folder, which must succeed."""
        environ = {**self.docker.environ, "COMPOSE": COMPOSE}
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
        connection = http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=40, context=_any_certificate())
        try:
            connection.request(method, path, body, {"Host": DOMAIN, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def wait_for(self, status, path="/health"):
        """Returns when there is this answer."""

        def seen():
            try:
                return self.ask(path=path)[0]
            except OSError as error:
                return error

        self.wait_until(lambda: seen() == status, f"status {status}")

    def wait_until(self, is_so, what, seconds=90):
        """Returns when it is so, and shows the logs when that does not come."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what} does not come\n{self.compose('logs', '--tail=40')[-8000:]}"
            time.sleep(0.3)

    def certificate(self):
        """The one that is served."""
        with (
            socket.create_connection(("127.0.0.1", self.tls_port), timeout=40) as plain,
            _any_certificate().wrap_socket(plain, server_hostname=DOMAIN) as connection,
        ):
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))

    def renew(self):
        """Has certbot ask for a certificate, and waits until nginx serves another one than before."""
        before = self.certificate().serial_number
        self.compose("restart", "certbot")
        self.wait_until(lambda: self.certificate().serial_number != before, "the new certificate")

    @contextmanager
    def load(self, requests, *options):
        """`tests/load.py` around the block; its result is in the dict that is given, and no request failed."""
        address = f"127.0.0.1:{self.tls_port}"
        command = [sys.executable, str(LOAD), address, DOMAIN, "--requests", str(requests), "--tls", "--reads"]
        result = {}
        with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
            try:
                assert load.stdout.readline() == "running\n"
                yield result
                said, _ = load.communicate(timeout=200)
            finally:
                load.kill()
        result.update(json.loads(said))
        assert result["failed"] == {}
        assert result["requests"] >= requests


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The deployment's folder, with the sample filled in as a user does."""
    project = Project("rocket2", tmp_path_factory.mktemp("rocket"))
    text = (project.folder / "sample-env").read_text()
    for name, value in FILLED_IN.items():
        text = text.replace(f"{name}=''", f"{name}='{value}'")
    made = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True, text=True)
    (project.folder / ".env").write_text(text.replace("BEGIN KEY END KEY", made.stdout.strip().replace("\n", "\\n")))
    return project


@pytest.fixture(scope="module")
def rocket(docker, project, base_image, proxy_image, certificates_image, pip_conf):
    """The deployment, started; its authority is there but was not asked yet."""
    name = f"{docker.name}-rocket2"
    port, tls_port = _free_port(), _free_port()
    dockerfile, description = project.folder / "Dockerfile", project.folder / "envkit.toml"
    dockerfile.write_text(f"FROM {base_image}\n{dockerfile.read_text().partition(chr(10))[2]}")
    image = docker.build(project.folder, "rocket2", secrets=[f"id=pip.conf,src={pip_conf}"])
    text = description.read_text().replace('name = "rocket2"', f'name = "{name}"')
    text = text.replace('"ghcr.io/ubclaunchpad/rocket2:latest"', f'"{image}"\naddress = "127.0.0.1"')
    text = text.replace("[http]\n", f'[http]\nport = {port}\ntls_port = {tls_port}\nacme_server = "{ACME}"\n')
    text += f'[container.images]\nnginx = "{proxy_image}"\ncertbot = "{certificates_image}"\n'
    description.write_text(text)
    for arguments in (("render", "compose"), ("export", "--to", "compose", "--out", "deploy/.env")):
        done = project.envkit(*arguments)
        assert done.returncode == 0, done.stderr
    rocket = Rocket(docker, project.folder / "deploy", name, port, tls_port)
    _add_authority(rocket, certificates_image)
    try:
        rocket.run("./deploy.sh")
        rocket.wait_for(200)
        yield rocket
    finally:
        rocket.compose("kill")
        rocket.compose("down", "--volumes")


ACME = "https://pebble:14000/dir"


def _add_authority(rocket, image):
    """Puts pebble among the services: it reaches nginx by the domain's name, and certbot reaches it."""
    folder = rocket.folder / "pebble"
    folder.mkdir()
    names = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", "/CN=pebble")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-addext", "subjectAltName=DNS:pebble")
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *name], check=True, capture_output=True)
    settings = {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "0.0.0.0:15000",
        "certificate": "/pebble/cert.pem",
        "privateKey": "/pebble/key.pem",
        "httpPort": rocket.port,
        "tlsPort": rocket.tls_port,
        "certificateValidityPeriod": TEN_DAYS,
    }
    (folder / "config.json").write_text(json.dumps({"pebble": settings}))
    mount = "./pebble:/pebble:ro"
    # Without them pebble refuses some requests and waits some seconds, as an exercise.
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    services = {
        "pebble": {
            "image": image,
            "entrypoint": ["pebble", "-config", "/pebble/config.json"],
            "environment": quick,
            "volumes": [mount],
            "networks": ["default", "front"],
        },
        "certbot": {"environment": {"REQUESTS_CA_BUNDLE": "/pebble/cert.pem"}, "volumes": [mount]},
        "nginx": {"environment": {"ENVKIT_WATCH_SECONDS": "1"}, "networks": {"front": {"aliases": [DOMAIN]}}},
    }
    (rocket.folder / "compose.override.yaml").write_text(yaml.safe_dump({"services": services}))


def test_certificates_are_issued_and_renewed_under_load(rocket):
    """Self-signed at first, then the authority's, then two more while 20,000 requests are made: none of them fails."""
    started = rocket.container("nginx")["State"]["StartedAt"]
    assert "self-signed" in rocket.certificate().subject.rfc4514_string()
    rocket.compose("up", "-d", "--no-deps", "pebble")
    rocket.renew()
    assert "Pebble" in rocket.certificate().issuer.rfc4514_string()
    with rocket.load(20_000) as result:
        rocket.renew()
        rocket.renew()
    assert result["held"] == 0
    assert rocket.container("nginx")["State"]["StartedAt"] == started


def test_it_is_used(rocket):
    """The page, and the webhook, whose secret came through file and Compose unchanged; plain HTTP leads to HTTPS."""
    assert rocket.ask()[::2] == (200, "🚀")
    body = b'{"action": "added"}'
    signature = "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert rocket.ask("POST", "/webhook", body, {"X-Hub-Signature-256": signature})[0] == 204
    assert rocket.ask("POST", "/webhook", body)[0] == 403
    plain = http.client.HTTPConnection("127.0.0.1", rocket.port, timeout=40)
    plain.request("GET", "/", headers={"Host": DOMAIN})
    answer = plain.getresponse()
    plain.close()
    assert answer.status in {301, 308}
    assert answer.headers["Location"].startswith(f"https://{DOMAIN}")


def test_replaced_at_another_address(rocket, stand_in_image):
    """While the app is away there are 503, Retry-After and the page; nginx finds the new container by itself."""
    before, proxy = rocket.container("web"), rocket.container("nginx")["State"]["StartedAt"]
    rocket.docker("rm", "--force", before["Id"])
    rocket.wait_for(503)
    status, headers, page = rocket.ask()
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert "<h1>We’ll be back soon</h1>" in page
    network = f"{rocket.name}_front"
    address = before["NetworkSettings"]["Networks"][network]["IPAddress"]
    # Takes the address, or where the engine hands them out in turn, the next one.
    with rocket.docker.running(stand_in_image, "--network", network, "--init", command=["sleep", "600"]):
        rocket.run("./deploy.sh")
        rocket.wait_for(200)
        after = rocket.container("web")
    assert after["NetworkSettings"]["Networks"][network]["IPAddress"] != address
    assert rocket.container("nginx")["State"]["StartedAt"] == proxy


@pytest.mark.parametrize("service", ["web", "nginx", "certbot"])
def test_a_killed_container_comes_back(rocket, stand_in_image, service):
    """SIGKILL, as by the kernel out of memory: nobody has to do anything."""
    before = rocket.container(service)
    # `docker kill` would count as a stop that somebody asked for.
    kill = ("sh", "-c", f"kill -KILL {before['State']['Pid']}")
    rocket.docker("run", "--rm", "--network=none", "--pid=host", stand_in_image, *kill)

    def is_back():
        now = rocket.container(service)
        return now["RestartCount"] > before["RestartCount"] and now["State"]["Running"]

    rocket.wait_until(is_back, f"{service} again")
    rocket.wait_for(200)


def test_stopped_under_load(rocket):
    """`docker stop` ends within the grace by exit code 0, and every request that had begun is answered by the app."""
    web, proxy = rocket.container("web"), rocket.container("nginx")["Id"]
    grace = web["Config"]["StopTimeout"]
    since = rocket.docker("logs", proxy).stderr.count("prematurely closed")
    with rocket.load(1000, "--maintenance") as result:
        started = time.monotonic()
        rocket.docker("stop", f"--time={grace}", web["Id"])
        taken = time.monotonic() - started
        stopped = rocket.container("web")["State"]
        time.sleep(1)
        rocket.docker("start", web["Id"])
        rocket.wait_for(200)
        time.sleep(3)  # each of nginx's processes keeps what it knows of the address for a second
    assert result["held"] > 0
    assert taken < grace
    assert (stopped["Running"], stopped["ExitCode"]) == (False, 0)
    assert rocket.docker("logs", proxy).stderr.count("prematurely closed") == since


def test_docker_itself_reads_what_is_exported(docker, project, stand_in_image):
    """`docker run --env-file` of the export gives the app the settings that the sample gives."""
    rocket_settings = module_of(EXAMPLES / "rocket2/config/__init__.py", "rocket2_config_of_docker").RocketSettings
    done = project.envkit("export", "--to", "docker", "--out", "app.env")
    assert done.returncode == 0, done.stderr
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    file = str(project.folder / "app.env")
    said = docker("run", "--rm", "--network=none", "--env-file", file, stand_in_image, "python3", "-c", code).stdout
    meant = channel("dotenv").read((project.folder / ".env").read_text()).values()
    seen = load_settings(rocket_settings, environ=json.loads(said), env_files=[])
    assert seen == load_settings(rocket_settings, environ=meant, env_files=[])
    assert seen.github_webhook_secret.get_secret_value() == WEBHOOK_SECRET


def _any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
