"""The first certificate and every renewal: nginx starts before there is one, and no request fails on the way."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading

import pytest
from cryptography import x509

from envkit.deployment.model import Deployment, Http
from tests.targets.nginx.stack import Nginx, Upstream, certify


def ensure(nginx, *arguments):
    """Runs the script as before nginx starts, or with `running` as the renewal does; returns what it said."""
    script = nginx.folder / "nginx/ensure-certificate.sh"
    done = subprocess.run(["sh", script, *arguments], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


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
            ensure(fresh, "running")
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

    (folder / "self-signed/privkey.pem").write_text("")  # as a power cut may leave it, and nginx does not start by it
    ensure(fresh)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        folder / "self-signed/fullchain.pem", folder / "self-signed/privkey.pem"
    )


def unlink(chain, key):  # noqa: ARG001  (the others take both)
    """As certbot does it for a moment, before it makes the link anew."""
    key.unlink()


def cut(chain, key):  # noqa: ARG001
    """As where the disk was full, with a whole first certificate."""
    chain.write_text((chain.read_text() * 2)[:-40])


def change(chain, key):  # noqa: ARG001
    """A chain with the key of another."""
    key.write_bytes((key.parent.parent / "other/privkey.pem").read_bytes())


@pytest.mark.needs("nginx", "openssl")
@pytest.mark.parametrize("spoil", [unlink, cut, change])
def test_half_a_renewal_is_left_alone(fresh, spoil):
    """A running nginx goes on with what it has; one that has to start now starts, and later takes the whole one."""
    live, link = fresh.folder / "live", fresh.folder / "shop/certificate"
    certify(live, "first")
    certify(fresh.folder / "other", "other")
    ensure(fresh, "running")
    spoil(live / "fullchain.pem", live / "privkey.pem")
    ensure(fresh, "running")
    assert link.readlink() == live

    said = ensure(fresh)
    assert link.readlink() == fresh.folder / "shop/self-signed"
    assert said == f"{live}: chain and key do not belong together, or cannot be read: a self-signed one stands in\n"
    fresh.reload()
    fresh.wait_for(lambda: subject(fresh).startswith("CN=self-signed"))
    certify(live, "second")
    assert ensure(fresh, "running") == ""
    assert link.readlink() == live


@pytest.mark.needs("nginx", "openssl")
def test_a_certificate_that_was_deleted(fresh):
    """Where certbot keeps none any more, a self-signed one stands in: with a link to nothing no nginx starts again."""
    certify(fresh.folder / "live", "first")
    ensure(fresh, "running")
    shutil.rmtree(fresh.folder / "live")
    ensure(fresh, "running")
    assert (fresh.folder / "shop/certificate").readlink() == fresh.folder / "shop/self-signed"


@pytest.mark.needs("nginx", "openssl")
def test_another_first_domain(fresh):
    """The certificate of the domains until now is served until there is one that names the new one."""
    certify(fresh.folder / "live", "first")
    ensure(fresh)
    script = fresh.folder / "nginx/ensure-certificate.sh"
    script.write_text(script.read_text().replace(f"live={fresh.folder}/live\n", f"live={fresh.folder}/new\n"))
    for arguments in (("running",), ()):
        ensure(fresh, *arguments)
        assert (fresh.folder / "shop/certificate").readlink() == fresh.folder / "live"
    certify(fresh.folder / "new", "second")
    ensure(fresh, "running")
    assert (fresh.folder / "shop/certificate").readlink() == fresh.folder / "new"


@pytest.mark.needs("nginx", "openssl")
def test_what_a_killed_script_left_is_in_nobodys_way(fresh):
    """In a container the next one has the same number, and so the same name for the link that it makes."""
    certify(fresh.folder / "live", "first")
    leave = f'ln -s "{fresh.folder}/shop/self-signed" "{fresh.folder}/shop/certificate.$$"; exec sh "$1"'
    subprocess.run(["sh", "-c", leave, "sh", fresh.folder / "nginx/ensure-certificate.sh"], check=True)
    assert (fresh.folder / "shop/certificate").readlink() == fresh.folder / "live"
    assert sorted(path.name for path in (fresh.folder / "shop").iterdir()) == ["certificate", "self-signed"]


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
