"""Somebody's own sites of nginx, and programs on the ports of the app's: refused, and everything stays as it was."""

from __future__ import annotations

from dataclasses import replace
from hashlib import md5

import pytest

from envkit.deployment.model import Deployment, Http, Process
from envkit.deployment.model import Server as OwnServer
from envkit.operations.installing import install
from envkit.operations.neighbours import find_no_group, find_taken_ports
from envkit.operations.starting import Server
from envkit.operations.steps import OperationError, Steps

SHOP = Deployment(name="shop", app="shop:app", http=Http(domains=("shop.example.org", "shop.test")))


@pytest.fixture
def root(tmp_path):
    """A server's root folder with nginx's default site as Debian brings it."""
    for folder in ("etc/nginx/sites-available", "etc/nginx/sites-enabled", "var/lib/dpkg"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/nginx/sites-available/default").write_text("Debian's\n")
    (tmp_path / "etc/nginx/sites-enabled/default").symlink_to("../sites-available/default")
    brought = md5(b"Debian's\n", usedforsecurity=False).hexdigest()
    conffiles = f" /etc/nginx/nginx.conf {'0' * 32}\n /etc/nginx/sites-available/default {brought}\n"
    (tmp_path / "var/lib/dpkg/status").write_text(f"Package: nginx-common\nConffiles:\n{conffiles}Description: x\n")
    return tmp_path


def tree(root):
    """Every file and link below the root with its content."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def refused(root, run=None, deployment=SHOP):
    """What the refusal says, of which nothing is changed."""
    before = tree(root)
    with pytest.raises(OperationError) as caught:
        install(deployment, Steps(), Server(root, run))
    assert tree(root) == before
    return str(caught.value)


@pytest.mark.needs("nginx", "systemd-analyze")
def test_a_site_that_was_enabled_by_hand(root):
    """A file where the link belongs, or a link to another one, is replaced by --force alone; one to the same may be."""
    enabled = root / "etc/nginx/sites-enabled/shop.conf"
    hint = "move it away, or overwrite it with --force"
    enabled.write_text("by hand\n")
    problem = "was not made by envkit, so it is not replaced"
    assert refused(root) == f"/etc/nginx/sites-enabled/shop.conf: {problem}. {hint}"
    enabled.unlink()
    enabled.symlink_to("/srv/shop/nginx.conf")
    problem = "leads to /srv/shop/nginx.conf, a site of somebody's own"
    assert refused(root) == f"/etc/nginx/sites-enabled/shop.conf: {problem}. {hint}"
    install(SHOP, Steps(), Server(root, None), force=True)
    assert tree(root)["etc/nginx/sites-enabled/shop.conf"] == "/etc/nginx/sites-available/shop.conf"
    enabled.unlink()
    enabled.symlink_to("../sites-available/shop.conf")
    install(SHOP, Steps(), Server(root, None))


@pytest.mark.needs("nginx", "systemd-analyze")
def test_the_default_site(root):
    """On its port Debian's own goes, and one that somebody changed by --force alone; on another one it stays."""
    default = root / "etc/nginx/sites-enabled/default"
    install(Deployment(name="admin", app="a:app", http=Http(port=8080)), Steps(), Server(root, None))
    assert default.is_symlink()
    (root / "etc/nginx/sites-available/default").write_text("somebody's\n")
    problem = "is no longer the site that Debian brought, and would go"
    hint = "enable it by another name, without default_server, or let it go by --force"
    assert refused(root) == f"/etc/nginx/sites-enabled/default: {problem}. {hint}"
    (root / "etc/nginx/sites-available/default").write_text("Debian's\n")
    install(SHOP, Steps(), Server(root, None))
    assert not default.is_symlink()
    default.symlink_to("/srv/own.conf")
    assert refused(root).startswith(
        "/etc/nginx/sites-enabled/default: leads to /srv/own.conf, a site of somebody's own"
    )
    install(SHOP, Steps(), Server(root, None), force=True)
    assert not default.is_symlink()


@pytest.mark.needs("nginx", "systemd-analyze")
def test_a_host_of_another_site(root):
    """A host of the app's that another site has as well is refused; what else nginx warns of is not."""
    warning = 'nginx: [warn] conflicting server name "{}" on {}, ignored\n'
    said = [warning.format("other.test", "0.0.0.0:80")]

    def run(command):
        return "".join(said) if command == ["nginx", "-t"] else ""

    install(SHOP, Steps(), Server(root, run))
    said += [warning.format("shop.test", address) for address in ("0.0.0.0:80", "[::]:80")]
    assert refused(root, run, Deployment(name="shop", app="shop:app", http=Http(domains=("shop.test",)))) == (
        "shop.test: is a host of another site of nginx, too. of two sites nginx reads one alone: take it out of the "
        "other one, which `nginx -T` shows"
    )


@pytest.mark.needs("nginx", "systemd-analyze")
def test_a_group_that_is_not_there(root):
    """The app's socket cannot be for a group that the server does not have; an image may get it later."""
    (root / "etc/group").write_text("root:x:0:\nwww-data:x:33:\n")
    shop = replace(SHOP, server=OwnServer(proxy_group="no-such-group"))
    hint = "name the group of nginx's user"
    assert refused(root, lambda _command: "", shop) == (
        f"envkit.toml: server.proxy_group: there is no group no-such-group on this server. {hint}"
    )
    install(shop, Steps(), Server(root, None))
    on_tcp = replace(shop, http=Http(domains=("shop.test",), upstream="127.0.0.1:8000"))
    assert not list(find_no_group(on_tcp, root))
    assert not list(find_no_group(SHOP, root))


def listening(root, program, address, state="0A", table="tcp"):
    """Lets a program have a connection, by default one that listens."""
    (root / "proc/1/net").mkdir(parents=True)
    line = f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n"
    (root / "proc/1/net" / table).write_text(f"  sl  local_address rem_address   st\n{line}")
    (root / "proc/3").mkdir()  # has just ended
    if program:
        (root / "proc/7/fd").mkdir(parents=True)
        (root / "proc/7/fd/5").symlink_to("socket:[4711]")
        (root / "proc/7/fd/6").symlink_to("/dev/null")
        (root / "proc/7/comm").write_bytes(program.encode("latin-1") + b"\n")


@pytest.mark.parametrize(
    ("key", "program", "place"),
    [
        ("tls_port", "haproxy", {"address": "00000000:01BB"}),
        ("port", "apache2", {"address": "00000000000000000000000000000000:0050", "table": "tcp6"}),
        ("port", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", {"address": "00000000:0050"}),  # any bytes may be a name
        ("", "nginx", {"address": "00000000:0050"}),
        ("", "curl", {"address": "0100007F:0050", "state": "01"}),
        ("", "apache2", {"address": "00000000:0051"}),
        ("", "", {"address": "00000000:0050"}),
    ],
)
def test_a_port_of_the_site_is_taken(tmp_path, key, program, place):
    """Another program that listens there is named; nginx itself, and who cannot be seen, is not."""
    listening(tmp_path, program, **place)
    files = {"certificate": "/etc/tls/chain.pem", "certificate_key": "/etc/tls/key.pem"}
    shop = Deployment(name="shop", app="shop:app", http=Http(domains=("shop.test",), tls="files", **files))
    found = [str(finding) for finding in find_taken_ports(shop, tmp_path)]
    shown = program.encode("latin-1").decode(errors="replace")
    problem = f"{shown} listens on port {443 if key == 'tls_port' else 80}, where nginx is to listen"
    hint = "stop that program, or name another port"
    assert found == ([f"envkit.toml: http.{key}: {problem}. {hint}"] if key else [])


def test_the_port_of_the_app_is_taken(tmp_path):
    """Whoever listens where the app's socket is to be is named, unless that socket is there already."""
    listening(tmp_path, "systemd", "0100007F:1F40")
    shop = Deployment(name="shop", app="shop:app", http=Http(upstream="127.0.0.1:8000"))
    problem = "systemd listens on port 8000, where the app is to listen"
    hint = "stop that program, or name another port"
    unit = tmp_path / "etc/systemd/system/shop-web.socket"
    unit.parent.mkdir(parents=True)
    for text in (None, "[Socket]\nListenStream=/run/shop/web.sock\n"):
        if text:
            unit.write_text(text)
        assert [str(finding) for finding in find_taken_ports(shop, tmp_path)] == [
            f"envkit.toml: http.upstream: {problem}. {hint}"
        ]
    commanded = replace(shop, processes={"web": Process(command=("/srv/shop/serve",))})
    assert not list(find_taken_ports(commanded, tmp_path))
    unit.write_text("[Socket]\nListenStream=127.0.0.1:8000\n")
    assert not list(find_taken_ports(shop, tmp_path))


@pytest.mark.parametrize(
    ("upstream", "table", "address", "is_taken"),
    [
        ("127.0.0.1:8000", "tcp", "0500000A", False),
        ("127.0.0.1:8000", "tcp6", f"{'0' * 24}01000000", False),
        ("127.0.0.1:8000", "tcp", "0" * 8, True),
        ("127.0.0.1:8000", "tcp6", "0" * 32, True),
        ("127.0.0.1:8000", "tcp6", "0000000000000000FFFF00000100007F", True),
        ("[::1]:8000", "tcp6", f"{'0' * 24}01000000", True),
        ("0.0.0.0:8000", "tcp", "0500000A", True),
    ],
)
def test_the_port_of_another_address(tmp_path, upstream, table, address, is_taken):
    """A program that has the app's port on another address of the machine leaves room, and on every address none."""
    listening(tmp_path, "other", f"{address}:1F40", table=table)
    shop = Deployment(name="shop", app="shop:app", http=Http(upstream=upstream))
    assert bool(list(find_taken_ports(shop, tmp_path))) == is_taken
