"""The nginx that most tests ask: TLS, static files, a bypass list, an app on a unix socket; once for each nginx."""

from __future__ import annotations

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance, StaticFiles, Timeouts
from tests.targets.nginx.stack import Nginx, Upstream, certify

PROGRAMS = [
    pytest.param(program, marks=pytest.mark.needs(program, "openssl"))
    for program in ("nginx", "nginx-trixie", "nginx-forky")
]


@pytest.fixture(scope="session", params=PROGRAMS)
def shop(request, tmp_path_factory):
    """A running nginx with most features, as `shop.test`; 127.0.0.2 is in the bypass list."""
    folder = tmp_path_factory.mktemp("shop")
    certify(folder / "certificate", "shop")
    static = folder / "static files"
    (static / "deep").mkdir(parents=True)
    (static / "app.3f2a.css").write_text("body { color: black }\n" * 100)
    (static / "app.mjs").write_text("export {}\n")
    (static / ".secret").write_text("secret")
    (static / "deep" / ".git").mkdir()
    (static / "deep" / ".git" / "config").write_text("secret")
    (folder / "secret.txt").write_text("secret")
    (folder / "static files-old").mkdir()
    (folder / "static files-old" / "secret.txt").write_text("secret")
    upstream = Upstream(folder / "web.sock")
    http = Http(
        domains=("shop.test", "www.shop.test"),
        tls="files",
        certificate=str(folder / "certificate/fullchain.pem"),
        certificate_key=str(folder / "certificate/privkey.pem"),
        upstream=f"unix:{folder}/web.sock",
        static={
            "/static/": StaticFiles(directory=str(static), hashed=True),
            "/media/": StaticFiles(directory=str(static), max_age=600),
        },
        body_limit=64 * 1024,
        header_limit=4 * 1024,
        content_security_policy="default-src 'self'",
        timeouts=Timeouts(client=1.0, connect=1.0),
    )
    maintenance = Maintenance(bypass=("127.0.0.2",), retry_after=120)
    nginx = Nginx(request.param, folder, Deployment(name="shop", app="shop:app", http=http, maintenance=maintenance))
    nginx.upstream = upstream
    yield nginx
    nginx.stop()
    upstream.stop()


@pytest.fixture
def down_for_maintenance(shop):
    """The flag file exists while the test runs."""
    shop.flag.touch()
    yield shop
    shop.flag.unlink()
