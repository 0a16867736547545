"""The rendered text made ready for any machine, and the verdict on files that are wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance
from envkit.operations.nginx_judge import main
from envkit.operations.writing import write_artifacts
from envkit.targets.nginx import render
from envkit.targets.nginx.rehearsal import rehearsed


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        ("user www-data;", ""),
        ("pid /run/nginx.pid;", "pid /tmp/x/nginx.pid;"),
        ("    listen 80 default_server;", "    listen 127.0.0.1:20080 default_server;"),
        ("    listen [::]:443 ssl http2;", "    listen unix:/tmp/x/443.sock ssl http2;"),
        ("listen [::]:443 quic reuseport;", "listen 127.0.0.2:20443 quic reuseport;"),
        ("listen 8080;", "listen 127.0.0.1:8080;"),
        ("access_log off;", "access_log off;"),
        ("access_log /var/log/nginx/a.log envkit_a;", "access_log /tmp/x/access.log envkit_a;"),
        ('access_log "/var/my log" envkit_a;', "access_log /tmp/x/access.log envkit_a;"),
        ("error_log /var/log/nginx/error.log warn;", "error_log stderr;"),
        ('ssl_certificate "/etc/my certificate";', "ssl_certificate /tmp/x/certificate.pem;"),
        ("ssl_certificate_key /k.pem;", "ssl_certificate_key /tmp/x/key.pem;"),
        ("proxy_temp_path /var/tmp/proxy;", "proxy_temp_path /tmp/x/proxy_temp_path;"),
        ("root /srv;", "root /srv;"),
    ],
)
def test_only_what_belongs_to_the_server_is_moved(line, moved):
    """Paths and ports that `nginx -t` would open are those of the folder; the rest is untouched."""
    assert rehearsed(f"{line}\n", "/tmp/x") == f"{moved}\n"


def test_temporary_files_lie_in_the_folder():
    """Where the file leaves them to nginx's build, which may want folders that only root can make."""
    lines = [f"    {kind}_temp_path /tmp/x/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    assert rehearsed("http {\n}", "/tmp/x").split("\n") == ["http {", *lines, "}"]


@pytest.mark.needs("nginx", "openssl")
def test_two_apps_share_one_nginx(tmp_path):
    """The sites of two apps and what refuses other hosts stand beside each other: nothing is there twice."""
    http = Http(tls="letsencrypt", trusted_proxies=("192.0.2.1",))
    for name in ("shop", "blog"):
        http = replace(http, domains=(f"{name}.test",))
        maintenance = Maintenance(bypass=("192.0.2.2",))
        rendering = render(Deployment(name=name, app="a:app", http=http, maintenance=maintenance))
        write_artifacts(rendering.artifacts, tmp_path)

    assert sorted(path.name for path in (tmp_path / "nginx/sites").iterdir()) == [
        "blog.conf",
        "catch-all-tls.conf",
        "catch-all.conf",
        "shop.conf",
    ]
    assert main([str(tmp_path)]) == 0


@pytest.mark.needs("nginx", "openssl")
@pytest.mark.parametrize("broken", ["nginx.conf", "sites/shop.conf"])
def test_what_nginx_refuses_is_refused(tmp_path, broken, capfd):
    """A misspelt directive in the complete file, or in a site alone, is found, and nginx's message names it."""
    (tmp_path / "nginx/sites").mkdir(parents=True)
    (tmp_path / "nginx/nginx.conf").write_text("events {}\nhttp {}\n")
    (tmp_path / "nginx/sites/shop.conf").write_text("server {\n    listen 80;\n}\n")
    assert main([str(tmp_path)]) == 0

    with (tmp_path / "nginx" / broken).open("a") as file:
        file.write("sevrer {}\n")
    assert main([str(tmp_path)]) == 1
    assert 'unknown directive "sevrer"' in capfd.readouterr().err


@pytest.mark.needs("nginx", "openssl")
def test_what_openssl_says_is_handed_on(tmp_path, monkeypatch, capfd):
    """Without a certificate to try the files with there is no verdict."""
    write_artifacts(render(Deployment(name="shop", app="a:app")).artifacts, tmp_path)
    monkeypatch.setenv("OPENSSL_CONF", f"{tmp_path}/none.cnf")
    assert main([str(tmp_path)]) == 2
    said = capfd.readouterr().err
    assert said.startswith("openssl makes no certificate to try the files with:\n")
    assert "none.cnf" in said


def test_a_missing_program_is_named(tmp_path, capsys):
    """Without the program there is no verdict, and the exit status says so."""
    assert main([str(tmp_path), "nginx-of-next-year"]) == 2
    assert capsys.readouterr().err == "nginx-of-next-year is not installed\n"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("version", "quietly"), [("1.18.0", []), ("1.19.5", ["-e", "stderr"])])
def test_an_nginx_that_has_no_option_for_its_log(tmp_path, version, quietly):
    """An older one is asked without the option, which it would refuse instead of the files."""
    write_artifacts(render(Deployment(name="shop", app="a:app")).artifacts, tmp_path)
    program = tmp_path / "nginx-of-old"
    program.write_text(
        f'#!/bin/sh\n[ "$1" != -v ] || exec echo "nginx version: nginx/{version}"\necho "$@" >>{tmp_path}/asked\n'
    )
    program.chmod(0o755)
    assert main([str(tmp_path), str(program)]) == 0
    for line in (tmp_path / "asked").read_text().splitlines():
        assert line.split()[: 2 + len(quietly)] == ["-t", "-q", *quietly]
        assert ("-e" in line.split()) is bool(quietly)
