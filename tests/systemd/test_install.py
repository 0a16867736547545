"""`install` and `uninstall` on a booted server: the app runs, a refusal changes nothing, data stays."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from envkit.channels.systemd import CHANNEL
from envkit.deployment.reading import load_description
from envkit.operations.installing import install, uninstall
from envkit.operations.starting import Server
from envkit.operations.steps import OperationError, Steps, stopped
from tests.systemd.conftest import APP, SECRET


@pytest.fixture(scope="module")
def fresh(booted):
    """A server with the app's code and settings, and nothing installed; commands run inside."""
    machine = booted()
    shutil.copytree(APP, machine.path("/srv/shop"))
    machine.path("/etc/envkit/shop/credentials").mkdir(mode=0o700, parents=True)
    machine.write("/etc/envkit/shop/env", CHANNEL.write({"COLOUR": SECRET}), mode=0o600)
    machine.write("/etc/envkit/shop/credentials/TOKEN", SECRET, mode=0o600)
    return machine


def server_of(machine):
    """The booted server as `install` sees its own."""

    def run(command):
        try:
            machine.run(*command)
        except AssertionError as error:
            said = str(error)
        else:
            return
        raise stopped("", " ".join(command), said)

    return Server(machine.path("/"), run)


def is_well(machine, host="shop.test", *, tls=False):
    """Whether the app answers; until nginx has reloaded, in its own time, it may refuse the host."""
    try:
        return machine.ask("/health", host, tls=tls)[0] == 200
    except AssertionError:
        return False


def test_install_repeat_refuse_uninstall(fresh):
    """The app runs after one call and after a second; a site that nginx refuses changes nothing; then all is gone."""
    shop = load_description(APP / "envkit.toml")
    for _ in range(2):
        install(shop, Steps(), server_of(fresh))
        fresh.wait(lambda: is_well(fresh), "it is not well")
    assert fresh.run("systemctl", "is-enabled", "shop.target").strip() == "enabled"
    process = fresh.show("shop-web.service", "MainPID")
    install(shop, Steps(), server_of(fresh))
    assert fresh.show("shop-web.service", "MainPID") == process

    site = fresh.path("/etc/nginx/sites-available/shop.conf")
    before = site.read_text()
    own = fresh.path("/etc/nginx/sites-enabled/zz-wrong")
    own.write_text("no_such_directive;\n")
    with pytest.raises(OperationError, match="nginx -t"):
        install(replace(shop, http=replace(shop.http, body_limit=7_000_000)), Steps(), server_of(fresh))
    own.unlink()
    assert site.read_text() == before
    code = fresh.path("/srv/shop/shop.py")
    kept = code.read_text()
    code.write_text("import no_such_module\n")
    processes = {**shop.processes, "web": replace(shop.processes["web"], user="shopper")}
    with pytest.raises(OperationError, match="shop-check"):
        install(replace(shop, processes=processes), Steps(), server_of(fresh))
    assert fresh.run("stat", "-c", "%U:%G", "/var/lib/shop", "/var/lib/shop/released").split() == ["shop:shop"] * 2
    code.write_text(kept)
    assert site.read_text() == before
    assert fresh.get()[0] == 200
    assert fresh.show("shop-web.service", "MainPID") == process

    uninstall(shop, Steps(), server_of(fresh))
    assert fresh.show("shop-web.service", "LoadState", "ActiveState") == ["not-found", "inactive"]
    assert fresh.path("/etc/envkit/shop/env").exists()
    assert fresh.path("/var/lib/shop/released").exists()
    assert not site.exists()
    install(shop, Steps(), server_of(fresh))
    fresh.wait(lambda: is_well(fresh), "it is not well")


def test_another_socket_and_fewer_processes(fresh):
    """Moved to another socket, the app is reached there and nowhere else; a process described no more has ended."""
    shop = load_description(APP / "envkit.toml")
    install(shop, Steps(), server_of(fresh))
    fresh.settle("shop-worker.service")
    processes = {name: process for name, process in shop.processes.items() if name != "worker"}
    moved = replace(shop, http=replace(shop.http, upstream="unix:/run/shop/other.sock"), processes=processes)
    for description, there, gone in ((moved, "other", "web"), (shop, "web", "other")):
        install(description, Steps(), server_of(fresh))
        fresh.wait(lambda: is_well(fresh), "it is not well")
        assert fresh.show("shop-web.socket", "Listen") == [f"/run/shop/{there}.sock (Stream)"]
        assert not fresh.path(f"/run/shop/{gone}.sock").exists()
        expected = ["active"] if description is shop else ["inactive"]
        assert fresh.show("shop-worker.service", "ActiveState") == expected


REFUSED = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", 80))
connection.sendall(f"GET / HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
try:
    sys.exit(bool(connection.recv(1)))
except ConnectionResetError:
    pass
"""


def refuses(machine, host):
    """Whether nginx refuses a host that no app has, over TLS and without."""
    hello = f"openssl s_client -connect 127.0.0.1:443 -servername {host} </dev/null 2>&1"
    is_refused = "unrecognized name" in machine.attempt("sh", "-c", hello)[1]
    return is_refused and machine.attempt("python3", "-c", REFUSED, host)[0] == 0


def test_two_apps(fresh):
    """One with TLS and one without share a server: strange hosts are refused by both, and each outlives the other."""
    shop = load_description(APP / "envkit.toml")
    shutil.copytree(APP, fresh.path("/srv/till"))
    fresh.run("sed", "-i", "s:/var/lib/shop/:/var/lib/till/:", "/srv/till/shop.py")
    shutil.copytree(fresh.path("/etc/envkit/shop"), fresh.path("/etc/envkit/till"))
    chain, key = "/etc/envkit/till/chain.pem", "/etc/envkit/till/key.pem"
    made = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", chain)
    fresh.run("openssl", "req", "-x509", "-subj", "/CN=till.test", *made)
    till = replace(
        shop,
        name="till",
        versions=replace(shop.versions, nginx="1.22.1"),
        http=replace(shop.http, domains=("till.test",), tls="files", certificate=chain, certificate_key=key),
        server=replace(shop.server, env_file="/etc/envkit/till/env"),
        processes={"web": shop.processes["web"]},
    )

    def till_is_well():
        return is_well(fresh, "till.test", tls=True)

    for app in (till, shop, till):
        install(app, Steps(), server_of(fresh))
    fresh.wait(lambda: is_well(fresh) and till_is_well(), "they are not well")
    fresh.wait(lambda: refuses(fresh, "strange.test"), "a strange host is answered")
    uninstall(shop, Steps(), server_of(fresh))
    fresh.wait(lambda: refuses(fresh, "shop.test"), "the app that went is answered")
    assert till_is_well()
    install(shop, Steps(), server_of(fresh))
    uninstall(till, Steps(), server_of(fresh))
    fresh.wait(lambda: is_well(fresh), "the other one is not well")
    fresh.run("nginx", "-t")
    shutil.rmtree(fresh.path("/etc/envkit/till"))
    fresh.run("systemctl", "restart", "nginx.service")
    fresh.wait(lambda: is_well(fresh), "nginx needs what is gone")
