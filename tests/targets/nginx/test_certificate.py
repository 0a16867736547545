"""The first certificate and every renewal: nginx starts before there is one, and no request fails on the way."""

from __future__ import annotations

import ssl
import subprocess
import threading

import pytest
from cryptography import x509

from envkit.deployment.model import Deployment, Http
from tests.targets.nginx.stack import Nginx, Upstream, certify


def ensure(nginx):
    """Runs the script that nginx's unit and the renewal run."""
    subprocess.run(["sh", nginx.folder / "nginx/ensure-certificate.sh"], check=True, capture_output=True)


def subject(nginx):
    """Whom the certificate is for that nginx shows."""
    with nginx.connect() as connection:
        certificate = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
    return certificate.subject.rfc4514_string()


@pytest.fixture
def fresh(tmp_path):
    """An nginx for letsencrypt on a machine without any certificate."""
    upstream = Upstream(tmp_path / "web.sock")
    http = Http(domains=("shop.test", "www.shop.test"), tls="letsencrypt", upstream=f"unix:{tmp_path}/web.sock")
    nginx = Nginx("nginx", tmp_path, Deployment(name="shop", app="shop:app", http=http), before=ensure)
    yield nginx
    nginx.stop()
    upstream.stop()


@pytest.mark.needs("nginx", "openssl")
def test_from_nothing_to_the_second_certificate(fresh):
    """Self-signed until the first is issued; then the script and a reload bring each new one, and no request fails."""
    assert subject(fresh) == "CN=self-signed until the first certificate is issued"
    challenges = fresh.folder / "acme/.well-known/acme-challenge"
    challenges.mkdir(parents=True)
    (challenges / "token").write_text("thumbprint")
    assert fresh.ask("/.well-known/acme-challenge/token", tls=False).body == b"thumbprint"

    failures, done = [], threading.Event()

    def keep_asking():
        while not done.is_set():
            try:
                answer = fresh.ask(method="POST", body=b"x")
            except (OSError, ssl.SSLError) as error:
                failures.append(repr(error))
            else:
                failures.extend([answer.status] if answer.status != 200 else [])

    clients = [threading.Thread(target=keep_asking) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for name in ("first", "second"):
            certify(fresh.folder / "live", name)
            ensure(fresh)
            fresh.reload()
            fresh.wait_for(lambda name=name: subject(fresh) == f"CN={name}")
    finally:
        done.set()
        for client in clients:
            client.join()
    assert failures == []


@pytest.mark.needs("nginx", "openssl")
def test_the_script_can_be_repeated(fresh):
    """A second run keeps the self-signed certificate, and lets nobody else read its key."""
    folder = fresh.folder / "shop"
    before = (folder / "certificate/fullchain.pem").read_bytes()
    ensure(fresh)

    assert (folder / "certificate/fullchain.pem").read_bytes() == before
    assert (folder / "self-signed/privkey.pem").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in folder.iterdir()) == ["certificate", "self-signed"]


@pytest.mark.needs("nginx", "openssl")
def test_the_self_signed_certificate_is_for_the_domains(fresh):
    """It names the domains, so that a test with that certificate trusted behaves as later."""
    pem = (fresh.folder / "shop/certificate/fullchain.pem").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["shop.test", "www.shop.test"]


@pytest.mark.needs("nginx", "openssl")
def test_the_script_says_what_is_wrong(fresh):
    """When no certificate can be made, the script fails, and the link stays as it is."""
    link = fresh.folder / "shop/certificate"
    before = link.readlink()
    for name in ("fullchain.pem", "privkey.pem"):
        (fresh.folder / "shop/self-signed" / name).unlink()
    script = fresh.folder / "nginx/ensure-certificate.sh"
    tools = fresh.folder / "tools"
    tools.mkdir()
    (tools / "mkdir").symlink_to("/bin/mkdir")

    result = subprocess.run(["/bin/sh", script], env={"PATH": str(tools)}, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "openssl" in result.stderr
    assert link.readlink() == before
